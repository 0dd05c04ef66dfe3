#include "governor/shebang.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace writ::governor {

std::optional<Shebang> parse_shebang(std::string_view head) {
  head = head.substr(0, 256);
  if (!head.starts_with("#!")) return {};
  const bool whole = head.find('\n') != std::string_view::npos;
  std::string_view line = head.substr(2, head.find('\n') - 2);
  line = line.substr(0, line.find('\0'));
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && blank(line.back())) line.remove_suffix(1);
  if (line.empty()) return {};
  std::size_t end = 0;
  while (end < line.size() && !blank(line[end])) ++end;
  // A cut interpreter name is refused by the kernel; a cut argument is passed as it is.
  if (end == line.size() && !whole && head.size() == 256) return {};
  Shebang found;
  found.interpreter = line.substr(0, end);
  line.remove_prefix(end);
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  if (!line.empty()) found.argument = std::string(line);
  return found;
}

Result<std::optional<Shebang>> read_shebang(const std::string& path) {
  UniqueFd file = TRY(open_at(FdRef::cwd(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  const struct stat facts = TRY(stat_fd(file.borrow()));
  if (!S_ISREG(facts.st_mode)) return Error(Code::InvalidArgument, "not a regular file");
  std::array<char, 256> head{};
  ssize_t got = 0;
  do {
    got = ::pread(file.number(), head.data(), head.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno_error(errno, printable(path));
  return parse_shebang({head.data(), static_cast<std::size_t>(got)});
}

}  // namespace writ::governor
