#include "json/items.h"

#include <utility>

namespace writ::json {
namespace {

bool space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Values in a tree whose depth read() has bounded.
std::size_t count(const Value& value) {
  std::size_t all = 1;
  if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items) all += count(item);
  }
  if (const Value::Object* members = value.as_object()) {
    for (const Member& member : *members) all += count(member.value);
  }
  return all;
}

}  // namespace

More whole(std::string_view text) {
  return [text]() mutable -> Result<std::string_view> { return std::exchange(text, {}); };
}

Result<bool> ItemReader::fill() {
  if (!piece_.empty()) return true;
  piece_ = TRY(more_());
  taken_ += piece_.size();
  if (taken_ > limits_.bytes) {
    return Error(Code::Exhausted, "longer than " + std::to_string(limits_.bytes) + " bytes");
  }
  return !piece_.empty();
}

char ItemReader::take() {
  const char c = piece_.front();
  piece_.remove_prefix(1);
  here_.pass(c);
  return c;
}

Result<std::optional<char>> ItemReader::skip_space() {
  while (TRY(fill())) {
    if (!space(piece_.front())) return std::optional<char>(piece_.front());
    take();
  }
  return std::optional<char>();
}

// Up to the comma or bracket that ends it. What is wrong inside is read()'s to say, so the text
// ends early where read() cannot get any further.
Result<Value> ItemReader::item() {
  begin_ = here_;
  text_.clear();
  std::size_t depth = 0;
  bool in_string = false, escaped = false;
  while (TRY(fill())) {
    const char c = piece_.front();
    if (!in_string && depth == 0 && (c == ',' || c == ']')) break;
    if (text_.size() >= limits_.each.bytes) {
      return begin_.error(Code::Exhausted, "one item of the list is longer than " +
                                               std::to_string(limits_.each.bytes) + " bytes");
    }
    text_.push_back(take());
    if (in_string) {
      in_string = escaped || c != '"';
      escaped = !escaped && c == '\\';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limits_.each.depth) break;
    } else if (c == ']' || c == '}') {
      if (depth == 0) break;
      --depth;
    }
  }
  if (text_.empty()) {
    return here_.error(Code::Malformed, piece_.empty() ? "the list has no end: expected a value"
                                                       : std::string("expected a value, found `") +
                                                             piece_.front() + "`");
  }
  Value value = TRY(read(text_, limits_.each, begin_));
  values_ += count(value);
  if (values_ > limits_.values) {
    return here_.error(Code::Exhausted, "more than " + std::to_string(limits_.values) + " values");
  }
  return value;
}

Result<std::optional<Value>> ItemReader::next() {
  std::optional<char> c = TRY(skip_space());
  if (state_ == State::Before) {
    if (c != '[') {
      return here_.error(Code::Malformed, c ? "expected a list, which begins with `[`"
                                            : "expected a list, found the end of the text");
    }
    take();
    state_ = State::First;
    c = TRY(skip_space());
  }
  if (state_ == State::Between && c == ',') {
    take();
    (void)TRY(skip_space());
  } else if (state_ != State::After && c == ']') {
    take();
    state_ = State::After;
    c = TRY(skip_space());
  } else if (state_ == State::Between) {
    return here_.error(Code::Malformed, "the list has no end: expected `,` or `]`");
  }
  if (state_ == State::After) {
    if (c) return here_.error(Code::Malformed, "the text goes on after its end");
    return std::optional<Value>();
  }
  state_ = State::Between;
  return std::optional<Value>(TRY(item()));
}

}  // namespace writ::json
