// JSON: what the reader accepts, both writers write so that it reads back as the same value.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "json/read.h"
#include "json/write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = read(text, {.bytes = 1U << 16U, .depth = 20, .values = 2000});
  if (!value) {
    WRIT_ASSERT(is_utf8(value.error().message()));
    return 0;
  }
  WRIT_ASSERT(is_utf8(text));
  const std::string compact = write(*value);
  const auto again = read(compact);
  WRIT_ASSERT(again.has_value() && *again == *value);
  WRIT_ASSERT(write(*again) == compact);
  const auto pretty = read(write(*value, Style::Pretty), {.bytes = SIZE_MAX});
  WRIT_ASSERT(pretty.has_value() && *pretty == *value);
  // Any bytes at all can be quoted.
  WRIT_ASSERT(read(quote(text), {.bytes = SIZE_MAX}).has_value());
  return 0;
}
