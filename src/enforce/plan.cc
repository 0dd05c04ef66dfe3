#include "enforce/plan.h"

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "crypto/sha.h"

namespace writ::enforce {
namespace {

using cbor::Reader;
using cbor::Writer;

// Keys of the map, version 0. Times in milliseconds, sizes in bytes.
enum Key : int {
  kVersion = 0,
  kRun = 1,
  kHostname = 2,
  kIdentity = 3,
  kMounts = 4,
  kLinks = 5,
  kCovers = 6,
  kJit = 7,
  kLimits = 8,
  kProgram = 9,
  kArgv = 10,
  kEnvironment = 11,
  kDirectory = 12,
  kMechanisms = 13,
  kConnect = 14,
  kResolvConf = 15,
  kTerminal = 16,
  kListen = 17,
  kInquiry = 18,
};

// Arguments and variables are bytes: the kernel does not ask for UTF-8, nor do paths.
void write(Writer& w, const std::vector<std::string>& values) {
  w.array([&] {
    for (const std::string& one : values) w.bytes(as_bytes(one));
  });
}

Result<std::string> read_string(Reader& r) {
  return std::string(as_text(TRY(r.bytes())));
}

Result<std::vector<std::string>> read_strings(Reader& r) {
  std::vector<std::string> out;
  TRY(r.enter_array());
  while (r.more()) out.push_back(TRY(read_string(r)));
  TRY(r.leave());
  return out;
}

void write(Writer& w, const std::optional<std::uint64_t>& value) {
  if (value) {
    w.uint(*value);
  } else {
    w.null();
  }
}

Result<std::optional<std::uint64_t>> read_optional(Reader& r) {
  if (TRY(r.peek()) == cbor::Type::Null) {
    TRY(r.null());
    return std::optional<std::uint64_t>();
  }
  return std::optional<std::uint64_t>(TRY(r.uint()));
}

Result<std::uint32_t> read_u32(Reader& r) {
  const std::uint64_t value = TRY(r.uint());
  if (value > UINT32_MAX) return r.refuse("an id beyond 32 bits");
  return static_cast<std::uint32_t>(value);
}

Result<Identity> read_identity(Reader& r) {
  Identity out;
  TRY(r.enter_array_of(5));
  out.uid = TRY(read_u32(r));
  out.gid = TRY(read_u32(r));
  out.idmap = TRY(r.boolean());
  out.owner_uid = TRY(read_u32(r));
  out.owner_gid = TRY(read_u32(r));
  TRY(r.leave());
  return out;
}

Result<std::vector<Mount>> read_mounts(Reader& r) {
  std::vector<Mount> out;
  TRY(r.enter_array());
  while (r.more()) {
    Mount one;
    TRY(r.enter_array_of(5));
    one.path = TRY(read_string(r));
    const std::uint64_t kind = TRY(r.uint());
    if (kind > static_cast<std::uint64_t>(MountKind::Produced))
      return r.refuse("unknown mount kind");
    one.kind = static_cast<MountKind>(kind);
    one.directory = TRY(r.boolean());
    one.identity.device = TRY(r.uint());
    one.identity.inode = TRY(r.uint());
    TRY(r.leave());
    out.push_back(std::move(one));
  }
  TRY(r.leave());
  return out;
}

Result<std::vector<Link>> read_links(Reader& r) {
  std::vector<Link> out;
  TRY(r.enter_array());
  while (r.more()) {
    Link one;
    TRY(r.enter_array_of(2));
    one.path = TRY(read_string(r));
    one.target = TRY(read_string(r));
    TRY(r.leave());
    out.push_back(std::move(one));
  }
  TRY(r.leave());
  return out;
}

Result<std::uint16_t> read_port(Reader& r) {
  const std::uint64_t value = TRY(r.uint());
  if (value > UINT16_MAX) return r.refuse("a port beyond 16 bits");
  return static_cast<std::uint16_t>(value);
}

Result<std::vector<Endpoint>> read_endpoints(Reader& r) {
  std::vector<Endpoint> out;
  TRY(r.enter_array());
  while (r.more()) {
    Endpoint one;
    TRY(r.enter_array_of(3));
    const std::uint64_t protocol = TRY(r.uint());
    if (protocol > static_cast<std::uint64_t>(Protocol::Unix)) {
      return r.refuse("unknown protocol");
    }
    one.protocol = static_cast<Protocol>(protocol);
    one.host = TRY(read_string(r));
    TRY(r.enter_array());
    while (r.more()) {
      TRY(r.enter_array_of(2));
      PortRange range;
      range.first = TRY(read_port(r));
      range.last = TRY(read_port(r));
      TRY(r.leave());
      one.ports.push_back(range);
    }
    TRY(r.leave());
    TRY(r.leave());
    out.push_back(std::move(one));
  }
  TRY(r.leave());
  return out;
}

Result<Limits> read_limits(Reader& r) {
  Limits out;
  TRY(r.enter_array_of(6));
  out.wall_ms = TRY(read_optional(r));
  out.cpu_ms = TRY(read_optional(r));
  out.process_memory = TRY(read_optional(r));
  out.tasks = TRY(r.uint());
  out.execs = TRY(r.uint());
  out.gate_events = TRY(r.uint());
  TRY(r.leave());
  return out;
}

void write(Writer& w, const std::vector<Endpoint>& list) {
  w.array([&] {
    for (const Endpoint& one : list) {
      w.array([&] {
        w.uint(static_cast<std::uint64_t>(one.protocol));
        w.bytes(as_bytes(std::string_view(one.host)));
        w.array([&] {
          for (const PortRange& range : one.ports) {
            w.array([&] { w.uint(range.first).uint(range.last); });
          }
        });
      });
    }
  });
}

}  // namespace

ByteVec encode(const Plan& plan) {
  Writer w;
  w.map([&] {
    w.key(kVersion).uint(0);
    w.key(kRun).bytes(as_bytes(plan.run));
    w.key(kHostname).bytes(as_bytes(std::string_view(plan.hostname)));
    w.key(kIdentity).array([&] {
      const Identity& id = plan.identity;
      w.uint(id.uid).uint(id.gid).boolean(id.idmap).uint(id.owner_uid).uint(id.owner_gid);
    });
    w.key(kMounts).array([&] {
      for (const Mount& one : plan.mounts) {
        w.array([&] {
          w.bytes(as_bytes(std::string_view(one.path)));
          w.uint(static_cast<std::uint64_t>(one.kind)).boolean(one.directory);
          w.uint(one.identity.device).uint(one.identity.inode);
        });
      }
    });
    w.key(kLinks).array([&] {
      for (const Link& one : plan.links) write(w, {one.path, one.target});
    });
    w.key(kCovers);
    write(w, plan.covers);
    w.key(kJit).boolean(plan.jit);
    w.key(kLimits).array([&] {
      write(w, plan.limits.wall_ms);
      write(w, plan.limits.cpu_ms);
      write(w, plan.limits.process_memory);
      w.uint(plan.limits.tasks).uint(plan.limits.execs).uint(plan.limits.gate_events);
    });
    w.key(kProgram).bytes(as_bytes(std::string_view(plan.program)));
    w.key(kArgv);
    write(w, plan.argv);
    w.key(kEnvironment);
    write(w, plan.environment);
    w.key(kDirectory).bytes(as_bytes(std::string_view(plan.directory)));
    w.key(kMechanisms);
    write(w, plan.mechanisms);
    w.key(kConnect);
    write(w, plan.connect);
    w.key(kResolvConf).bytes(as_bytes(std::string_view(plan.resolv_conf)));
    w.key(kTerminal).uint(static_cast<std::uint64_t>(plan.terminal));
    w.key(kListen);
    write(w, plan.listen);
    w.key(kInquiry).boolean(plan.inquiry);
  });
  // Nothing in it can fail: no text, no key twice, no item copied.
  return std::move(w).finish().value();
}

Result<Plan> decode_plan(Bytes bytes) {
  Reader r(bytes);
  Plan out;
  constexpr std::size_t kFields = 19;
  if (TRY(r.enter_map()) != kFields) return r.refuse("a plan has 19 fields");
  for (int key = kVersion; key <= kInquiry; ++key) {
    if (TRY(r.integer()) != key) return r.refuse("unknown field of a plan");
    switch (static_cast<Key>(key)) {
      case kVersion:
        if (TRY(r.uint()) != 0) return r.refuse("unknown version of a plan");
        break;
      case kRun: {
        const Bytes run = TRY(r.bytes());
        RunId::rep id{};
        if (run.size() != id.size()) return r.refuse("a run id has 16 bytes");
        for (std::size_t i = 0; i < id.size(); ++i) id[i] = run[i];
        out.run = RunId(id);
        break;
      }
      case kHostname: out.hostname = TRY(read_string(r)); break;
      case kIdentity: out.identity = TRY(read_identity(r)); break;
      case kMounts: out.mounts = TRY(read_mounts(r)); break;
      case kLinks: out.links = TRY(read_links(r)); break;
      case kCovers: out.covers = TRY(read_strings(r)); break;
      case kJit: out.jit = TRY(r.boolean()); break;
      case kLimits: out.limits = TRY(read_limits(r)); break;
      case kProgram: out.program = TRY(read_string(r)); break;
      case kArgv: out.argv = TRY(read_strings(r)); break;
      case kEnvironment: out.environment = TRY(read_strings(r)); break;
      case kDirectory: out.directory = TRY(read_string(r)); break;
      case kMechanisms: out.mechanisms = TRY(read_strings(r)); break;
      case kConnect: out.connect = TRY(read_endpoints(r)); break;
      case kResolvConf: out.resolv_conf = TRY(read_string(r)); break;
      case kTerminal: {
        const std::uint64_t value = TRY(r.uint());
        if (value > static_cast<std::uint64_t>(Terminal::All)) {
          return r.refuse("unknown kind of terminal");
        }
        out.terminal = static_cast<Terminal>(value);
        break;
      }
      case kListen: out.listen = TRY(read_endpoints(r)); break;
      case kInquiry: out.inquiry = TRY(r.boolean()); break;
    }
  }
  TRY(r.leave());
  TRY(r.finish());
  return out;
}

Digest32 digest(const Plan& plan) {
  return crypto::sha256(encode(plan));
}

}  // namespace writ::enforce
