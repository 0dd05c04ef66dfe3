// The layout: a plan turned into the steps by which init builds the run's root. Pure.
//
// The root is a read-only tmpfs in which every grant appears under the name it has on the host.
// Order: private /tmp, /dev and /proc; mounts, parents before children; covers; links; seals.
// Two things are added to what the plan says:
//   pins     where something the run must not replace lies inside a tree it may write, each
//            directory on the way becomes a mount point of its own: a mount point can be neither
//            renamed nor removed, so the run cannot put another tree under the granted name;
//   islands  a grant below /tmp stands on a small read-only tmpfs of its own inside the private
//            /tmp, for the same reason.
//
// Errors: InvalidArgument for a plan that contradicts itself, Denied for a mount that touches a
// reserved path (P13). Trusted: the plan is the governor's own.
// Thread safety: pure function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "enforce/init/wire.h"
#include "enforce/plan.h"

namespace writ::enforce {

// Sizes of what is memory, not disk (bytes, and number of inodes).
inline constexpr std::uint64_t kTmpBytes = 512u << 20;
inline constexpr std::uint64_t kTmpInodes = 65536;
inline constexpr std::uint64_t kShmBytes = 64u << 20;
inline constexpr std::uint64_t kTerminals = 64;  // the run's own, and those it makes

struct LayoutStep {
  wire::Op op = wire::Op::Directory;
  std::string path;
  std::string target;                // Symlink, and the content of a Text
  MountKind kind = MountKind::Read;  // Bind
  bool directory = false;            // Bind
  bool identified = false;           // Bind: `identity` must match (not for pins)
  FileIdentity identity;
  std::uint64_t device_number = 0;  // Device
  std::uint64_t attributes = 0;     // MOUNT_ATTR_* of the mount
  std::uint64_t size = 0;           // Scratch
  std::uint64_t inodes = 0;
  std::uint32_t mode = 0;
};

struct LayoutRule {
  std::string path;
  std::uint64_t rights = 0;
};

struct Layout {
  std::vector<LayoutStep> steps;
  std::vector<LayoutRule> rules;  // Landlock, empty for abi 0
  std::uint64_t root_inodes = 0;
};

Result<Layout> lay_out(const Plan& plan, int landlock_abi);

// attributes_of is the recursive mount attributes of a kind.
std::uint64_t attributes_of(MountKind kind);

// is_normal says whether `path` is absolute, without ".", "..", doubled or trailing slashes, and
// short enough for the kernel. is_under: `path` is `tree` or lies in it; both normal.
bool is_normal(const std::string& path);
bool is_under(const std::string& path, const std::string& tree);

}  // namespace writ::enforce
