// Landlock: which rights a run's trees get, per version of the kernel's interface.
//
// Constants and pure functions; linux-libc-dev 6.1 stops at ABI 2, so the later names are here.
// Landlock is the second layer under the mounts: the same sets, and it also holds where a mount
// attribute would not (a passed descriptor, /proc). It does not cover: chmod, chown, utimes,
// xattr, flock, stat, chdir (the read-only mounts do, but for flock), UNIX sockets by path (the net
// gate does), and mmap(PROT_EXEC) of a readable file (the noexec mounts do).
// Before ABI 2 no file can be renamed or linked into another directory, from ABI 3 truncate,
// from ABI 5 device ioctls are covered, from ABI 6 signals and abstract sockets are scoped.
//
// From ABI 4, under a plan that grants endpoints, all TCP bind and connect of the run itself is
// denied: the net gate makes these calls, and it is not in the run's Landlock domain. (Listening
// without binding is not covered: the gate's notification is.) Without endpoints TCP is not
// handled: the run's sockets live in its own empty network namespace. Thread safety: pure
// functions.
#pragma once

#include <cstdint>

#include "enforce/plan.h"

namespace writ::enforce::landlock {

inline constexpr std::uint64_t kExecute = 1u << 0;
inline constexpr std::uint64_t kWriteFile = 1u << 1;
inline constexpr std::uint64_t kReadFile = 1u << 2;
inline constexpr std::uint64_t kReadDirectory = 1u << 3;
inline constexpr std::uint64_t kRemoveDirectory = 1u << 4;
inline constexpr std::uint64_t kRemoveFile = 1u << 5;
inline constexpr std::uint64_t kMakeCharacterDevice = 1u << 6;
inline constexpr std::uint64_t kMakeDirectory = 1u << 7;
inline constexpr std::uint64_t kMakeRegular = 1u << 8;
inline constexpr std::uint64_t kMakeSocket = 1u << 9;
inline constexpr std::uint64_t kMakeFifo = 1u << 10;
inline constexpr std::uint64_t kMakeBlockDevice = 1u << 11;
inline constexpr std::uint64_t kMakeSymlink = 1u << 12;
inline constexpr std::uint64_t kRefer = 1u << 13;        // ABI 2
inline constexpr std::uint64_t kTruncate = 1u << 14;     // ABI 3
inline constexpr std::uint64_t kDeviceIoctl = 1u << 15;  // ABI 5

inline constexpr std::uint64_t kBindTcp = 1u << 0;     // ABI 4
inline constexpr std::uint64_t kConnectTcp = 1u << 1;  // ABI 4

inline constexpr std::uint64_t kScopeAbstractSocket = 1u << 0;  // ABI 6
inline constexpr std::uint64_t kScopeSignal = 1u << 1;          // ABI 6

// handled is every file-system right that ABI `abi` knows: all are denied without a rule.
std::uint64_t handled(int abi);
// scopes is what of a run's signals and abstract sockets stays inside it.
std::uint64_t scopes(int abi);
// network is every right about TCP: bind and connect.
std::uint64_t network(int abi);
// rights of a mount of `kind`; for a single file only those a file can have.
std::uint64_t rights(MountKind kind, bool directory, int abi);
// device_rights of /dev/null and its like.
std::uint64_t device_rights(int abi);

// probe_abi asks the kernel: 0 where Landlock is absent or switched off.
int probe_abi();

}  // namespace writ::enforce::landlock
