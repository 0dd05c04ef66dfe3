// The archives of Cedar's conformance data as a directory: opened from a folder or a .tar.xz.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "json/value.h"

namespace writ::conformance {

// A directory to read from; unpacked archives are removed again at the end of its life.
class Source {
 public:
  // open takes a directory, or an archive that tar can unpack.
  static Result<Source> open(const std::filesystem::path& path);
  Source(Source&& other) noexcept;
  Source& operator=(Source&&) = delete;
  ~Source();

  const std::filesystem::path& root() const { return root_; }
  // read is a file's text; paths are relative to the root, or to the folder above it.
  Result<std::string> read(const std::filesystem::path& file) const;

 private:
  Source() = default;
  std::filesystem::path root_;
  std::filesystem::path remove_;  // empty: nothing
};

// read_xz is the unpacked text of a .xz file.
Result<std::string> read_xz(const std::filesystem::path& file);

// same_json compares without regard to the order of members.
bool same_json(const json::Value& a, const json::Value& b);

// data_path is a file of the shared conformance data: $WRIT_SHARED, or ../shared.
std::filesystem::path data_path(const std::string& name);

}  // namespace writ::conformance
