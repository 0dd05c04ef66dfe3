// What an entry of the ledger says: one event, its four mandatory fields and its body.
//
// Encoding: deterministic CBOR (RFC 8949 §4.2), version 0, at most 65,535 bytes; docs/formats/
// ledger.cddl is normative. Every event has
//   lineage    the run it belongs to and its number there; together its event id
//   parent     the event that caused it (none for the genesis entry alone)
//   authority  in a run: permit id and decision digest; outside: the key that acted
//   log        its sequence number in the run, from 0 without gaps (the leaf index is not stored)
// and the time, the kind and a body (ledger/bodies.h). Events outside any run have the run id
// zero (`kNoRun`), whose sequence the store counts, as it stamps the time, under its lock.
//
// An Event cannot be made without its mandatory fields: `make_event` checks them against the
// kind, `decode_event` runs the same check on what a stranger wrote. Entries may come from a
// hostile log; decoding is strict and total.
//
//   Event event = TRY(make_event({run, seq}, parent, PermitAuthority{permit, decision}, Exec{…}));
//   ByteVec entry = TRY(encode_event(event));
//
// Thread safety: values and pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "ledger/bodies.h"

namespace writ::ledger {

inline constexpr std::size_t kMaxEntry = 65'535;  // C2SP entry bundles have 16-bit lengths
inline constexpr RunId kNoRun{};                  // the "run" of events outside any run

// An event's name: its run and its number there.
struct EventId {
  RunId run;
  Seq seq;
  friend std::strong_ordering operator<=>(const EventId&, const EventId&) = default;
};
// to_string is "RUN/SEQ", or "-/SEQ" outside any run.
std::string to_string(const EventId& id);

inline constexpr EventId kGenesisEvent{};  // run zero, number 0

struct PermitAuthority {
  PermitId permit;
  Digest32 decision;  // of the encoded decision this event carries out
  friend bool operator==(const PermitAuthority&, const PermitAuthority&) = default;
};
struct KeyAuthority {
  KeyId key;
  friend bool operator==(const KeyAuthority&, const KeyAuthority&) = default;
};
using Authority = std::variant<PermitAuthority, KeyAuthority>;

// An Event is always complete: its fields fit its kind (see make_event).
class Event {
 public:
  EventKind kind() const { return kind_of(body_); }
  EventId id() const { return id_; }
  const std::optional<EventId>& parent() const { return parent_; }
  const Authority& authority() const { return authority_; }
  Seq seq() const { return id_.seq; }
  bool in_run() const { return id_.run != kNoRun; }
  // time is when the store took it; `behind` the milliseconds by which the clock was then behind
  // the entry before (only kinds that grant nothing may be; see grants_nothing).
  UnixMillis time() const { return time_; }
  std::uint64_t behind() const { return behind_; }
  const Body& body() const { return body_; }
  // as gives the body of a known kind, or nothing.
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&body_);
  }
  friend bool operator==(const Event&, const Event&) = default;

 private:
  friend Result<Event> make_event(EventId, std::optional<EventId>, Authority, Body);
  friend Event stamped(Event, Seq, UnixMillis, std::uint64_t);
  Event() = default;
  EventId id_;
  std::optional<EventId> parent_;
  Authority authority_;
  UnixMillis time_;
  std::uint64_t behind_ = 0;
  Body body_;
};

// make_event makes an event without a time. InvalidArgument unless the fields fit the kind:
// the genesis event is number 0 of no run and has no parent; every other has a parent that is not
// itself or a later event of its own run; an event of a run has PermitAuthority, one outside has
// KeyAuthority, as place_of has it for the kind; an admission is number 0 of its run and nothing
// else is; no id or digest of authority is all zero; the body's own limits hold. Outside a run
// the number is left 0 for the store to give.
Result<Event> make_event(EventId id, std::optional<EventId> parent, Authority authority, Body body);

// stamped is the event with its final number, time and lateness, as the store gives them.
Event stamped(Event event, Seq seq, UnixMillis time, std::uint64_t behind = 0);

// grants_nothing: kinds that are recorded even when the clock is behind (denial, refusal, end,
// interrupted, revocation, erase).
bool grants_nothing(EventKind kind);
// place_of: whether a kind's events belong to a run. Approvals and delegations may be either.
enum class Place { Outside, InRun, Either };
Place place_of(EventKind kind);

// encode_event writes the entry. Exhausted, naming both sizes, over kMaxEntry.
Result<ByteVec> encode_event(const Event& event);
// decode_event reads exactly what encode_event writes. Malformed with the place otherwise;
// Unsupported for another version or an unknown kind.
Result<Event> decode_event(Bytes entry);

// describe is one line for people: kind, run, number, and what the body says.
std::string describe(const Event& event);

}  // namespace writ::ledger
