#include "governor/process.h"

#include <unistd.h>

#include <cstdlib>

#include "base/fd.h"

namespace writ::governor {
namespace {

struct Stat {
  char state = '?';
  std::uint64_t start = 0;
};

Result<Stat> read_stat(std::int32_t number) {
  Result<UniqueFd> file = open_at(FdRef::cwd(), "/proc/" + std::to_string(number) + "/stat", 0);
  if (!file) return Error(Code::NotFound, "process " + std::to_string(number) + " is gone");
  Result<ByteVec> bytes = read_all(file->borrow(), 4096);
  if (!bytes) return Error(Code::NotFound, "process " + std::to_string(number) + " is gone");
  // "PID (name) STATE ppid …": the name may hold anything, the last ')' ends it (proc(5)).
  const std::string text(as_text(*bytes));
  const std::size_t name = text.rfind(')');
  if (name == std::string::npos || name + 2 >= text.size()) {
    return Error(Code::Malformed, "/proc/PID/stat is not as expected");
  }
  Stat stat;
  stat.state = text[name + 2];
  std::size_t at = name + 2;
  for (int field = 3; field < 22; ++field) {
    at = text.find(' ', at);
    if (at == std::string::npos) return Error(Code::Malformed, "/proc/PID/stat is too short");
    ++at;
  }
  stat.start = std::strtoull(text.c_str() + at, nullptr, 10);
  return stat;
}

}  // namespace

Result<Pid> this_process() {
  return find_process(::getpid());
}

Result<Pid> find_process(std::int32_t number) {
  const Stat stat = TRY(read_stat(number));
  return Pid{number, stat.start};
}

bool alive(const Pid& process) {
  Result<Stat> stat = read_stat(process.number);
  return stat && stat->start == process.start_ticks && stat->state != 'Z' && stat->state != 'X';
}

}  // namespace writ::governor
