#include "writ/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "crypto/seal.h"

namespace writ::cli {
namespace {

// first_line cuts at the first line feed.
SecretBytes first_line(SecretBytes text) {
  const Bytes bytes = text.reveal(SecretAccess::for_reason("a passphrase is cut at its line end"));
  const auto end = std::find(bytes.begin(), bytes.end(), std::byte{'\n'});
  text.shrink(static_cast<std::size_t>(end - bytes.begin()));
  return text;
}

// NoEcho turns a terminal's echo off for as long as it lives.
class NoEcho {
 public:
  explicit NoEcho(int fd) : fd_(fd), was_on_(::tcgetattr(fd, &before_) == 0) {
    if (!was_on_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    (void)::tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (was_on_) (void)::tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  int fd_;
  termios before_ = {};
  bool was_on_;
};

}  // namespace

Result<SecretBytes> ask_passphrase(const std::string& prompt) {
  Result<UniqueFd> terminal = open_at(FdRef::cwd(), "/dev/tty", O_RDWR | O_NOCTTY);
  if (!terminal) {
    return Error(Code::Unavailable,
                 "there is no terminal to ask for the passphrase: --passphrase-file FILE");
  }
  TRY(write_all(terminal->borrow(), as_bytes(std::string_view(prompt))));
  SecretBytes text(crypto::kMaxPassphrase + 1);
  std::size_t have = 0;
  {
    const NoEcho quiet(terminal->number());
    const std::span<std::byte> room =
        text.fill_in(SecretAccess::for_reason("a passphrase is read from the terminal"));
    while (have < room.size()) {
      const ssize_t got = ::read(terminal->number(), room.data() + have, room.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno_error(errno, "reading the passphrase");
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
      if (room[have - 1] == std::byte{'\n'}) break;
    }
  }
  TRY(write_all(terminal->borrow(), as_bytes(std::string_view("\n"))));
  text.shrink(have);
  return first_line(std::move(text));
}

Result<SecretBytes> read_passphrase(const std::string& path) {
  return first_line(TRY(read_secret_file(path, crypto::kMaxPassphrase + 1)));
}

}  // namespace writ::cli
