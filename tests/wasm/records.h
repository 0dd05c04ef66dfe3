// What a native program writes and run.mjs reads: records of byte strings, each after its length
// in four bytes, little-endian.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace writ {

class Records {
 public:
  explicit Records(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {
    WRIT_ASSERT(file_ != nullptr);
  }
  ~Records() { WRIT_ASSERT(std::fclose(file_) == 0); }
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;
  void put(std::initializer_list<Bytes> fields) {
    for (const Bytes field : fields) {
      const auto size = static_cast<std::uint32_t>(field.size());
      const unsigned char head[] = {
          static_cast<unsigned char>(size), static_cast<unsigned char>(size >> 8U),
          static_cast<unsigned char>(size >> 16U), static_cast<unsigned char>(size >> 24U)};
      WRIT_ASSERT(std::fwrite(head, 1, sizeof head, file_) == sizeof head);
      if (field.empty()) continue;
      WRIT_ASSERT(std::fwrite(field.data(), 1, field.size(), file_) == field.size());
    }
  }

 private:
  std::FILE* file_;
};

}  // namespace writ
