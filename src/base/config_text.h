// Configuration and request text: strict TOML 1.0, read into a small tree that knows its places.
//
// The text may be a stranger's (a set file, a request found in a repository). Bounds: at most
// kMaxConfigText bytes, kMaxConfigItems values, kMaxConfigDepth levels (dotted keys count), UTF-8
// without NUL. Floats, dates and times do not occur in Writ's files and are refused by name.
// Reading is closed-world: a reader names the keys it knows and any other is an error at its
// place. Every message starts with FILE:LINE:COLUMN.
//
//   ConfigValue root = TRY(parse_config(text, "job.toml"));
//   TRY(root.only_keys({"subject", "ttl"}));
//   std::string subject = TRY(root.require("subject")).as_text() …
//
// Thread safety: values. Nothing is interpreted: no variables, no includes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ {

inline constexpr std::size_t kMaxConfigText = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxConfigItems = 50'000;
inline constexpr std::size_t kMaxConfigDepth = 16;

class ConfigValue {
 public:
  enum class Kind : std::uint8_t { Text, Integer, Boolean, Array, Table };

  Kind kind() const { return kind_; }
  std::uint32_t line() const { return line_; }      // from 1
  std::uint32_t column() const { return column_; }  // from 1, in bytes or characters of the line

  // place is "FILE:LINE:COLUMN"; wrong makes a Malformed error "PLACE: `message`".
  std::string place() const;
  Error wrong(const std::string& message) const;

  // as_* read the value as one kind; Malformed at this place when it is another.
  Result<std::string> as_text() const;
  Result<std::int64_t> as_integer() const;
  Result<bool> as_boolean() const;
  // as_count reads an integer in lowest..highest.
  Result<std::uint64_t> as_count(std::uint64_t lowest, std::uint64_t highest) const;
  // as_duration_ms reads "8h", "90s", "1h30m", "250ms" (units d h m s ms, each once, falling).
  Result<std::uint64_t> as_duration_ms() const;
  // as_size reads "1GiB", "64MiB", "8KiB", "512B" or an integer of bytes.
  Result<std::uint64_t> as_size() const;
  // as_array views the elements; as_text_list reads an array of text.
  Result<const std::vector<ConfigValue>*> as_array() const;
  Result<std::vector<std::string>> as_text_list() const;
  // check_table succeeds only for a table.
  Result<void> check_table() const;

  // find is the member of that key, or null; also null when this is not a table.
  const ConfigValue* find(std::string_view key) const;
  // require is find, or an error that names the missing key and this place.
  Result<const ConfigValue*> require(std::string_view key) const;
  // only_keys fails at the first member (in the order of the text) whose key is not listed.
  Result<void> only_keys(std::initializer_list<std::string_view> known) const;
  // members of a table in the order of the text; empty for another kind.
  const std::vector<std::pair<std::string, ConfigValue>>& members() const { return members_; }

 private:
  friend class ConfigBuilder;
  Kind kind_ = Kind::Table;
  bool boolean_ = false;
  std::uint32_t line_ = 0;
  std::uint32_t column_ = 0;
  std::int64_t integer_ = 0;
  std::string text_;
  std::vector<ConfigValue> elements_;
  std::vector<std::pair<std::string, ConfigValue>> members_;
  std::shared_ptr<const std::string> file_;  // shared: every value can say where it stands
};

// parse_config reads `text`; `file` is how messages call it. Malformed or Exhausted (a bound).
// The root is a table at line 1.
Result<ConfigValue> parse_config(std::string_view text, std::string_view file);

// parse_duration_ms and parse_size read the same text forms; Malformed otherwise.
Result<std::uint64_t> parse_duration_ms(std::string_view text);
Result<std::uint64_t> parse_size(std::string_view text);
// print_duration and print_size write the shortest text that reads back to the same value.
std::string print_duration(std::uint64_t millis);
std::string print_size(std::uint64_t bytes);

}  // namespace writ
