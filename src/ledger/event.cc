#include "ledger/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "ledger/bodies_internal.h"
#include "ledger/verify.h"

namespace writ::ledger {
namespace {

enum Label : int {
  kVersionLabel = 0,
  kKindLabel = 1,
  kLineageLabel = 2,
  kParentLabel = 3,
  kAuthorityLabel = 4,
  kLogLabel = 5,
  kTimeLabel = 6,
  kBodyLabel = 7,
  kBehindLabel = 8,
};
constexpr std::uint64_t kVersion = 0;

bool is_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Writes the fields of a body as pairs of the open map.
struct Encoder {
  cbor::Writer& w;

  void value(const std::string& text) { w.text(text); }
  void value(std::uint64_t n) { w.uint(n); }
  void value(std::uint32_t n) { w.uint(n); }
  void value(std::int32_t n) { w.integer(n); }
  void value(bool b) { w.boolean(b); }
  void value(const ByteVec& bytes) { w.bytes(bytes); }
  void value(const Array32& bytes) { w.bytes(bytes); }
  void value(Seq seq) { w.uint(seq.get()); }
  void value(Reason reason) { w.text(code_of(reason)); }
  void value(EndReason reason) { w.text(code_of(reason)); }
  void value(const RunId& run) { w.bytes(run.get()); }
  template <typename Tag>
  void value(const Strong<Tag, Array32>& id) {
    w.bytes(id.get());
  }
  template <typename T>
  void value(const std::vector<T>& items) {
    w.array([&] {
      for (const T& item : items) value(item);
    });
  }

  template <typename T>
  void field(int label, const T& member) {
    w.key(label);
    value(member);
  }
  template <typename T>
  void field(int label, const std::optional<T>& member) {
    if (member) field(label, *member);
  }
  template <typename T>
  void choice(int label, T member, unsigned) {
    w.key(label).uint(static_cast<std::uint64_t>(member));
  }
  template <typename T>
  void object(int label, const T& member) {
    field(label, member);
  }
};

// Reads them back, in their order; the reader itself makes sure that labels ascend.
struct Decoder {
  cbor::Reader& r;
  std::optional<Error> error = {};
  std::optional<std::uint64_t> label = {};  // read, its value not yet

  bool at(int wanted) {
    if (error) return false;
    if (!label && r.more()) label = take(r.uint());
    return label == static_cast<std::uint64_t>(wanted);
  }
  template <typename T>
  std::optional<T> take(Result<T> result) {
    if (result) return std::move(result).value();
    if (!error) error = std::move(result).error();
    return std::nullopt;
  }
  void refuse(std::string_view what) {
    if (!error) error = r.refuse(what);
  }

  void value(std::string& out) {
    if (auto text = take(r.text())) out = std::string(*text);
  }
  void value(std::uint64_t& out) { out = take(r.uint()).value_or(0); }
  void value(std::uint32_t& out) {
    const std::uint64_t n = take(r.uint()).value_or(0);
    if (n > std::numeric_limits<std::uint32_t>::max()) return refuse("a number over 32 bits");
    out = static_cast<std::uint32_t>(n);
  }
  void value(std::int32_t& out) {
    const std::int64_t n = take(r.integer()).value_or(0);
    if (n != static_cast<std::int32_t>(n)) return refuse("a number over 32 bits");
    out = static_cast<std::int32_t>(n);
  }
  void value(bool& out) { out = take(r.boolean()).value_or(false); }
  void value(ByteVec& out) {
    if (auto bytes = take(r.bytes())) out = to_vec(*bytes);
  }
  template <std::size_t kSize>
  void array(std::array<std::byte, kSize>& out) {
    const auto bytes = take(r.bytes());
    if (!bytes) return;
    if (bytes->size() != kSize) return refuse("a byte string of another length than this has");
    std::copy(bytes->begin(), bytes->end(), out.begin());
  }
  void value(Array32& out) { array(out); }
  template <typename Tag>
  void value(Strong<Tag, Array32>& out) {
    Array32 bytes{};
    array(bytes);
    out = Strong<Tag, Array32>(bytes);
  }
  void value(RunId& out) {
    RunId::rep bytes{};
    array(bytes);
    out = RunId(bytes);
  }
  void value(Seq& out) { out = Seq(take(r.uint()).value_or(0)); }
  void value(Reason& out) {
    const auto code = take(r.text());
    if (!code) return;
    const std::optional<Reason> reason = find_reason(*code);
    if (!reason) return refuse("an unknown reason");
    out = *reason;
  }
  void value(EndReason& out) {
    const auto code = take(r.text());
    if (!code) return;
    const std::optional<EndReason> reason = find_end(*code);
    if (!reason) return refuse("an unknown reason for an end");
    out = *reason;
  }
  template <typename T>
  void value(std::vector<T>& out) {
    const auto count = take(r.enter_array());
    if (!count) return;
    if (*count > kMaxBodyList) return refuse("a list that is too long");
    for (std::size_t i = 0; i < *count && !error; ++i) {
      T item{};
      value(item);
      out.push_back(std::move(item));
    }
    if (!error) take_void(r.leave());
  }
  void take_void(Result<void> result) {
    if (!result && !error) error = std::move(result).error();
  }

  template <typename T>
  void field(int wanted, T& member) {
    if (!at(wanted)) return refuse("a body without one of its fields");
    label.reset();
    value(member);
  }
  template <typename T>
  void field(int wanted, std::optional<T>& member) {
    if (!at(wanted)) return;
    member.emplace();
    field(wanted, *member);
  }
  template <typename T>
  void choice(int wanted, T& member, unsigned last) {
    std::uint64_t n = 0;
    field(wanted, n);
    if (n > last) return refuse("a choice that does not exist");
    member = static_cast<T>(n);
  }
  template <typename T>
  void object(int wanted, T& member) {
    field(wanted, member);
  }
};

// The limits of texts and lists.
struct Limits {
  const char* broken = nullptr;

  void value(const std::string& text) {
    const bool control = std::any_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (text.size() > kMaxBodyText) broken = "a text of more than 4096 bytes";
    if (control || !is_utf8(text)) broken = "a text with control characters or not in UTF-8";
  }
  void value(const ByteVec& bytes) {
    if (bytes.size() > kMaxBodyText) broken = "a byte string of more than 4096 bytes";
  }
  template <typename T>
  void value(const std::vector<T>& items) {
    if (items.size() > kMaxBodyList) broken = "a list of more than 256 items";
    for (const T& item : items) value(item);
  }
  template <typename T>
  void value(const T&) {}

  template <typename T>
  void field(int, const T& member) {
    value(member);
  }
  template <typename T>
  void field(int, const std::optional<T>& member) {
    if (member) value(*member);
  }
  template <typename T>
  void choice(int, T, unsigned) {}
  template <typename T>
  void object(int, const T&) {}
};

struct Objects {
  std::vector<Digest32>& out;
  template <typename T>
  void field(int, const T&) {}
  template <typename T>
  void choice(int, T, unsigned) {}
  template <typename Tag>
  void object(int, const Strong<Tag, Array32>& digest) {
    out.emplace_back(digest.get());
  }
  template <typename T>
  void object(int label, const std::optional<T>& digest) {
    if (digest) object(label, *digest);
  }
};

// What is wrong with a body in itself; null when nothing is.
const char* fault_of(const Body& body) {
  Limits limits;
  std::visit([&](const auto& b) { visit_fields(limits, b); }, body);
  if (limits.broken != nullptr) return limits.broken;
  if (const auto* admission = std::get_if<Admission>(&body)) {
    if (admission->chain.empty()) return "an admission without a permit";
  } else if (const auto* revocation = std::get_if<Revocation>(&body)) {
    const std::size_t size = revocation->what == Revocation::What::Run ? 16 : 32;
    if (revocation->target.size() != size) return "a revocation whose target is no such id";
  }
  return nullptr;
}

// What is wrong with the fields together; null when nothing is. `numbered` says whether events
// outside runs have their numbers already.
const char* fault_of(EventKind kind, const EventId& id, const std::optional<EventId>& parent,
                     const Authority& authority, bool numbered) {
  const bool in_run = id.run != kNoRun;
  const Place place = place_of(kind);
  if (place == Place::InRun && !in_run) return "an event of a run without a run id";
  if (place == Place::Outside && in_run) return "a run id on an event outside any run";
  if (const auto* permit = std::get_if<PermitAuthority>(&authority)) {
    if (!in_run) return "an event outside any run with a permit instead of the acting key";
    if (is_zero(as_bytes(permit->permit))) return "an event without a permit id";
    if (is_zero(as_bytes(permit->decision))) return "an event without a decision";
  } else {
    if (in_run) return "an event of a run with a key instead of permit and decision";
    if (is_zero(as_bytes(std::get<KeyAuthority>(authority).key))) {
      return "an event without an acting key";
    }
  }
  if (kind == EventKind::Genesis) {
    if (parent) return "a genesis event with a parent";
    if (id != kGenesisEvent) return "a genesis event that is not the first";
    return nullptr;
  }
  if (!parent) return "an event without a parent";
  const bool has_number = in_run || numbered;
  if (!in_run && numbered && id.seq.get() == 0) return "an event numbered as the genesis";
  if (in_run && (kind == EventKind::Admission) != (id.seq.get() == 0)) {
    return "number 0 of a run is its admission and nothing else";
  }
  if (has_number && parent->run == id.run && parent->seq >= id.seq) {
    return "an event whose parent is itself or comes later";
  }
  return nullptr;
}

void write_id(cbor::Writer& w, const EventId& id) {
  w.array([&] { w.bytes(id.run.get()).uint(id.seq.get()); });
}

Result<EventId> read_id(cbor::Reader& r) {
  TRY(r.enter_array_of(2));
  EventId id;
  const Bytes run = TRY(r.bytes());
  RunId::rep rep{};
  if (run.size() != rep.size()) return r.refuse("a run id has 16 bytes");
  std::copy(run.begin(), run.end(), rep.begin());
  id.run = RunId(rep);
  id.seq = Seq(TRY(r.uint()));
  TRY(r.leave());
  return id;
}

Result<void> expect_label(cbor::Reader& r, int label) {
  if (TRY(r.uint()) != static_cast<std::uint64_t>(label)) {
    return r.refuse("an event without one of its mandatory fields");
  }
  return {};
}

template <typename Id>
Result<Id> read_digest(cbor::Reader& r) {
  const Bytes bytes = TRY(r.bytes());
  Result<Id> id = id_from_bytes<Id>(bytes);
  if (!id) return r.refuse("a digest has 32 bytes");
  return id;
}

Result<Authority> read_authority(cbor::Reader& r) {
  const std::size_t count = TRY(r.enter_array());
  Authority authority;
  if (count == 2) {
    PermitAuthority permit;
    permit.permit = TRY(read_digest<PermitId>(r));
    permit.decision = TRY(read_digest<Digest32>(r));
    authority = permit;
  } else if (count == 1) {
    authority = KeyAuthority{TRY(read_digest<KeyId>(r))};
  } else {
    return r.refuse("an authority is a key, or a permit and a decision");
  }
  TRY(r.leave());
  return authority;
}

template <std::size_t kIndex = 0>
Body body_of_kind(std::size_t kind) {
  if constexpr (kIndex < kEventKinds) {
    if (kind == kIndex) return Body(std::in_place_index<kIndex>);
    return body_of_kind<kIndex + 1>(kind);
  } else {
    return Body();
  }
}

Result<Body> read_body(cbor::Reader& r, std::size_t kind) {
  Body body = body_of_kind(kind);
  TRY(r.enter_map());
  Decoder decoder{r};
  std::visit([&](auto& b) { visit_fields(decoder, b); }, body);
  if (decoder.error) return *decoder.error;
  if (decoder.label || r.more()) return r.refuse("a body with a field that its kind does not have");
  TRY(r.leave());
  return body;
}

// Whose act it was: of a datagram, no process is known.
std::string sender(std::uint32_t pid) {
  return pid == 0 ? "the run" : fmt::format("pid {}", pid);
}

std::string counts_text(const GateCounts& c) {
  return fmt::format("asked {}, refused {}, failed {}, vanished {}, violated {}, released {}",
                     c.asked, c.refused, c.failed, c.vanished, c.violated, c.released);
}

struct Describer {
  std::string operator()(const Genesis& b) const { return "of " + printable(b.origin); }
  std::string operator()(const Key& b) const {
    return fmt::format("{} {} `{}` {}", b.role, b.act == Key::Act::Added ? "added" : "retired",
                       printable(b.name), short_hex(b.key));
  }
  std::string operator()(const Trust& b) const {
    return fmt::format("{} `{}` {}", b.act == Trust::Act::Added ? "added" : "removed",
                       printable(b.name), short_hex(b.key));
  }
  std::string operator()(const Domain& b) const {
    return fmt::format("`{}` {}", printable(b.name), short_hex(b.definition));
  }
  std::string operator()(const Policy& b) const {
    return fmt::format("{} generation {} in `{}`", short_hex(b.bundle), b.generation,
                       printable(b.domain));
  }
  std::string operator()(const Admission& b) const {
    return fmt::format("of {} in `{}` on tier {}, permit {}", printable(b.command),
                       printable(b.domain), b.tier, short_hex(b.chain.back()));
  }
  std::string operator()(const Denial& b) const {
    return fmt::format("in `{}`: {}", printable(b.domain), code_of(b.reason));
  }
  std::string operator()(const Exec& b) const {
    return fmt::format("{} by pid {}, {}{}{}", printable(b.path), b.pid, short_hex(b.file),
                       b.produced ? ", produced" : "", b.ancestry_lost ? ", ancestry lost" : "");
  }
  std::string operator()(const Refusal& b) const {
    return fmt::format("at {} by {}: {}", b.gate, sender(b.pid), code_of(b.reason));
  }
  std::string operator()(const Connect& b) const {
    return fmt::format("{} by {}", b.protocol, sender(b.pid));
  }
  std::string operator()(const Listen& b) const {
    return fmt::format("{} by pid {}", b.protocol, b.pid);
  }
  std::string operator()(const Call& b) const {
    return fmt::format("{} of {}", printable(b.tool), printable(b.server));
  }
  std::string operator()(const Approval& b) const {
    return fmt::format("{} by {}", b.allowed ? "given" : "refused", short_hex(b.approver));
  }
  std::string operator()(const Delegation& b) const { return "to permit " + short_hex(b.child); }
  std::string operator()(const Revocation& b) const {
    static constexpr const char* kWhat[] = {"permit", "key", "run"};
    return fmt::format("of {} {}", kWhat[static_cast<std::size_t>(b.what)],
                       to_hex(b.target).substr(0, 8));
  }
  std::string operator()(const Continuity& b) const {
    return fmt::format("{} processes; {}", b.processes, counts_text(b.counts));
  }
  std::string operator()(const End& b) const {
    return fmt::format("{} {}; {}", code_of(b.reason), b.status, counts_text(b.counts));
  }
  std::string operator()(const Interrupted& b) const {
    return fmt::format("{}, complete up to number {}, {} ms before not proven", code_of(b.reason),
                       b.last_durable.get(), b.unproven_millis);
  }
  std::string operator()(const Erase& b) const {
    return "of clear text of " + (b.seq ? to_string(EventId{b.run, *b.seq})
                                        : (b.run == kNoRun ? std::string("-") : to_string(b.run)));
  }
  std::string operator()(const Rotate& b) const { return "to " + printable(b.vkey); }
};

}  // namespace

std::string to_string(const EventId& id) {
  return (id.run == kNoRun ? std::string("-") : to_string(id.run)) + "/" +
         std::to_string(id.seq.get());
}

Place place_of(EventKind kind) {
  switch (kind) {
    case EventKind::Genesis:
    case EventKind::Key:
    case EventKind::Trust:
    case EventKind::Domain:
    case EventKind::Policy:
    case EventKind::Denial:
    case EventKind::Revocation:
    case EventKind::Erase:
    case EventKind::Rotate: return Place::Outside;
    case EventKind::Admission:
    case EventKind::Exec:
    case EventKind::Refusal:
    case EventKind::Connect:
    case EventKind::Listen:
    case EventKind::Call:
    case EventKind::Continuity:
    case EventKind::End:
    case EventKind::Interrupted: return Place::InRun;
    case EventKind::Approval:
    case EventKind::Delegation: return Place::Either;
  }
  return Place::Outside;
}

bool grants_nothing(EventKind kind) {
  switch (kind) {
    case EventKind::Denial:
    case EventKind::Refusal:
    case EventKind::End:
    case EventKind::Interrupted:
    case EventKind::Revocation:
    case EventKind::Erase: return true;
    default: return false;
  }
}

Result<Event> make_event(EventId id, std::optional<EventId> parent, Authority authority,
                         Body body) {
  const EventKind kind = kind_of(body);
  const char* fault = fault_of(kind, id, parent, authority, false);
  if (fault == nullptr) fault = fault_of(body);
  if (fault != nullptr) {
    return Error(Code::InvalidArgument, std::string(kind_name(kind)) + " event refused: " + fault);
  }
  Event event;
  event.id_ = id;
  event.parent_ = parent;
  event.authority_ = authority;
  event.body_ = std::move(body);
  return event;
}

Event stamped(Event event, Seq seq, UnixMillis time, std::uint64_t behind) {
  event.id_.seq = seq;
  event.time_ = time;
  event.behind_ = behind;
  return event;
}

Result<ByteVec> encode_event(const Event& event) {
  const char* fault = fault_of(event.kind(), event.id(), event.parent(), event.authority(), true);
  if (fault == nullptr && event.time().get() < 0) fault = "an event from before 1970";
  if (fault == nullptr && event.behind() > 0 && !grants_nothing(event.kind())) {
    fault = "a clock behind the log allows nothing";
  }
  if (fault != nullptr) {
    return Error(Code::InvalidArgument,
                 std::string(kind_name(event.kind())) + " event refused: " + fault);
  }
  cbor::Writer w;
  w.map([&] {
    w.key(kVersionLabel).uint(kVersion);
    w.key(kKindLabel).uint(static_cast<std::uint64_t>(event.kind()));
    w.key(kLineageLabel);
    write_id(w, event.id());
    w.key(kParentLabel);
    if (event.parent()) {
      write_id(w, *event.parent());
    } else {
      w.null();
    }
    w.key(kAuthorityLabel).array([&] {
      if (const auto* permit = std::get_if<PermitAuthority>(&event.authority())) {
        w.bytes(permit->permit.get()).bytes(permit->decision.get());
      } else {
        w.bytes(std::get<KeyAuthority>(event.authority()).key.get());
      }
    });
    w.key(kLogLabel).uint(event.seq().get());
    w.key(kTimeLabel).integer(event.time().get());
    w.key(kBodyLabel).map([&] {
      Encoder encoder{w};
      std::visit([&](const auto& body) { visit_fields(encoder, body); }, event.body());
    });
    if (event.behind() > 0) w.key(kBehindLabel).uint(event.behind());
  });
  ByteVec entry = TRY(std::move(w).finish());
  if (entry.size() > kMaxEntry) {
    return Error(Code::Exhausted, "an entry of " + std::to_string(entry.size()) +
                                      " bytes is over the limit of " + std::to_string(kMaxEntry));
  }
  return entry;
}

Result<Event> decode_event(Bytes entry) {
  if (entry.size() > kMaxEntry) {
    return Error(Code::Exhausted, "an entry of " + std::to_string(entry.size()) +
                                      " bytes is over the limit of " + std::to_string(kMaxEntry));
  }
  cbor::Reader r(entry);
  TRY(r.enter_map());
  TRY(expect_label(r, kVersionLabel));
  const std::uint64_t version = TRY(r.uint());
  if (version != kVersion) {
    return Error(Code::Unsupported,
                 "an entry of version " + std::to_string(version) + "; this program knows 0");
  }
  TRY(expect_label(r, kKindLabel));
  const std::uint64_t kind = TRY(r.uint());
  if (kind >= kEventKinds) {
    return Error(Code::Unsupported, "an event of the unknown kind " + std::to_string(kind));
  }
  TRY(expect_label(r, kLineageLabel));
  const EventId id = TRY(read_id(r));
  TRY(expect_label(r, kParentLabel));
  std::optional<EventId> parent;
  if (TRY(r.peek()) == cbor::Type::Null) {
    TRY(r.null());
  } else {
    parent = TRY(read_id(r));
  }
  TRY(expect_label(r, kAuthorityLabel));
  const Authority authority = TRY(read_authority(r));
  TRY(expect_label(r, kLogLabel));
  if (TRY(r.uint()) != id.seq.get()) {
    return r.refuse("the number in the run is not that of the event id");
  }
  TRY(expect_label(r, kTimeLabel));
  const std::int64_t time = TRY(r.integer());
  TRY(expect_label(r, kBodyLabel));
  Body body = TRY(read_body(r, static_cast<std::size_t>(kind)));
  std::uint64_t behind = 0;
  if (r.more()) {
    TRY(expect_label(r, kBehindLabel));
    behind = TRY(r.uint());
    if (behind == 0) return r.refuse("a lateness of nothing");
  }
  TRY(r.leave());
  TRY(r.finish());

  const EventKind event_kind = static_cast<EventKind>(kind);
  const char* fault = fault_of(event_kind, id, parent, authority, true);
  if (fault == nullptr) fault = fault_of(body);
  if (fault == nullptr && time < 0) fault = "an event from before 1970";
  if (fault == nullptr && behind > 0 && !grants_nothing(event_kind)) {
    fault = "a clock behind the log allows nothing";
  }
  if (fault != nullptr) return Error(Code::Malformed, fault);
  // The fields are complete; the number of an event outside a run is put back by stamped.
  Event event = TRY(make_event(id, parent, authority, std::move(body)));
  return stamped(std::move(event), id.seq, UnixMillis(time), behind);
}

std::string describe(const Event& event) {
  return fmt::format("{} {} {}", kind_name(event.kind()), to_string(event.id()),
                     std::visit(Describer{}, event.body()));
}

std::vector<Digest32> objects_of(const Event& event) {
  std::vector<Digest32> digests;
  Objects objects{digests};
  std::visit([&](const auto& body) { visit_fields(objects, body); }, event.body());
  return digests;
}

}  // namespace writ::ledger
