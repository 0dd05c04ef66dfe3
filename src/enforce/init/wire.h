// What the governor sends to a run's init: the plan as steps, limits and a filter, and the answers.
//
// Shared by boundary.cc (which writes it) and the static init program (which only reads it), so it
// uses nothing but fixed-width integers. The script is one sealed memory file: a Head, its tables,
// and a pool of NUL-terminated strings; an offset counts from the start of the file, 0 is "none".
// Every decision is taken by the governor (layout.h); init carries the steps out, in order, and
// stops at the first that fails.
//
// Trusted: both sides are Writ's own. Init checks every offset all the same.
// Sizes: bytes. Layouts are little-endian and padded by hand.
#pragma once

#include <cstdint>

namespace writ::enforce::wire {

inline constexpr std::uint32_t kMagic = 0x30495257;  // "WRI0"
inline constexpr std::uint32_t kMaxScript = 16u << 20;
inline constexpr int kLifeline = 3;            // init's descriptor number
inline constexpr int kHeartbeatMillis = 1000;  // three missed: init exits
inline constexpr unsigned kMaxFdsPerMessage = 200;

struct Table {
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
};

enum class Op : std::uint32_t {
  Directory = 1,   // make `path` in the root that is being built
  File = 2,        // make an empty file, to be mounted over
  Symlink = 3,     // `path` -> `target`
  Bind = 4,        // the host's `path`, with identity, or descriptor `fd`, mounted at `path`
  Device = 5,      // the host's character device `path` of number `inode`, mounted at `path`
  Scratch = 6,     // a fresh tmpfs at `path`: `size` bytes, `inode` inodes, `mode`
  Proc = 7,        // the run's own /proc
  Cover = 8,       // an empty, unwritable thing of the same type over `path`
  Seal = 9,        // the mount at `path` becomes read-only
  Text = 10,       // a read-only file that holds `target`, mounted at `path`
  Terminals = 11,  // the run's own pseudo-terminals, at most `inode`, at `path`
  Socket = 12      // a listening socket of the run at `path`, sent to the governor
};

inline constexpr std::uint32_t kDirectory = 1;  // Bind: a directory is expected
inline constexpr std::uint32_t kIdentity = 2;   // Bind: device and inode are checked

struct Step {
  Op op = Op::Directory;
  std::uint32_t flags = 0;
  std::uint32_t path = 0;
  std::uint32_t target = 0;
  std::int32_t fd = -1;  // index of a passed descriptor
  std::uint32_t mode = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t attributes = 0;  // MOUNT_ATTR_*
  std::uint64_t size = 0;
};

struct LandRule {
  std::uint32_t path = 0;
  std::uint32_t pad = 0;
  std::uint64_t rights = 0;
};

struct Limit {
  std::uint32_t resource = 0;
  std::uint32_t pad = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct FilterOp {  // struct sock_filter
  std::uint16_t code = 0;
  std::uint8_t jt = 0;
  std::uint8_t jf = 0;
  std::uint32_t k = 0;
};

struct Head {
  std::uint32_t magic = kMagic;
  std::uint32_t total = 0;
  std::uint32_t passed_fds = 0;
  std::uint32_t hostname = 0;
  std::uint32_t program = 0;
  std::uint32_t directory = 0;
  std::uint32_t mdwe = 0;      // set PR_SET_MDWE
  std::uint32_t resolver = 0;  // send the socket of a resolver
  std::uint32_t terminal = 0;  // enforce::Terminal: which streams are the run's terminal
  std::uint32_t pad = 0;
  std::uint64_t land_fs = 0;     // handled file-system rights; 0: no Landlock
  std::uint64_t land_net = 0;    // handled network rights (ABI 4)
  std::uint64_t land_scope = 0;  // scopes (ABI 6)
  std::uint64_t root_inodes = 0;
  Table steps;        // Step
  Table rules;        // LandRule
  Table limits;       // Limit
  Table filter;       // FilterOp
  Table argv;         // offsets
  Table environment;  // offsets
  Table datagrams;    // std::uint32_t: UDP ports that are granted; send their sockets
};

// Messages over the lifeline are one struct each; `kind` below 16 is a LifelineMessage.
enum class Kind : std::uint32_t {
  Heartbeat = 1,
  Freeze = 2,
  Thaw = 3,
  FirstExit = 4,     // value: wait status
  Resume = 5,        // the first task's process group goes on
  FirstStopped = 6,  // the first task was stopped, and not by Freeze; only with a terminal
  Script = 16,       // governor to init, with the script's descriptor first, then mounts
  Fds = 17,          // more mounts
  Listener = 18,     // first task to governor, with the descriptor
  Failed = 19,       // value: errno; text: what could not be done
  NotStarted = 20,   // first task to governor: execve returned; value: errno
  Ready = 21,        // init to governor: in its namespaces, its /proc made, waiting for the script;
                     // with a socket for sock_diag(7) of the run's network where the kernel has it
  Resolver = 22,     // init to governor, with the socket of the run's resolver
  Terminal = 23,     // init to governor, with the master side of the run's terminal
  Inquiry = 24,      // init to governor, with the socket where the run may ask it
  Datagrams = 25,    // init to governor, each granted port's socket of IPv4; value: the port
  Datagrams6 = 26    // and then of IPv6, where the kernel has that
};

struct Message {
  Kind kind = Kind::Heartbeat;
  std::int32_t value = 0;
  char text[248] = {};
};

static_assert(sizeof(Step) == 56 && sizeof(LandRule) == 16 && sizeof(Limit) == 24);
static_assert(sizeof(FilterOp) == 8 && sizeof(Message) == 256);

}  // namespace writ::enforce::wire
