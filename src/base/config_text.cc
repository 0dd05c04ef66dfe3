// toml++ reads; this file bounds what it is given, and copies what it found into ConfigValues.
//
// toml++ recurses over nested keys when it frees them and allocates a node for every value, so a
// small text could cost a deep stack or much memory. survey() therefore walks over the characters
// first, with constant memory, and counts what could become a value or a level. It need not
// understand the text: it only has to tell strings and comments from the rest, and where the text
// is wrong toml++ says so afterwards.
#include "base/config_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/bytes.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace writ {
namespace {

std::string place_of(std::string_view file, std::size_t line, std::size_t column) {
  std::string place(printable(file));
  place += ':';
  place += std::to_string(line);
  place += ':';
  place += std::to_string(column);
  return place;
}

// skip_string returns the position after the string that starts at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool multi = text.substr(at, 3) == std::string(3, quote);
  at += multi ? 3 : 1;
  while (at < text.size()) {
    if (text[at] == '\\' && quote == '"') {
      at += 2;
    } else if (multi && text.substr(at, 3) == std::string_view(quote == '"' ? "\"\"\"" : "'''")) {
      at += 3;
      while (at < text.size() && text[at] == quote) ++at;  // up to two quotes may end the content
      return at;
    } else if (!multi && (text[at] == quote || text[at] == '\n')) {
      return at + 1;
    } else {
      ++at;
    }
  }
  return text.size();
}

Result<void> survey(std::string_view text, std::string_view file) {
  std::size_t items = 0;
  std::size_t dots = 0;
  std::size_t open = 0;
  std::size_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      const std::size_t end = std::min(skip_string(text, at), text.size());
      line += static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(at),
                                                  text.begin() + static_cast<std::ptrdiff_t>(end),
                                                  '\n'));
      at = end;
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '.') {
      ++dots;
      ++items;
    }
    if (c == '=' || c == ',' || c == '[' || c == '{' || c == '\n') dots = 0;
    if (c == '=' || c == ',' || c == '[' || c == '{') ++items;
    if (c == '[' || c == '{') ++open;
    if ((c == ']' || c == '}') && open > 0) --open;
    if (dots >= kMaxConfigDepth || open > kMaxConfigDepth) {
      return Error(Code::Exhausted, place_of(file, line, at - line_start + 1) +
                                        ": nested deeper than " + std::to_string(kMaxConfigDepth) +
                                        " levels");
    }
    if (items > kMaxConfigItems) {
      return Error(Code::Exhausted, place_of(file, line, at - line_start + 1) + ": more than " +
                                        std::to_string(kMaxConfigItems) + " values");
    }
    if (c == '\n') {
      ++line;
      line_start = at + 1;
    }
    ++at;
  }
  return {};
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array<Unit, 5> kTimeUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 5> kSizeUnits{
    {{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};
constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

// take_number reads decimal digits off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto size = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || size == 0 || (text[0] == '0' && size > 1)) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

std::optional<std::uint64_t> scaled(std::uint64_t count, std::uint64_t factor, std::uint64_t plus) {
  if (count > (kMost - plus) / factor) return std::nullopt;
  return count * factor + plus;
}

}  // namespace

Result<std::uint64_t> parse_duration_ms(std::string_view text) {
  const Error wrong(Code::Malformed, "`" + printable(text, 40) +
                                         "` is no duration: write \"90s\", \"1h30m\" or \"250ms\"");
  std::uint64_t total = 0;
  std::size_t next_unit = 0;
  if (text.empty()) return wrong;
  while (!text.empty()) {
    const std::optional<std::uint64_t> count = take_number(text);
    if (!count) return wrong;
    const std::size_t length = std::min(text.find_first_of("0123456789"), text.size());
    while (next_unit < kTimeUnits.size() && kTimeUnits[next_unit].name != text.substr(0, length)) {
      ++next_unit;
    }
    if (next_unit == kTimeUnits.size()) return wrong;
    text.remove_prefix(length);
    const auto sum = scaled(*count, kTimeUnits[next_unit++].factor, total);
    if (!sum) return wrong;
    total = *sum;
  }
  return total;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const Error wrong(Code::Malformed, "`" + printable(text, 40) +
                                         "` is no size: write \"1GiB\", \"64MiB\" or \"512B\"");
  const std::optional<std::uint64_t> count = take_number(text);
  if (!count) return wrong;
  for (const Unit& unit : kSizeUnits) {
    if (unit.name != text) continue;
    const auto size = scaled(*count, unit.factor, 0);
    if (!size) return wrong;
    return *size;
  }
  return wrong;
}

std::string print_duration(std::uint64_t millis) {
  if (millis == 0) return "0s";
  std::string text;
  for (const Unit& unit : kTimeUnits) {
    if (millis < unit.factor) continue;
    text += std::to_string(millis / unit.factor);
    text += unit.name;
    millis %= unit.factor;
  }
  return text;
}

std::string print_size(std::uint64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (bytes != 0 && bytes % unit.factor == 0) {
      return std::to_string(bytes / unit.factor) + std::string(unit.name);
    }
  }
  return "0B";
}

std::string ConfigValue::place() const {
  return place_of(*file_, line_, column_);
}

Error ConfigValue::wrong(const std::string& message) const {
  return {Code::Malformed, place() + ": " + message};
}

namespace {
std::string_view kind_name(ConfigValue::Kind kind) {
  switch (kind) {
    case ConfigValue::Kind::Text: return "text";
    case ConfigValue::Kind::Integer: return "an integer";
    case ConfigValue::Kind::Boolean: return "true or false";
    case ConfigValue::Kind::Array: return "an array";
    case ConfigValue::Kind::Table: return "a table";
  }
  return "";
}
std::string expected(std::string_view wanted, ConfigValue::Kind found) {
  std::string message = "expected ";
  message += wanted;
  message += ", found ";
  message += kind_name(found);
  return message;
}
}  // namespace

Result<std::string> ConfigValue::as_text() const {
  if (kind_ != Kind::Text) return wrong(expected("text", kind_));
  return text_;
}

Result<std::int64_t> ConfigValue::as_integer() const {
  if (kind_ != Kind::Integer) return wrong(expected("an integer", kind_));
  return integer_;
}

Result<bool> ConfigValue::as_boolean() const {
  if (kind_ != Kind::Boolean) return wrong(expected("true or false", kind_));
  return boolean_;
}

Result<std::uint64_t> ConfigValue::as_count(std::uint64_t lowest, std::uint64_t highest) const {
  const std::int64_t value = TRY(as_integer());
  if (value < 0 || static_cast<std::uint64_t>(value) < lowest ||
      static_cast<std::uint64_t>(value) > highest) {
    return wrong("expected a number from " + std::to_string(lowest) + " to " +
                 std::to_string(highest) + ", found " + std::to_string(value));
  }
  return static_cast<std::uint64_t>(value);
}

Result<std::uint64_t> ConfigValue::as_duration_ms() const {
  if (kind_ != Kind::Text) return wrong(expected("a duration such as \"10m\"", kind_));
  Result<std::uint64_t> value = parse_duration_ms(text_);
  if (!value) return wrong(value.error().message());
  return *value;
}

Result<std::uint64_t> ConfigValue::as_size() const {
  if (kind_ == Kind::Integer) return as_count(0, kMost);
  if (kind_ != Kind::Text) return wrong(expected("a size such as \"64MiB\"", kind_));
  Result<std::uint64_t> value = parse_size(text_);
  if (!value) return wrong(value.error().message());
  return *value;
}

Result<const std::vector<ConfigValue>*> ConfigValue::as_array() const {
  if (kind_ != Kind::Array) return wrong(expected("an array", kind_));
  return &elements_;
}

Result<std::vector<std::string>> ConfigValue::as_text_list() const {
  std::vector<std::string> texts;
  for (const ConfigValue& element : *TRY(as_array())) texts.push_back(TRY(element.as_text()));
  return texts;
}

Result<void> ConfigValue::check_table() const {
  if (kind_ != Kind::Table) return wrong(expected("a table", kind_));
  return {};
}

const ConfigValue* ConfigValue::find(std::string_view key) const {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [&](const auto& member) { return member.first == key; });
  return found == members_.end() ? nullptr : &found->second;
}

Result<const ConfigValue*> ConfigValue::require(std::string_view key) const {
  const ConfigValue* value = find(key);
  if (value == nullptr) return wrong("`" + std::string(key) + "` is missing");
  return value;
}

Result<void> ConfigValue::only_keys(std::initializer_list<std::string_view> known) const {
  TRY(check_table());
  for (const auto& [key, value] : members_) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string list;
    for (const std::string_view name : known) {
      if (!list.empty()) list += ' ';
      list += name;
    }
    return value.wrong("unknown key `" + printable(key, 60) + "` (known here: " + list + ")");
  }
  return {};
}

// Copies toml++'s tree. Depth is bounded by survey().
class ConfigBuilder {
 public:
  explicit ConfigBuilder(std::string_view file)
      : file_(std::make_shared<const std::string>(file)) {}

  Result<ConfigValue> table(const toml::table& from, toml::source_position place) {
    ConfigValue out = make(ConfigValue::Kind::Table, place);
    for (const auto& [key, node] : from) {
      const std::string_view name = key.str();
      if (name.find('\0') != std::string_view::npos) {
        return at(key.source().begin).wrong("a key holds a NUL character");
      }
      out.members_.emplace_back(std::string(name), TRY(value(node, key.source().begin)));
    }
    std::stable_sort(out.members_.begin(), out.members_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second.line_, a.second.column_) <
             std::pair(b.second.line_, b.second.column_);
    });
    return out;
  }

 private:
  ConfigValue make(ConfigValue::Kind kind, toml::source_position place) const {
    ConfigValue out;
    out.kind_ = kind;
    out.line_ = static_cast<std::uint32_t>(place.line);
    out.column_ = static_cast<std::uint32_t>(place.column);
    out.file_ = file_;
    return out;
  }
  ConfigValue at(toml::source_position place) const { return make(ConfigValue::Kind::Text, place); }

  // value stands where its key does (so that a message about either points at the line), or, in
  // an array, where it begins.
  Result<ConfigValue> value(const toml::node& node, toml::source_position place) {
    if (place.line == 0) place = node.source().begin;
    if (const toml::table* inner = node.as_table()) return table(*inner, place);
    if (const toml::array* array = node.as_array()) {
      ConfigValue out = make(ConfigValue::Kind::Array, place);
      for (const toml::node& element : *array) {
        out.elements_.push_back(TRY(value(element, element.source().begin)));
      }
      return out;
    }
    if (const toml::value<std::string>* text = node.as_string()) {
      if (text->get().find('\0') != std::string::npos) {
        return at(place).wrong("text holds a NUL character");
      }
      ConfigValue out = make(ConfigValue::Kind::Text, place);
      out.text_ = text->get();
      return out;
    }
    if (const toml::value<std::int64_t>* number = node.as_integer()) {
      ConfigValue out = make(ConfigValue::Kind::Integer, place);
      out.integer_ = number->get();
      return out;
    }
    if (const toml::value<bool>* boolean = node.as_boolean()) {
      ConfigValue out = make(ConfigValue::Kind::Boolean, place);
      out.boolean_ = boolean->get();
      return out;
    }
    if (node.is_floating_point()) {
      return at(place).wrong("numbers with a fraction are not used here");
    }
    return at(place).wrong("dates and times are not used here; write text in quotes");
  }

  std::shared_ptr<const std::string> file_;
};

Result<ConfigValue> parse_config(std::string_view text, std::string_view file) {
  if (text.size() > kMaxConfigText) {
    return Error(Code::Exhausted, printable(file) + ": " + std::to_string(text.size()) +
                                      " bytes, at most " + std::to_string(kMaxConfigText) +
                                      " are read");
  }
  if (!is_utf8(text)) {
    std::size_t line = 1;
    std::string_view rest = text;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (!is_utf8(rest.substr(0, end))) break;
      rest.remove_prefix(end + 1);
      ++line;
    }
    return Error(Code::Malformed, place_of(file, line, 1) + ": not UTF-8");
  }
  TRY(survey(text, file));
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    const toml::source_position begin = error.source().begin;
    return Error(Code::Malformed, place_of(file, begin.line, begin.column) + ": " +
                                      printable(error.description(), 300));
  }
  ConfigBuilder builder(file);
  return builder.table(parsed.table(), {1, 1});
}

}  // namespace writ
