#include "enforce/init/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::enforce::init {
namespace {

// Appends `from` to the text of a message, cut where it is full.
void add(char* text, std::size_t size, const char* from) {
  const std::size_t used = strlen(text);
  for (std::size_t i = 0; from[i] != '\0' && used + i + 1 < size; ++i) {
    text[used + i] = from[i];
    text[used + i + 1] = '\0';
  }
}

}  // namespace

void fail(const char* what, const char* detail) {
  wire::Message message;
  message.kind = wire::Kind::Failed;
  message.value = errno;
  add(message.text, sizeof message.text, what);
  if (detail[0] != '\0') {
    add(message.text, sizeof message.text, " `");
    add(message.text, sizeof message.text, detail);
    add(message.text, sizeof message.text, "`");
  }
  (void)send_message(message, -1);
  _exit(125);
}

long need(long result, const char* what, const char* detail) {
  if (result < 0) fail(what, detail);
  return result;
}

bool send_message(const wire::Message& message, int fd) {
  iovec data{const_cast<wire::Message*>(&message), sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(item), &fd, sizeof fd);
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(wire::kLifeline, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof message);
}

void Script::map(int fd) {
  struct stat info {};
  need(fstat(fd, &info), "looking at the plan");
  if (info.st_size < static_cast<off_t>(sizeof(wire::Head)) || info.st_size > wire::kMaxScript) {
    errno = EINVAL;
    fail("the plan's size is wrong");
  }
  size_ = static_cast<std::size_t>(info.st_size);
  void* at = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) fail("mapping the plan");
  base_ = at;
  (void)close(fd);
  const char* bytes = static_cast<const char*>(base_);
  if (head().magic != wire::kMagic || head().total != size_ || bytes[size_ - 1] != '\0') {
    errno = EINVAL;
    fail("the plan is not of this version");
  }
}

void Script::unmap() {
  (void)munmap(const_cast<void*>(base_), size_);
  base_ = nullptr;
}

const char* Script::text(std::uint32_t offset) const {
  if (offset < sizeof(wire::Head) || offset >= size_) {
    errno = EINVAL;
    fail("the plan names text outside itself");
  }
  return static_cast<const char*>(base_) + offset;
}

const void* Script::rows(const wire::Table& table, std::size_t size) const {
  const std::uint64_t end = std::uint64_t{table.offset} + std::uint64_t{table.count} * size;
  if (end > size_ || table.offset % 8 != 0) {
    errno = EINVAL;
    fail("the plan names a table outside itself");
  }
  return static_cast<const char*>(base_) + table.offset;
}

}  // namespace writ::enforce::init
