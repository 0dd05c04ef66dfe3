// Result<T>: a value or an Error; and TRY, which passes an Error up.
//
// Every function that can fail returns a Result; dropping one is a compiler diagnostic. An Error
// has a closed Code, a message for people and, where a system call failed, its errno. Messages
// are lower case, without a full stop, user input in backticks, causes joined by colons.
// A denial is not an Error: decisions are values (base/reason.h). On an enforcement path an
// Error always means "deny and record".
//
//   Result<Key> load(std::string_view path) {
//     ByteVec text = TRY(read_file(path, kMaxKey));
//     return parse_key(text);                       // implicit from Result<Key>, Key or Error
//   }
//
// The surface is a subset of std::expected's, so that it can become an alias one day.
// Thread safety: values.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace writ {

enum class Code {
  InvalidArgument,  // the caller's request makes no sense
  Malformed,        // bytes or text that are not what they claim to be
  NotFound,
  Denied,  // the operating system or a check said no
  Expired,
  Conflict,     // exists already, or changed underneath
  Exhausted,    // a limit, a full disk
  Unsupported,  // this kernel or this version cannot
  Unavailable,  // may work later or elsewhere
  Internal,     // a broken invariant of our own
};

// code_name is the snake_case name of a code, for messages and --json.
const char* code_name(Code code);

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message, int sys_errno = 0)
      : code_(code), errno_(sys_errno), message_(std::move(message)) {}

  Code code() const { return code_; }
  // sys_errno is the failed system call's errno, or 0.
  int sys_errno() const { return errno_; }
  const std::string& message() const { return message_; }

  // context prefixes the message with what was being done: "opening ledger: …".
  Error context(const std::string& doing) && {
    message_ = doing + ": " + message_;
    return std::move(*this);
  }

 private:
  Code code_;
  int errno_;
  std::string message_;
};

// errno_error makes an Error from `sys_errno`: "`what`: no such file or directory".
Error errno_error(int sys_errno, std::string what);

// die prints `what` and aborts: for broken invariants only (see WRIT_ASSERT).
[[noreturn]] void die(const char* what, const char* file, int line);

// WRIT_ASSERT stays on in release builds.
#define WRIT_ASSERT(condition) ((condition) ? (void)0 : ::writ::die(#condition, __FILE__, __LINE__))

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT implicit

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return check(), std::get<0>(state_); }
  const T& value() const& { return check(), std::get<0>(state_); }
  T&& value() && { return check(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return WRIT_ASSERT(!has_value()), *std::get_if<1>(&state_); }
  Error&& error() && { return WRIT_ASSERT(!has_value()), std::move(*std::get_if<1>(&state_)); }

 private:
  void check() const {
    if (!has_value()) die(std::get_if<1>(&state_)->message().c_str(), __FILE__, __LINE__);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT implicit

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  void value() const {
    if (error_) die(error_->message().c_str(), __FILE__, __LINE__);
  }
  const Error& error() const& { return WRIT_ASSERT(error_.has_value()), *error_; }
  Error&& error() && { return WRIT_ASSERT(error_.has_value()), std::move(*error_); }

 private:
  std::optional<Error> error_;
};

// TRY(expression) is the value of a Result, or returns its Error from the current function.
#define TRY(expression)                                          \
  __extension__({                                                \
    auto writ_try_result_ = (expression);                        \
    if (!writ_try_result_.has_value()) {                         \
      return ::writ::Error(std::move(writ_try_result_).error()); \
    }                                                            \
    std::move(writ_try_result_).value();                         \
  })

}  // namespace writ
