#include "enforce/net_local.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace writ::enforce {
namespace {

constexpr unsigned kSequence = 1;

struct Request {
  nlmsghdr header{};
  unix_diag_req body{};
};

Result<void> ask(FdRef diagnosis) {
  Request request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = kSequence;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_show = UDIAG_SHOW_VFS;
  request.body.udiag_cookie[0] = request.body.udiag_cookie[1] = ~0U;
  if (::send(diagnosis.number(), &request, sizeof request, 0) != sizeof request) {
    return errno_error(errno, "asking for the run's sockets");
  }
  return {};
}

bool is_bound_to(const nlmsghdr& message, std::uint32_t device, std::uint32_t inode) {
  const auto* body = static_cast<const unix_diag_msg*>(NLMSG_DATA(&message));
  auto left = static_cast<int>(message.nlmsg_len - NLMSG_LENGTH(sizeof *body));
  // The attributes' macros are written for pointers that may be changed.
  auto* at = reinterpret_cast<rtattr*>(const_cast<unix_diag_msg*>(body) + 1);  // NOLINT
  for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    unix_diag_vfs file{};
    if (at->rta_type != UNIX_DIAG_VFS || RTA_PAYLOAD(at) < sizeof file) continue;
    std::memcpy(&file, RTA_DATA(at), sizeof file);
    if (file.udiag_vfs_dev == device && file.udiag_vfs_ino == inode) return true;
  }
  return false;
}

}  // namespace

Result<bool> is_bound_here(FdRef diagnosis, const FileIdentity& file) {
  constexpr unsigned kMinorBits = 20;  // of a device number inside the kernel
  if (file.inode > UINT32_MAX) return false;
  const auto device = static_cast<std::uint32_t>(major(file.device) << kMinorBits) |
                      static_cast<std::uint32_t>(minor(file.device));
  TRY(ask(diagnosis));
  bool found = false;
  for (;;) {
    alignas(nlmsghdr) std::array<std::byte, 32768> room;  // NOLINT(*-member-init): filled by recv
    const ssize_t got = ::recv(diagnosis.number(), room.data(), room.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return errno_error(errno, "reading the run's sockets");
    auto left = static_cast<unsigned>(got);
    auto* message = reinterpret_cast<nlmsghdr*>(room.data());
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return found;
      if (message->nlmsg_type == NLMSG_ERROR) {
        nlmsgerr failed{};
        std::memcpy(&failed, NLMSG_DATA(message), sizeof failed);
        return errno_error(-failed.error, "reading the run's sockets");
      }
      if (message->nlmsg_len < NLMSG_LENGTH(sizeof(unix_diag_msg))) continue;
      if (is_bound_to(*message, device, static_cast<std::uint32_t>(file.inode))) found = true;
    }
  }
}

std::string lexical_path(const std::string& directory, const std::string& path) {
  std::string out = (std::filesystem::path(directory) / path).lexically_normal();
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

}  // namespace writ::enforce
