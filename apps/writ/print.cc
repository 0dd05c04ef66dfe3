#include "writ/print.h"

#include <fmt/format.h>
#include <unistd.h>

#include "json/write.h"
#include "writ/options.h"

namespace writ::cli {
namespace {

void put(int fd, const std::string& text) {
  // A closed standard output is nobody's error but the reader's.
  (void)write_all(FdRef(fd), as_bytes(std::string_view(text)));
}

std::string indented(const std::string& label, const std::string& text) {
  std::string out;
  bool first = true;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += fmt::format("\n  {:<9}  {}", first ? label : "",
                       printable(text.substr(at, end - at), 2000));
    first = false;
    at = end + 1;
  }
  return out;
}

}  // namespace

void answer(const std::string& text) {
  put(STDOUT_FILENO, text + "\n");
}
void say(const std::string& text) {
  put(STDERR_FILENO, text + "\n");
}

json::Value new_answer() {
  json::Value value = json::Value::object();
  value.set("schema", 0);
  return value;
}

std::string json_line(const json::Value& value) {
  return json::write(value);
}
void put_answer(const json::Value& value) {
  answer(json_line(value));
}

json::Value as_json(const Denial& denial) {
  json::Value value = json::Value::object();
  value.set("code", code_of(denial.reason));
  value.set("group", group_name(describe(denial.reason).group));
  value.set("asked", denial.asked).set("because", denial.because).set("allow", denial.allow);
  return value;
}

int report(const Error& error, bool json) {
  if (json) {
    json::Value value = new_answer();
    json::Value body = json::Value::object();
    body.set("code", code_name(error.code())).set("message", error.message());
    value.set("error", std::move(body));
    put_answer(value);
  }
  say("writ: " + error.message());
  switch (error.code()) {
    case Code::InvalidArgument: return 2;
    case Code::Malformed:
    case Code::NotFound:
    case Code::Denied:
    case Code::Expired:
    case Code::Conflict: return 1;
    // A file over its size is the asker's; a full disk is not.
    case Code::Exhausted: return error.sys_errno() == 0 ? 1 : 125;
    case Code::Unsupported:
    case Code::Unavailable:
    case Code::Internal: return 125;
  }
  return 125;
}

std::string lines_of(const Denial& denial, const DenialMore& more, const std::string& head) {
  std::string out =
      fmt::format("writ: {}: {}  ({})", head, printable(denial.asked, 300), code_of(denial.reason));
  if (!more.asked_by.empty()) out += indented("asked by", more.asked_by);
  if (!denial.because.empty()) out += indented("because", denial.because);
  if (!denial.allow.empty()) out += indented("to allow", denial.allow);
  if (!more.record.empty()) out += indented("record", more.record);
  return out;
}

int refused(const Denial& denial, bool json) {
  if (json) {
    json::Value value = new_answer();
    value.set("refused", as_json(denial));
    put_answer(value);
  }
  say(lines_of(denial, {}, "refused"));
  return kNo;
}

std::string lines_of(const governor::Told& told, const std::string& where) {
  DenialMore more;
  const std::string process =
      told.pid == 0
          ? "by a datagram, of which the process is not known"
          : fmt::format("{}   pid {}", told.asked_by.empty() ? "the run's start" : told.asked_by,
                        told.pid);
  more.asked_by = process + ", " + where;
  more.record = fmt::format("seq {}, entry {}          writ explain {}", told.event.seq.get(),
                            told.leaf.get(), told.leaf.get());
  return lines_of(told.denial, more);
}

std::string run_and_permit(const RunId& run, const PermitId& permit) {
  return "run " + to_string(run) + ", permit " + short_hex(permit);
}

json::Value as_json(const governor::Told& told) {
  json::Value value = new_answer();
  value.set("refused", as_json(told.denial));
  value.set("seq", told.event.seq.get()).set("entry", told.leaf.get());
  return value;
}

std::string seconds(std::int64_t nanos) {
  const double value = static_cast<double>(nanos) / 1e9;
  if (value < 0.1) return fmt::format("{:.1f} ms", value * 1000);
  if (value < 1) return fmt::format("{:.2f} s", value);
  if (value < 120) return fmt::format("{:.1f} s", value);
  return left(nanos / 1'000'000'000);
}

std::string left(std::int64_t seconds) {
  if (seconds <= 0) return "0s";
  if (seconds >= 86'400) return fmt::format("{}d{}h", seconds / 86'400, seconds % 86'400 / 3600);
  if (seconds >= 3600) return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
  if (seconds >= 60) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}s", seconds);
}

}  // namespace writ::cli
