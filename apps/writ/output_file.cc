#include "writ/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/durable.h"
#include "base/fd.h"

namespace writ::cli {

Result<void> write_output(const std::string& path, Bytes bytes) {
  std::array<char, PATH_MAX> real{};
  std::string target = path;
  mode_t mode = 0644;
  struct stat facts = {};
  if (::realpath(path.c_str(), real.data()) != nullptr && ::stat(real.data(), &facts) == 0) {
    target = real.data();
    mode = facts.st_mode & 0777U;
    if (!S_ISREG(facts.st_mode)) {
      UniqueFd file = TRY(open_at(FdRef::cwd(), target, O_WRONLY | O_NOCTTY, 0));
      TRY(write_all(file.borrow(), bytes));
      return file.close();
    }
  }
  const std::string temporary = target + ".writ-tmp";
  UniqueFd file =
      TRY(open_at(FdRef::cwd(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0, mode));
  const auto put = [&]() -> Result<void> {
    TRY(write_all(file.borrow(), bytes));
    TRY(system_storage().sync_data(file.borrow()));
    TRY(file.close());
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
      return errno_error(errno, printable(path));
    }
    return {};
  }();
  if (!put) (void)::unlink(temporary.c_str());
  return put;
}

Result<void> put_output(const std::string& path, Bytes bytes) {
  if (!path.empty()) return write_output(path, bytes);
  return write_all(FdRef(STDOUT_FILENO), bytes);
}

}  // namespace writ::cli
