#include "ledger/event.h"

#include <gtest/gtest.h>

#include <fstream>

#include "cbor/value.h"
#include "crypto/sha.h"
#include "ledger/side.h"
#include "ledger/verify.h"

namespace writ::ledger {
namespace {

Digest32 digest_of(std::string_view text) {
  return crypto::sha256(as_bytes(text));
}
template <typename Id>
Id id_of(std::string_view text) {
  return Id(digest_of(text).get());
}
const RunId kRun = make_run_id(UnixMillis(1'700'000'000'000), {std::byte{1}});
const PermitAuthority kPermit{id_of<PermitId>("permit"), digest_of("decision")};
const KeyAuthority kKey{id_of<KeyId>("key")};

// One body of every kind, every optional field given.
std::vector<Body> one_of_each() {
  Admission admission;
  admission.domain = "default";
  admission.chain = {id_of<PermitId>("root"), id_of<PermitId>("permit")};
  admission.possession = digest_of("possession");
  admission.mechanisms = {"landlock", "seccomp"};
  admission.command = "/usr/bin/make";
  Denial denial;
  denial.reason = Reason::BadSignature;
  denial.permit = id_of<PermitId>("permit");
  denial.decision = digest_of("decision");
  denial.inputs = digest_of("inputs");
  Exec exec;
  exec.pid = 4'000'000'000U;
  exec.path = "/usr/bin/cc";
  exec.script = digest_of("script");
  exec.produced = true;
  Refusal refusal;
  refusal.gate = "exec";
  refusal.file = digest_of("file");
  Revocation revocation;
  revocation.target = ByteVec(32, std::byte{5});
  End end;
  end.reason = EndReason::Revoked;
  end.status = -9;
  end.counts = {6, 1, 1, 1, 1, 2, 3};
  Interrupted interrupted;
  interrupted.reason = EndReason::GovernorLost;
  interrupted.last_durable = Seq(7);
  Erase erase;
  erase.run = kRun;
  erase.seq = Seq(3);
  return {Genesis{"you@host", "you@host+00000000+AA==", digest_of("nonce").get()},
          Key{Key::Act::Retired, "runner", "this machine", id_of<KeyId>("k")},
          Trust{Trust::Act::Removed, "ops", id_of<KeyId>("k"), digest_of("ceiling")},
          Domain{"default", digest_of("definition")},
          Policy{"default", id_of<BundleDigest>("bundle"), 7},
          admission,
          denial,
          exec,
          refusal,
          Connect{7, "tcp", digest_of("endpoint")},
          Listen{7, "unix", digest_of("endpoint")},
          Call{"server", "tool", digest_of("arguments")},
          Approval{id_of<KeyId>("approver"), digest_of("action"), digest_of("signature"), true},
          Delegation{id_of<PermitId>("child"), digest_of("file")},
          revocation,
          Continuity{{1, 0, 0, 0, 0, 1, 1}, 3, 12, 0xff},
          end,
          interrupted,
          erase,
          Rotate{"you@host+00000000+AA==", ByteVec(64)}};
}

struct Fields {
  EventId id;
  std::optional<EventId> parent;
  Authority authority;
};
Fields fields_for(EventKind kind) {
  if (kind == EventKind::Genesis) return {kGenesisEvent, std::nullopt, kKey};
  if (place_of(kind) == Place::Outside) return {{kNoRun, Seq(0)}, kGenesisEvent, kKey};
  if (kind == EventKind::Admission) return {{kRun, Seq(0)}, kGenesisEvent, kPermit};
  return {{kRun, Seq(5)}, EventId{kRun, Seq(4)}, kPermit};
}
Event whole(const Body& body) {
  const Fields f = fields_for(kind_of(body));
  Event event = make_event(f.id, f.parent, f.authority, body).value();
  const bool numbered = event.in_run() || event.kind() == EventKind::Genesis;
  return stamped(std::move(event), numbered ? f.id.seq : Seq(9), UnixMillis(1'700'000'000'000));
}

TEST(Event, EveryKindRoundTripsAndHasItsFourFields) {
  const std::vector<Body> bodies = one_of_each();
  ASSERT_EQ(bodies.size(), kEventKinds);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    ASSERT_EQ(static_cast<std::size_t>(kind_of(bodies[i])), i);
    const std::string_view name = kind_name(kind_of(bodies[i]));
    EXPECT_EQ(find_kind(name), kind_of(bodies[i]));
    const Event event = whole(bodies[i]);
    const Result<ByteVec> entry = encode_event(event);
    ASSERT_TRUE(entry) << name << ": " << entry.error().message();
    const Result<Event> back = decode_event(*entry);
    ASSERT_TRUE(back) << name << ": " << back.error().message();
    EXPECT_EQ(*back, event) << name;
    EXPECT_EQ(encode_event(*back).value(), *entry) << name;
    EXPECT_TRUE(describe(event).starts_with(name));
    // lineage, parent, authority, log stand in what is written, under their labels.
    const cbor::Value value = cbor::decode(*entry).value();
    for (const std::int64_t label : {2, 3, 4, 5}) EXPECT_NE(value.find(label), nullptr) << name;
  }
}

TEST(Event, NoKindCanBeMadeWithoutAMandatoryField) {
  for (const Body& body : one_of_each()) {
    const EventKind kind = kind_of(body);
    const std::string_view name = kind_name(kind);
    const Fields good = fields_for(kind);
    ASSERT_TRUE(make_event(good.id, good.parent, good.authority, body)) << name;
    const auto refused = [&](const EventId& id, const std::optional<EventId>& parent,
                             const Authority& authority) {
      return !make_event(id, parent, authority, body).has_value();
    };
    if (kind != EventKind::Genesis) {
      EXPECT_TRUE(refused(good.id, std::nullopt, good.authority)) << name << " without parent";
    } else {
      EXPECT_TRUE(refused(good.id, kGenesisEvent, good.authority));
      EXPECT_TRUE(refused({kNoRun, Seq(1)}, std::nullopt, good.authority));
    }
    EXPECT_TRUE(refused(good.id, good.parent, PermitAuthority{})) << name;
    EXPECT_TRUE(refused(good.id, good.parent, KeyAuthority{})) << name;
    EXPECT_TRUE(refused(good.id, good.parent, PermitAuthority{kPermit.permit, {}})) << name;
    EXPECT_TRUE(refused(good.id, good.parent, PermitAuthority{{}, kPermit.decision})) << name;
    const bool has_run = good.id.run != kNoRun;
    EXPECT_TRUE(refused(good.id, good.parent, has_run ? Authority(kKey) : Authority(kPermit)))
        << name;
    if (place_of(kind) == Place::InRun) {
      EXPECT_TRUE(refused({kNoRun, Seq(0)}, kGenesisEvent, kKey)) << name << " without run";
      EXPECT_TRUE(refused(good.id, good.id, good.authority)) << name << " its own parent";
      EXPECT_TRUE(refused({kRun, kind == EventKind::Admission ? Seq(1) : Seq(0)}, kGenesisEvent,
                          good.authority))
          << name << " with another's number";
    }
    if (place_of(kind) == Place::Outside) {
      EXPECT_TRUE(refused({kRun, Seq(3)}, EventId{kRun, Seq(2)}, kPermit)) << name;
    }
  }
}

TEST(Event, AnEntryWithoutAFieldOrWithAnotherOneDoesNotDecode) {
  for (const Body& body : one_of_each()) {
    const ByteVec entry = encode_event(whole(body)).value();
    const cbor::Value value = cbor::decode(entry).value();
    const cbor::Value::Map& pairs = *value.as_map();
    for (std::size_t skip = 0; skip < pairs.size(); ++skip) {
      cbor::Value without = cbor::Value::map();
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        if (i != skip) without.set(pairs[i].key, pairs[i].value);
      }
      EXPECT_FALSE(decode_event(cbor::encode(without).value())) << kind_name(kind_of(body)) << skip;
    }
    cbor::Value more = value;
    more.set(9, cbor::Value::null());
    EXPECT_FALSE(decode_event(cbor::encode(more).value()));
    cbor::Value other_log = value;
    other_log.set(5, cbor::Value::uint(77));
    EXPECT_FALSE(decode_event(cbor::encode(other_log).value()));
    // Bodies are closed as well.
    cbor::Value open = value;
    cbor::Value body_value = *value.find(7);
    body_value.set(63, cbor::Value::null());
    open.set(7, body_value);
    EXPECT_FALSE(decode_event(cbor::encode(open).value()));
  }
}

TEST(Event, NoChangedBitLeavesTheEventAsItWas) {
  for (const Body& body : one_of_each()) {
    const Event event = whole(body);
    const ByteVec entry = encode_event(event).value();
    for (std::size_t bit = 0; bit < entry.size() * 8; ++bit) {
      ByteVec bent = entry;
      bent[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      const Result<Event> back = decode_event(bent);
      if (back) {
        EXPECT_NE(*back, event);
        EXPECT_EQ(encode_event(*back).value(), bent);  // one encoding for each event
      }
    }
    for (std::size_t cut = 0; cut < entry.size(); ++cut) {
      EXPECT_FALSE(decode_event(Bytes(entry).first(cut)));
    }
  }
}

TEST(Event, LimitsHold) {
  Domain domain{std::string(kMaxBodyText + 1, 'x'), digest_of("d")};
  const auto make = [&](Body body) {
    const Fields f = fields_for(kind_of(body));
    return make_event(f.id, f.parent, f.authority, std::move(body));
  };
  EXPECT_FALSE(make(domain));
  domain.name = "a\nb";
  EXPECT_FALSE(make(domain));
  domain.name = "\xff";
  EXPECT_FALSE(make(domain));
  Admission admission;
  EXPECT_FALSE(make(admission)) << "an admission without a permit";
  admission.chain.assign(kMaxBodyList + 1, id_of<PermitId>("p"));
  EXPECT_FALSE(make(admission));
  admission.chain.resize(1);
  admission.mechanisms.assign(kMaxBodyList, std::string(kMaxBodyText, 'x'));
  const Event large = make(admission).value();
  const Result<ByteVec> entry = encode_event(large);
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().code(), Code::Exhausted);
  EXPECT_NE(entry.error().message().find("65535"), std::string::npos);
  Revocation revocation;
  revocation.what = Revocation::What::Run;
  revocation.target = ByteVec(32);
  EXPECT_FALSE(make(revocation));
}

TEST(Event, OnlyWhatGrantsNothingIsRecordedBehindTheClock) {
  for (const Body& body : one_of_each()) {
    const Event event = whole(body);
    const Event late = stamped(event, event.seq(), event.time(), 5);
    EXPECT_EQ(encode_event(late).has_value(), grants_nothing(event.kind()))
        << kind_name(event.kind());
    if (grants_nothing(event.kind())) {
      EXPECT_EQ(decode_event(encode_event(late).value())->behind(), 5U);
    }
  }
}

TEST(Event, ObjectsAreThoseThatTheEntryNames) {
  EXPECT_EQ(objects_of(whole(one_of_each()[5])).size(), 6U);
  EXPECT_EQ(objects_of(whole(one_of_each()[7])).size(), 0U);
}

TEST(GateCounts, SumsThatWrapDoNotAgree) {
  EXPECT_TRUE((GateCounts{6, 1, 1, 1, 1, 2, 3}).agree());
  EXPECT_FALSE((GateCounts{5, 1, 1, 1, 1, 2, 3}).agree());
  EXPECT_FALSE((GateCounts{6, 1, 1, 1, 1, 2, 2}).agree());
  EXPECT_FALSE((GateCounts{1, UINT64_MAX, 2, 0, 0, 0, 0}).agree());
}

TEST(Side, DigestsNeedTheSaltAndTheName) {
  Salt salt{};
  salt[3] = std::byte{9};
  Side side(salt);
  const Digest32 argv = side.put("argv", encode_list(std::vector<std::string>{"make", "", "-j2"}));
  const Side back = Side::decode(side.encode()).value();
  EXPECT_TRUE(back.check("argv", argv));
  EXPECT_FALSE(back.check("env", argv));
  EXPECT_EQ(decode_list(*back.get("argv")).value(), (std::vector<std::string>{"make", "", "-j2"}));
  EXPECT_NE(salted_digest(Salt{}, "argv", *back.get("argv")), argv);
  EXPECT_NE(salted_digest(salt, "arg", as_bytes("v")), salted_digest(salt, "argv", {}));
  const ByteVec bytes = side.encode();
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(Side::decode(Bytes(bytes).first(cut)));
  }
  EXPECT_FALSE(decode_list(as_bytes("no end")));
}

// The worked example of docs/formats/ledger.md: the hex there is what is written for this event.
TEST(Event, TheDocumentedExampleIsWhatIsWritten) {
  std::ifstream file("docs/formats/ledger.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string fence = "```hex\n";
  const std::size_t begin = text.find(fence);
  ASSERT_NE(begin, std::string::npos) << "docs/formats/ledger.md has no ```hex block";
  const std::size_t from = begin + fence.size();
  std::string hex = text.substr(from, text.find("```", from) - from);
  std::erase_if(hex, [](char c) { return c == '\n' || c == ' '; });
  RunId::rep run{};
  run.fill(std::byte{0x11});
  PermitId permit;
  Array32 ones{};
  ones.fill(std::byte{0x22});
  permit = PermitId(ones);
  ones.fill(std::byte{0x33});
  Refusal refusal;
  refusal.reason = Reason::NotGranted;
  refusal.gate = "exec";
  refusal.pid = 41;
  Array32 asked{};
  asked.fill(std::byte{0x44});
  refusal.asked = Digest32(asked);
  const Event event = stamped(make_event({RunId(run), Seq(17)}, EventId{RunId(run), Seq(16)},
                                         PermitAuthority{permit, Digest32(ones)}, refusal)
                                  .value(),
                              Seq(17), UnixMillis(1'700'000'000'000));
  EXPECT_EQ(to_hex(encode_event(event).value()), hex);
  EXPECT_EQ(decode_event(from_hex(hex).value()).value(), event);
}

}  // namespace
}  // namespace writ::ledger
