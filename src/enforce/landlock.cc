#include "enforce/landlock.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace writ::enforce::landlock {
namespace {

constexpr std::uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate |
                                      kDeviceIoctl;  // all that a file's rule may name
constexpr std::uint64_t kRead = kReadFile | kReadDirectory;
// No device nodes: nothing in a run could make one, and nothing should try.
constexpr std::uint64_t kWrite = kRead | kWriteFile | kRemoveDirectory | kRemoveFile |
                                 kMakeDirectory | kMakeRegular | kMakeSocket | kMakeFifo |
                                 kMakeSymlink | kRefer | kTruncate;

}  // namespace

std::uint64_t handled(int abi) {
  if (abi < 1) return 0;
  std::uint64_t all = kRefer - 1;
  if (abi >= 2) all |= kRefer;
  if (abi >= 3) all |= kTruncate;
  if (abi >= 5) all |= kDeviceIoctl;
  return all;
}

std::uint64_t scopes(int abi) {
  return abi >= 6 ? kScopeAbstractSocket | kScopeSignal : 0;
}

std::uint64_t network(int abi) {
  return abi >= 4 ? kBindTcp | kConnectTcp : 0;
}

std::uint64_t rights(MountKind kind, bool directory, int abi) {
  std::uint64_t wanted = 0;
  switch (kind) {
    case MountKind::Read: wanted = kRead; break;
    case MountKind::Write: wanted = kWrite; break;
    case MountKind::Program:
    case MountKind::Load: wanted = kRead | kExecute; break;
    case MountKind::Produced: wanted = kWrite | kExecute; break;
  }
  if (!directory) wanted &= kFileRights;
  return wanted & handled(abi);
}

std::uint64_t device_rights(int abi) {
  return (kReadFile | kWriteFile | kTruncate | kDeviceIoctl) & handled(abi);
}

int probe_abi() {
  constexpr unsigned kVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

}  // namespace writ::enforce::landlock
