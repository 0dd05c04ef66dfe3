// What a stranger is told of a bundle: what a true one proves, and that no altered one proves the
// same. Who makes the bundle is the attacker: he has the whole log and may choose from it as he
// likes, with a valid path; and he may write whatever else he likes.
#include "proof/checklist.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cose/key.h"
#include "crypto/sha.h"
#include "ledger/cosignature.h"
#include "ledger/joint_proof.h"
#include "ledger/rotation.h"
#include "ledger/tile.h"
#include "proof/testing_internal.h"

namespace writ::proof {
namespace {

using ledger::EventId;

class ProofTest : public testing::Test, protected History {
 protected:
  ProofTest() : trusted(trusting(log)) {}

  Trusted trusting(const crypto::PrivateKey& log_key) const {
    Trusted one;
    one.authorities = {authority.public_key()};
    one.logs = ledger::policy_of(ledger::make_vkey("you@host", log_key.public_key()).value());
    return one;
  }
  ProofBundle gathered(const std::string& note) {
    Result<ProofBundle> made =
        gather_proof(objects, run, note, [this](const EventId& id) { return kept_side(id); });
    EXPECT_TRUE(made) << made.error().message();
    return made ? std::move(*made) : ProofBundle();
  }
  ProofBundle gathered() { return gathered(seal()); }
  // The same of a history that does not verify, as somebody makes it who does not check.
  ProofBundle gathered_anyway() {
    const std::vector<Entry> wrong = entries;
    make_whole();
    ProofBundle made = gathered();
    entries = wrong;
    made.head = seal();
    return chosen(made, all_places());
  }
  // The same entries with an end that agrees and checks that held.
  void make_whole() {
    for (Entry& entry : entries) {
      if (auto* end = std::get_if<ledger::End>(&entry.body)) {
        end->counts = {.asked = 3, .refused = 1, .released = 2, .exec_stops = 2};
      }
      if (auto* check = std::get_if<ledger::Continuity>(&entry.body)) check->checks = kEveryCheck;
    }
  }

  // The entries at these places of the log, with a valid path: what somebody with the log can make.
  ProofBundle chosen(const ProofBundle& from, const std::vector<std::size_t>& places) {
    ProofBundle other = from;
    other.entries.clear();
    std::vector<LeafIndex> indexes;
    std::vector<LeafHash> leaves;
    for (const Entry& entry : entries) leaves.push_back(ledger::leaf_hash(encoded(entry)));
    for (const std::size_t place : places) {
      ProofEntry one{LeafIndex(place), encoded(entries.at(place)), {}};
      const auto old = std::find_if(from.entries.begin(), from.entries.end(),
                                    [&](const auto& it) { return it.index == one.index; });
      if (old != from.entries.end()) one.side = old->side;
      indexes.push_back(one.index);
      other.entries.push_back(std::move(one));
    }
    const auto hash_at = [&](unsigned level, std::uint64_t index) -> Result<NodeHash> {
      ledger::Frontier part;
      for (std::uint64_t i = index << level; i < (index + 1) << level; ++i) {
        part.push(leaves.at(i));
      }
      return part.root();
    };
    other.path = ledger::prove_jointly(indexes, TreeSize(entries.size()), hash_at).value();
    return other;
  }
  std::vector<std::size_t> all_places() const {
    std::vector<std::size_t> places(entries.size());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    return places;
  }

  // Entries of another run, between those of this one and after them.
  void another_run() {
    const RunId own = run;
    run = make_run_id(UnixMillis(kNow), {std::byte{2}});
    in_run(0, body_at<ledger::Admission>(admission_at), decision_object);
    const Entry other = entries.back();
    for (std::uint64_t i = 1; i < 3; ++i) in_run(i, ledger::Continuity(), decision_object);
    entries.pop_back();
    entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(exec_at), other);
    entries.erase(entries.end() - 2);
    run = own;
    for (std::size_t* at : {&exec_at, &script_at, &refusal_at, &connect_at, &end_at}) ++*at;
  }

  static const StepResult& step(const Checklist& list, Step wanted) {
    return list.steps.at(static_cast<std::size_t>(wanted));
  }
  static std::string shown(const Checklist& list) {
    std::string text;
    for (const StepResult& one : list.steps) {
      text += std::string(outcome_name(one.outcome)) + " " +
              std::string(meaning_of(one.step).name) + ": " + one.says + "\n";
    }
    return text;
  }
  static void expect(const Checklist& list, Step wanted, Outcome outcome,
                     const std::string& words) {
    EXPECT_EQ(step(list, wanted).outcome, outcome) << shown(list);
    EXPECT_NE(step(list, wanted).says.find(words), std::string::npos) << shown(list);
    EXPECT_EQ(list.verified(),
              std::none_of(list.steps.begin(), list.steps.end(),
                           [](const StepResult& one) { return one.outcome == Outcome::Fails; }));
  }
  void expect_fails(const ProofBundle& made, Step wanted, const std::string& words) {
    const Checklist list = check_proof(made, trusted);
    EXPECT_FALSE(list.verified());
    expect(list, wanted, Outcome::Fails, words);
  }
  // The file does not decode, or it does not verify.
  bool believed(Bytes file) {
    const Result<ProofBundle> read = decode_proof(file);
    return read && check_proof(*read, trusted).verified();
  }

  Trusted trusted;
};

TEST_F(ProofTest, ATrueBundleProvesWhatItSays) {
  make();
  const ProofBundle made = gathered();
  const Checklist list = check_proof(decode_proof(encode_proof(made).value()).value(), trusted);
  EXPECT_TRUE(list.verified()) << shown(list);
  ASSERT_EQ(list.steps.size(), kSteps);
  expect(list, Step::Head, Outcome::Holds, "head 10 of you@host, signed by the log key");
  expect(list, Step::Records, Outcome::Holds, "6 entries of the run and 4 outside runs");
  expect(list, Step::InForce, Outcome::Holds, "0-3 outside runs without gaps, none left out");
  expect(list, Step::Permit, Outcome::Holds, "you → agent/test: permit ");
  expect(list, Step::Permit, Outcome::Holds, "the holder signed for this command");
  expect(list, Step::Policy, Outcome::Holds, "5 decisions replayed, all equal");
  expect(list, Step::Continuity, Outcome::Holds, "before a check was missed");
  expect(list, Step::Complete, Outcome::Holds,
         "seq 0-5 without gaps, ended: exited; the supervisor released 2 execs, the log has 2");
  expect(list, Step::Witnessed, Outcome::Open, "could have rewritten history before head 10");
  expect(list, Step::Host, Outcome::Open, "the kernel of \"host\"");
  EXPECT_EQ(list.replay.replayed, 5U);
}

TEST_F(ProofTest, EveryStepSaysWhatItProvesWhatNotAndWhomItRestsOn) {
  for (std::size_t i = 0; i < kSteps; ++i) {
    const Meaning& meaning = meaning_of(static_cast<Step>(i));
    EXPECT_FALSE(meaning.name.empty() || meaning.proves.empty() || meaning.does_not.empty() ||
                 meaning.rests_on.empty());
  }
}

TEST_F(ProofTest, OnlyKeysThatAreGivenCount) {
  make();
  const ProofBundle made = gathered();
  Trusted nobody;
  EXPECT_FALSE(check_proof(made, nobody).verified());
  Trusted other = trusted;
  other.authorities = {stranger.public_key()};
  Checklist list = check_proof(made, other);
  EXPECT_FALSE(list.verified());
  expect(list, Step::Permit, Outcome::Fails, "which is not one that is trusted");
  expect(list, Step::Policy, Outcome::Fails, "no trusted authority has key");
  list = check_proof(made, trusting(stranger));
  EXPECT_FALSE(list.verified());
  expect(list, Step::Head, Outcome::Fails, "not one of the key that is trusted");
  expect(list, Step::Policy, Outcome::Open, "not judged");
  EXPECT_TRUE(check_proof(made, claimed_keys(made)).verified());
}

TEST_F(ProofTest, EveryByteCounts) {
  make();
  another_run();
  const ByteVec file = encode_proof(gathered()).value();
  ASSERT_TRUE(believed(file));
  for (std::size_t i = 0; i < file.size(); ++i) {
    ByteVec bent = file;
    bent[i] ^= static_cast<std::byte>(1U << (i % 8));
    EXPECT_FALSE(believed(bent)) << "byte " << i << " of " << file.size();
  }
  for (std::size_t size = 0; size < file.size(); size += 1 + size / 50) {
    EXPECT_FALSE(believed(Bytes(file).first(size))) << "cut to " << size;
  }
  ByteVec longer = file;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(believed(longer));
}

TEST_F(ProofTest, EveryElementCounts) {
  make();
  another_run();
  const ProofBundle made = gathered();
  ASSERT_GE(made.path.size(), 2U);
  const auto as_before = [&](const ProofBundle& other) {
    const Result<ByteVec> file = encode_proof(other);
    return file && believed(*file);
  };
  ASSERT_TRUE(as_before(made));
  const auto each = [&](auto&& list_of, const char* what, bool order_is_free) {
    const std::size_t count = list_of(made).size();
    for (std::size_t i = 0; i < count; ++i) {
      ProofBundle other = made;
      auto& removed = list_of(other);
      removed.erase(removed.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_FALSE(as_before(other)) << what << " " << i << " removed";
      other = made;
      auto& twice = list_of(other);
      twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), list_of(made)[i]);
      EXPECT_FALSE(as_before(other)) << what << " " << i << " twice";
      if (i == 0 || order_is_free) continue;
      other = made;
      std::swap(list_of(other)[i - 1], list_of(other)[i]);
      EXPECT_FALSE(as_before(other)) << what << " " << i << " and the one before swapped";
    }
  };
  each(
      [](auto& b) -> auto& { return b.entries; }, "entry", false);
  each(
      [](auto& b) -> auto& { return b.path; }, "hash", false);
  each(
      [](auto& b) -> auto& { return b.objects; }, "object", false);
  for (std::size_t i = 1; i < made.entries.size(); ++i) {
    ProofBundle other = made;
    std::swap(other.entries[i - 1].entry, other.entries[i].entry);
    EXPECT_FALSE(as_before(other)) << "entries " << i << " under each other's number";
    other = made;
    std::swap(other.entries[i - 1].side, other.entries[i].side);
    if (other == made) continue;
    EXPECT_FALSE(as_before(other)) << "clear text of " << i << " under its neighbour";
  }
  ProofBundle other = made;
  other.objects.push_back(to_vec("one more"));
  std::sort(other.objects.begin(), other.objects.end(), [](const ByteVec& a, const ByteVec& b) {
    return crypto::sha256(a) < crypto::sha256(b);
  });
  expect_fails(other, Step::Records, "an object that nothing in it needs");
  other = made;
  other.run = make_run_id(UnixMillis(kNow), {std::byte{2}});
  EXPECT_FALSE(as_before(other));
}

TEST_F(ProofTest, AChoiceOfEntriesThatLeavesOneOutNeverProvesTheSame) {
  make();
  outside(ledger::Revocation{ledger::Revocation::What::Permit, to_vec(as_bytes(permit_id)), {}});
  const ProofBundle made = gathered();
  const Checklist whole = check_proof(made, trusted);
  ASSERT_TRUE(whole.verified()) << shown(whole);
  ASSERT_EQ(check_proof(chosen(made, all_places()), trusted).steps, whole.steps);
  for (std::size_t left_out = 0; left_out < entries.size(); ++left_out) {
    std::vector<std::size_t> places = all_places();
    places.erase(places.begin() + static_cast<std::ptrdiff_t>(left_out));
    const Checklist list = check_proof(chosen(made, places), trusted);
    // The last of the run and what comes after it may be left out, and then the answer is less.
    const bool last = left_out >= end_at;
    EXPECT_EQ(list.verified(), last) << left_out << "\n" << shown(list);
    EXPECT_NE(list.steps, whole.steps) << left_out;
  }
}

TEST_F(ProofTest, ClearTextThatIsLeftOutIsSaidAndNotJudged) {
  make();
  const ProofBundle made = gathered();
  for (std::size_t i = 0; i < made.entries.size(); ++i) {
    if (!made.entries[i].side) continue;
    ProofBundle other = made;
    other.entries[i].side.reset();
    const Checklist list = check_proof(other, trusted);
    EXPECT_TRUE(list.verified()) << shown(list);
    if (i == admission_at) continue;  // its decision needs no clear text
    expect(list, Step::Policy, Outcome::Open, "1 recorded, not replayable");
  }
  sides.clear();
  const Checklist list = check_proof(gathered(), trusted);
  EXPECT_TRUE(list.verified());
  expect(list, Step::Policy, Outcome::Open,
         "1 decision replayed, equal; 4 recorded, not replayable");
}

TEST_F(ProofTest, ClearTextThatTheEntryDoesNotCommitToIsFound) {
  make();
  const ProofBundle made = gathered();
  const auto with = [&](std::size_t at, const std::string& name, std::string_view value) {
    ProofBundle other = made;
    ledger::Side side = ledger::Side::decode(*other.entries[at].side).value();
    (void)side.put(name, as_bytes(value));
    other.entries[at].side = side.encode();
    return other;
  };
  const std::string words = "is not what the entry commits to";
  expect_fails(with(admission_at, "cwd", "/elsewhere"), Step::Permit, words);
  expect_fails(with(exec_at, "cwd", "/elsewhere"), Step::Policy, words);
  expect_fails(with(refusal_at, "asked", "exec /bin/else"), Step::Policy, words);
  expect_fails(with(connect_at, "endpoint", "tcp:192.0.2.9:443"), Step::Policy, words);
  expect_fails(with(exec_at, "because", "I say so"), Step::Policy, "is not committed to");
  expect_fails(with(admission_at, "request", "{}"), Step::Permit, "is not committed to");
  expect_fails(with(exec_at, "request", "{}"), Step::Policy, "");
  ProofBundle other = made;
  other.entries[1].side = other.entries[exec_at].side;
  expect_fails(other, Step::InForce, "is not committed to");
  other = made;
  other.entries[end_at].side = ledger::Side(ledger::Salt{}).encode();
  expect_fails(other, Step::Policy, "there is none");
}

TEST_F(ProofTest, EntriesOfAnotherRunHaveNoPlaceInIt) {
  make();
  const RunId first = run;
  run = make_run_id(UnixMillis(kNow), {std::byte{2}});
  in_run(0, body_at<ledger::Admission>(admission_at), decision_object);
  const ProofBundle second_would_be = chosen(gathered(seal()), all_places());
  run = first;
  const ProofBundle made = gathered();
  EXPECT_EQ(made.entries.size(), entries.size() - 1) << "of the other run nothing is taken";
  expect_fails(chosen(made, all_places()), Step::Records, "is of another run");
  expect_fails(second_would_be, Step::Records, "is of another run");
}

TEST_F(ProofTest, AnotherLogsHeadOverTheSameEntriesProvesNothing) {
  make();
  ProofBundle made = gathered();
  made.head = seal(stranger);
  expect_fails(made, Step::Head, "not by the log key in force");
  made.head = "nonsense";
  expect_fails(made, Step::Head, "the head: ");
}

TEST_F(ProofTest, AnotherPermitOrPolicyUnderTheSameNamesIsFound) {
  make();
  const ProofBundle made = gathered();
  const auto replaced = [&](Bytes old, const ByteVec& by) {
    ProofBundle other = made;
    const auto at = std::find(other.objects.begin(), other.objects.end(), to_vec(old));
    EXPECT_NE(at, other.objects.end());
    *at = by;
    return other;
  };
  permit::Claims more = claims;
  more.subject = "agent/other";
  expect_fails(replaced(permit_file, permit::issue(more, authority).value()), Step::Permit,
               "is not in the bundle");
  domain::Bundle looser = bundle;
  looser.policies = "permit (principal, action, resource);";
  expect_fails(
      replaced(objects.objects.at(bundle_object), domain::sign_bundle(looser, authority).value()),
      Step::Permit, "is not in the bundle");
}

TEST_F(ProofTest, AHistoryThatIsWrongIsWrongInTheBundleToo) {
  make();
  ledger::Exec& exec = body_at<ledger::Exec>(exec_at);
  exec.path = "/bin/other";
  const std::string note = seal();
  EXPECT_EQ(gather_proof(objects, run, note, [&](const EventId& id) { return kept_side(id); })
                .error()
                .code(),
            Code::Conflict);
}

TEST_F(ProofTest, ARevocationBeforeTheAdmissionCannotBeHidden) {
  make();
  const Entry revoked{
      {ledger::kNoRun, Seq(4)},
      ledger::kGenesisEvent,
      entries[1].authority,
      ledger::Revocation{ledger::Revocation::What::Permit, to_vec(as_bytes(permit_id)), Digest32()},
      kNow};
  ProofBundle made = gathered();
  entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(admission_at), revoked);
  made.head = seal();
  std::vector<std::size_t> places = all_places();
  const auto renumber = [&](ProofBundle all) {
    for (std::size_t i = 0; i < all.entries.size(); ++i) {
      if (all.entries[i].index.get() > admission_at) {
        const auto side = kept_side(entries[all.entries[i].index.get()].id);
        if (side) all.entries[i].side = side->encode();
      }
    }
    return all;
  };
  EXPECT_FALSE(check_proof(renumber(chosen(made, places)), trusted).verified());
  places.erase(places.begin() + static_cast<std::ptrdiff_t>(admission_at));
  const Checklist list = check_proof(chosen(made, places), trusted);
  EXPECT_EQ(step(list, Step::InForce).outcome, Outcome::Open)
      << "nothing outside runs comes after it, and one place is missing\n"
      << shown(list);
  expect(list, Step::InForce, Outcome::Open, "whether others stand between");
  outside(ledger::Domain{"other", domain_object});
  made.head = seal();
  places = all_places();
  places.erase(places.begin() + static_cast<std::ptrdiff_t>(admission_at));
  EXPECT_EQ(step(check_proof(chosen(made, places), trusted), Step::InForce).outcome,
            Outcome::Fails);
}

TEST_F(ProofTest, ARunThatIsOpenOrWasInterruptedIsProvenUpToItsLastNumber) {
  make();
  entries.pop_back();
  Checklist list = check_proof(gathered(), trusted);
  EXPECT_TRUE(list.verified());
  expect(list, Step::Complete, Outcome::Open, "the run had not ended under head 9");
  ledger::Interrupted cut;
  cut.last_durable = Seq(4);
  cut.unproven_millis = 20;
  in_run(5, cut, decision_object);
  entries.back().time += 3'600'000;
  list = check_proof(gathered(), trusted);
  EXPECT_TRUE(list.verified()) << shown(list);
  expect(
      list, Step::Complete, Outcome::Open,
      "then interrupted (interrupted): complete up to seq 4; 20 ms before the cut are not proven");
  expect(list, Step::Continuity, Outcome::Holds, "ends after 0.0 s");
}

TEST_F(ProofTest, TotalsThatDoNotAgreeAreFound) {
  make();
  body_at<ledger::End>(end_at).counts = {.asked = 2, .refused = 1, .released = 1, .exec_stops = 1};
  ProofBundle made = gathered_anyway();
  expect_fails(made, Step::Complete, "the supervisor released 1 execs, the log has 2");
}

TEST_F(ProofTest, ContinuityIsHeldAgainstItsInterval) {
  make();
  const ledger::Body end = entries.back().body;
  entries.pop_back();
  ledger::Continuity check;
  check.checks = kEveryCheck;
  for (std::uint64_t i = 0; i < 3; ++i) {
    in_run(5 + i, check, decision_object);
    entries.back().time += static_cast<std::int64_t>(i + 1) * 5100;
  }
  in_run(8, end, decision_object);
  entries.back().time += 18'000;
  expect(check_proof(gathered(), trusted), Step::Continuity, Outcome::Holds,
         "governed throughout: 3 checks, longest gap 5.1 s, one is due every 5.0 s");
  entries.back().time += 30'000;
  expect(check_proof(gathered(), trusted), Step::Continuity, Outcome::Open, "not shown");
  std::get<ledger::Continuity>(entries[entries.size() - 2].body).checks = 3;
  expect_fails(gathered_anyway(), Step::Continuity, "does not say that everything held");
}

TEST_F(ProofTest, AKeyThatWasHandedOverIsFollowedAndNoOther) {
  make();
  const crypto::PrivateKey next = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  outside(ledger::make_rotation(ledger_id, "you@host", log, next).value());
  entries.back().authority = ledger::KeyAuthority{cose::key_id(log.public_key())};
  const ProofBundle made = gathered(seal(next));
  for (const crypto::PrivateKey* key : {&std::as_const(log), &next}) {
    const Checklist list = check_proof(made, trusting(*key));
    EXPECT_TRUE(list.verified()) << shown(list);
    expect(list, Step::Head, Outcome::Holds, "in force after 1 change of it");
  }
  EXPECT_FALSE(check_proof(made, trusting(stranger)).verified());
  ProofBundle old = made;
  old.head = seal(log);
  expect_fails(old, Step::Head, "by a log key that was retired");
  outside(ledger::make_rotation(ledger_id, "you@host", next, stranger).value());
  EXPECT_EQ(
      gather_proof(objects, run, seal(stranger), [&](const EventId& id) { return kept_side(id); })
          .error()
          .code(),
      Code::Conflict)
      << "not by the key in force";
}

TEST_F(ProofTest, WitnessesAreCountedAndAskedFor) {
  make();
  const crypto::PrivateKey witness = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  const auto cosigner = ledger::make_cosigner_key("w.example/w", witness.public_key()).value();
  const std::string plain = seal();
  const std::string text = ledger::parse_note(as_bytes(std::string_view(plain)))->text;
  const std::string line = ledger::cosign(text, 1'767'225'660, "w.example/w", witness).value();
  const std::string note = ledger::with_cosignatures(plain, line).value();
  const ProofBundle made = gathered(note);
  EXPECT_TRUE(check_proof(made, trusted).verified()) << "unknown lines are passed over";
  const std::string log_line = "log " + ledger::to_string(trusted.logs.logs[0].key) + "\n";
  trusted.logs = ledger::parse_trust_policy(log_line + "witness w " + ledger::to_string(cosigner) +
                                            "\nquorum w\n")
                     .value();
  const Checklist list = check_proof(made, trusted);
  expect(list, Step::Witnessed, Outcome::Holds,
         "w (2026-01-01T00:01:00.000Z) saw head 10 and no other history");
  EXPECT_EQ(list.witnesses, std::vector<std::string>{"w"});
  ProofBundle without = made;
  without.head = plain;
  expect_fails(without, Step::Witnessed, "asks for more witnesses");
  for (std::size_t i = note.size() - line.size(); i < note.size(); ++i) {
    ProofBundle bent = made;
    bent.head[i] = static_cast<char>(bent.head[i] ^ 1);
    EXPECT_FALSE(check_proof(bent, trusted).verified()) << i;
  }
}

TEST_F(ProofTest, AHeadThatIsGivenMustBeTheVeryOne) {
  make();
  const ProofBundle made = gathered();
  const auto text = ledger::parse_note(as_bytes(std::string_view(made.head)))->text;
  trusted.head = ledger::parse_checkpoint(text).value();
  expect(check_proof(made, trusted), Step::Head, Outcome::Holds, "it is the head that was given");
  trusted.head->size = TreeSize(9);
  expect_fails(made, Step::Head, "not under the one of 9 entries");
}

TEST_F(ProofTest, ABundleCanBeUnderAnOlderHeadThatCoversTheRun) {
  make();
  const std::string older = seal();
  for (int i = 0; i < 5; ++i) outside(ledger::Domain{"other", domain_object});
  objects.files.clear();
  const std::string newer = seal();
  EXPECT_TRUE(check_proof(gathered(older), trusted).verified());
  const ProofBundle made = gathered(newer);
  EXPECT_EQ(made.entries.size(), end_at + 2) << "the first outside runs after it, and no more";
  EXPECT_TRUE(check_proof(made, trusted).verified());
}

TEST_F(ProofTest, ARunThatTheHeadDoesNotCoverIsNotFound) {
  make();
  run = make_run_id(UnixMillis(kNow), {std::byte{9}});
  EXPECT_EQ(gather_proof(objects, run, seal(), [&](const EventId& id) { return kept_side(id); })
                .error()
                .code(),
            Code::NotFound);
}

TEST_F(ProofTest, PoliciesOfOtherDomainsAndDeniedRequestsStandThereForTheirNumbersOnly) {
  make();
  outside(ledger::Policy{"other", BundleDigest(Array32{std::byte{7}}), 1});
  ledger::Denial denial;
  denial.domain = "default";
  denial.inputs = Digest32(Array32{std::byte{8}});
  denial.decision = Digest32(Array32{std::byte{9}});
  denial.asked = Digest32(Array32{std::byte{1}});
  denial.sentence = Digest32(Array32{std::byte{1}});
  outside(denial);
  std::rotate(entries.begin() + static_cast<std::ptrdiff_t>(admission_at), entries.end() - 2,
              entries.end());
  const Checklist list = check_proof(gathered(), trusted);
  EXPECT_TRUE(list.verified()) << shown(list);
  expect(list, Step::InForce, Outcome::Holds, "0-5 outside runs");
}

TEST_F(ProofTest, ANewerPolicyDuringTheRunIsSaid) {
  make();
  domain::Bundle second = bundle;
  second.generation = 2;
  put_bundle(second);
  std::swap(entries[entries.size() - 1], entries[entries.size() - 2]);
  const Checklist list = check_proof(gathered(), trusted);
  EXPECT_TRUE(list.verified()) << shown(list);
  expect(list, Step::Policy, Outcome::Open, "1 newer bundle came into force during the run");
}

TEST_F(ProofTest, FilesThatAreNoBundlesAreRefusedByName) {
  make();
  const ByteVec file = encode_proof(gathered()).value();
  const auto code = [](Bytes bytes) { return decode_proof(bytes).error().code(); };
  EXPECT_EQ(code({}), Code::Malformed);
  EXPECT_EQ(code(ByteVec{std::byte{0x80}}), Code::Malformed);
  EXPECT_EQ(code(as_bytes(std::string_view("\x81\x64writ", 6))), Code::Malformed);
  ByteVec other = file;
  ASSERT_EQ(as_text(Bytes(other).subspan(2, 12)), "writ proof 0");
  other[13] = std::byte{'1'};
  EXPECT_EQ(code(other), Code::Unsupported);
  ProofBundle none;
  EXPECT_EQ(encode_proof(none).error().code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace writ::proof
