// The bodies of ledger events: one struct per kind, in the order of their wire numbers.
//
// What people might regret having written into a log that cannot forget (arguments, environment,
// directories, what a refused call asked for) stands here only as a salted digest; the clear text
// and the salt lie beside the log (ledger/side.h) and can be erased. Digests without a salt are
// of public things: files, permits, plans, policies, and of objects kept under objects/.
//
// Limits are checked by make_event and decode_event: texts at most 4,096 bytes of UTF-8 without
// control characters, lists at most 256 items.
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/reason.h"

namespace writ::ledger {

inline constexpr std::size_t kMaxBodyText = 4'096;
inline constexpr std::size_t kMaxBodyList = 256;

enum class EventKind : std::uint8_t {
  Genesis = 0,
  Key = 1,
  Trust = 2,
  Domain = 3,
  Policy = 4,
  Admission = 5,
  Denial = 6,
  Exec = 7,
  Refusal = 8,
  Connect = 9,
  Listen = 10,
  Call = 11,
  Approval = 12,
  Delegation = 13,
  Revocation = 14,
  Continuity = 15,
  End = 16,
  Interrupted = 17,
  Erase = 18,
  Rotate = 19,
};
inline constexpr std::size_t kEventKinds = 20;
// kind_name is "genesis", "key", …
std::string_view kind_name(EventKind kind);
std::optional<EventKind> find_kind(std::string_view name);

#define WRIT_BODY_EQ(T) friend bool operator==(const T&, const T&) = default

// The first entry of a log.
struct Genesis {
  std::string origin;  // of the checkpoints, e.g. "you@host"
  std::string vkey;    // the log key, as a signed-note verifier key
  Array32 nonce{};     // so that no two logs have the same id
  WRIT_BODY_EQ(Genesis);
};
// A key of this installation was made, sealed or retired.
struct Key {
  enum class Act : std::uint8_t { Added = 0, Retired = 1 } act = Act::Added;
  std::string role;  // "authority", "runner", "log"
  std::string name;
  KeyId key;
  WRIT_BODY_EQ(Key);
};
// A trusted authority was added, changed or removed, with its ceiling.
struct Trust {
  enum class Act : std::uint8_t { Added = 0, Removed = 1 } act = Act::Added;
  std::string name;
  KeyId key;
  Digest32 ceiling;  // object
  WRIT_BODY_EQ(Trust);
};
// A domain definition came into force.
struct Domain {
  std::string name;
  Digest32 definition;  // object
  WRIT_BODY_EQ(Domain);
};
// A policy bundle came into force in a domain.
struct Policy {
  std::string domain;
  BundleDigest bundle;  // object
  std::uint64_t generation = 0;
  WRIT_BODY_EQ(Policy);
};
// A run was admitted. Everything a stranger needs to derive the decision again is named here.
struct Admission {
  std::string domain;
  std::vector<PermitId> chain;          // root first; the last is the authority's permit
  Digest32 permit_file;                 // object: the chain as presented
  std::optional<Digest32> possession;   // object: the holder's proof; none for a bearer permit
  Digest32 plan;                        // object
  Digest32 domain_definition;           // object
  BundleDigest policy;                  // object
  Digest32 inputs;                      // object: request, entities, time: what was decided upon
  std::string tier;                     // "sandbox", "kernel"
  std::vector<std::string> mechanisms;  // what carries the boundary
  std::string host;
  std::string command;      // the program's path; its arguments are in `argv`
  Digest32 argv, env, cwd;  // salted
  WRIT_BODY_EQ(Admission);
};
// A run was refused before it began.
struct Denial {
  std::string domain;
  Reason reason = Reason::NoPermit;
  std::optional<PermitId> permit;    // if one could be read
  std::optional<Digest32> decision;  // if it came to one
  std::optional<Digest32> inputs;    // object, if it came to a decision
  Digest32 asked;                    // salted: what was asked for
  Digest32 sentence;                 // salted: why, for people
  WRIT_BODY_EQ(Denial);
};
// A program was let through the exec gate; written before its first instruction.
struct Exec {
  std::uint32_t pid = 0;  // as the governor sees it
  std::string path;
  Digest32 file;                   // of its bytes at the exec stop
  std::optional<Digest32> script;  // of the script it interprets
  bool produced = false;           // made by the run itself
  bool ancestry_lost = false;      // `parent` is the admission because no exec could be named
  Digest32 argv, env, cwd;         // salted
  WRIT_BODY_EQ(Exec);
};
// A gate said no (or a violation ended the run).
struct Refusal {
  Reason reason = Reason::NotGranted;
  std::string gate;  // "exec", "connect", "listen", "call"
  std::uint32_t pid = 0;
  Digest32 asked;                // salted
  std::optional<Digest32> file;  // what was at the path, if it was read
  WRIT_BODY_EQ(Refusal);
};
struct Connect {
  std::uint32_t pid = 0;
  std::string protocol;  // "tcp", "udp", "unix"
  Digest32 endpoint;     // salted
  WRIT_BODY_EQ(Connect);
};
struct Listen {
  std::uint32_t pid = 0;
  std::string protocol;
  Digest32 endpoint;  // salted
  WRIT_BODY_EQ(Listen);
};
struct Call {
  std::string server, tool;
  Digest32 arguments;  // salted
  WRIT_BODY_EQ(Call);
};
struct Approval {
  KeyId approver;
  Digest32 action;     // of the exact pending action
  Digest32 signature;  // object
  bool allowed = false;
  WRIT_BODY_EQ(Approval);
};
struct Delegation {
  PermitId child;
  Digest32 permit_file;  // object
  WRIT_BODY_EQ(Delegation);
};
// A permit, key or run was revoked. `parent` is what caused it.
struct Revocation {
  enum class What : std::uint8_t { Permit = 0, Key = 1, Run = 2 } what = What::Permit;
  ByteVec target;     // 32 bytes of permit or key id, 16 of a run id
  Digest32 sentence;  // salted: why, for people
  WRIT_BODY_EQ(Revocation);
};

// The gate counters of a run (DESIGN §9). Holds at every moment between two gate events:
//   asked = refused + failed + vanished + violated + released
//   exec_stops = violated + released;   allowed-exec entries = released
struct GateCounts {
  std::uint64_t asked = 0, refused = 0, failed = 0, vanished = 0, violated = 0, released = 0,
                exec_stops = 0;
  bool agree() const;
  WRIT_BODY_EQ(GateCounts);
};
struct Continuity {
  GateCounts counts;
  std::uint64_t policy_generation = 0;
  std::uint32_t processes = 0;
  std::uint64_t checks = 0;  // a bit for each check that held, meaning in docs/formats
  WRIT_BODY_EQ(Continuity);
};
struct End {
  EndReason reason = EndReason::Exited;
  std::int32_t status = 0;  // exit status, or minus the signal
  GateCounts counts;
  std::uint64_t wall_millis = 0, cpu_millis = 0;
  std::uint64_t kill_micros = 0;  // decision to end → last process gone; 0 when it ended itself
  WRIT_BODY_EQ(End);
};
// Recovery found a run open whose governor is gone.
struct Interrupted {
  EndReason reason = EndReason::Interrupted;  // or GovernorLost (same boot)
  Seq last_durable;                           // its last event that is in the log
  std::uint64_t unproven_millis = 0;  // before the cut: what was not yet durable is not proven
  WRIT_BODY_EQ(Interrupted);
};
// Clear text beside the log was erased.
struct Erase {
  RunId run;
  std::optional<Seq> seq;  // of one event, or all of the run
  Digest32 sentence;       // salted: why
  WRIT_BODY_EQ(Erase);
};
// The log key changed; the new key signs from here on.
struct Rotate {
  std::string vkey;  // the new one
  ByteVec proof;     // signatures of the old and the new key (ledger/rotation.h)
  WRIT_BODY_EQ(Rotate);
};
#undef WRIT_BODY_EQ

using Body = std::variant<Genesis, Key, Trust, Domain, Policy, Admission, Denial, Exec, Refusal,
                          Connect, Listen, Call, Approval, Delegation, Revocation, Continuity, End,
                          Interrupted, Erase, Rotate>;

inline EventKind kind_of(const Body& body) {
  return static_cast<EventKind>(body.index());
}

}  // namespace writ::ledger
