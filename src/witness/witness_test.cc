#include "witness/witness.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/durable_faults.h"
#include "base/random.h"
#include "ledger/add_checkpoint.h"
#include "ledger/note_internal.h"
#include "ledger/trust_policy.h"
#include "witness/client.h"

namespace writ::witness {
namespace {

using ledger::AddCheckpoint;
using ledger::Checkpoint;
using ledger::Frontier;
using ledger::VerifierKey;

crypto::PrivateKey key_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::generate_key(crypto::Algorithm::EdDSA, random);
}
LeafHash leaf(std::uint64_t i, char kind = 'e') {
  return ledger::leaf_hash(as_bytes(std::string(1, kind) + std::to_string(i)));
}
NodeHash root_of(std::uint64_t size, char kind = 'e') {
  Frontier tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.push(leaf(i, kind));
  return tree.root();
}
ledger::HashAt hashes(char kind = 'e') {
  return [kind](unsigned level, std::uint64_t index) -> Result<NodeHash> {
    Frontier tree;
    for (std::uint64_t i = index << level; i < (index + 1) << level; ++i) tree.push(leaf(i, kind));
    return tree.root();
  };
}

class WitnessTest : public testing::Test {
 protected:
  WitnessTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "writ-witness-XXXXXX").string();
    home_ = mkdtemp(pattern.data());
    reopen();
  }
  ~WitnessTest() override { std::filesystem::remove_all(home_); }
  void reopen() {
    witness_.reset();
    witness_ =
        Witness::open(storage_, home_ + "/witness", "witness.example/w", key_of(7),
                      {ledger::make_vkey("you@host", key_of(1).public_key()).value()}, clock_)
            .value();
  }
  static std::string note(std::uint64_t size, char kind = 'e', std::uint64_t key = 1,
                          const std::string& origin = "you@host") {
    return ledger::sign_checkpoint({origin, TreeSize(size), root_of(size, kind)}, key_of(key))
        .value();
  }
  static std::string request(std::uint64_t old, std::uint64_t size, char kind = 'e') {
    AddCheckpoint asked{TreeSize(old), {}, note(size, kind)};
    if (old > 0 && old < size) {
      asked.path = ledger::prove_consistency(TreeSize(old), TreeSize(size), hashes(kind)).value();
    }
    return ledger::encode_add_checkpoint(asked);
  }
  Answer ask(const std::string& body) { return witness_->add_checkpoint(as_bytes(body)); }
  // The size that the witness remembers, as it says itself.
  std::string remembered() {
    const Answer answer = ask(request(99, 99));
    return answer.status == 409 ? answer.body : "status " + std::to_string(answer.status);
  }
  // What a client takes from an answer: who cosigned.
  std::size_t cosigned(const std::string& signed_note, const std::string& lines) const {
    const std::string whole = ledger::with_cosignatures(signed_note, lines).value();
    const ledger::CosignerKey keys[] = {witness_->key()};
    return ledger::verify_cosignatures(
               ledger::parse_note(as_bytes(std::string_view(whole))).value(), keys)
        ->size();
  }

  FaultStorage storage_{system_storage()};
  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  std::string home_;
  std::unique_ptr<Witness> witness_;
};

TEST_F(WitnessTest, AHeadThatContinuesTheLastOneIsCosigned) {
  const Answer first = ask(request(0, 5));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(cosigned(note(5), first.body), 1U);
  EXPECT_EQ(ask(request(5, 12)).status, 200);
  EXPECT_EQ(ask(request(12, 12)).status, 200);  // the same once more
  EXPECT_EQ(remembered(), "12\n");
  const Answer newest = witness_->checkpoint(origin_hex("you@host"));
  EXPECT_EQ(newest.status, 200);
  ledger::TrustPolicy policy =
      ledger::policy_of(ledger::make_vkey("you@host", key_of(1).public_key()).value());
  policy.witnesses.push_back({"w", witness_->key(), {}});
  policy.quorum = ledger::PolicyMember{false, 0};
  const auto head = ledger::verify_head(as_bytes(std::string_view(newest.body)), policy);
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->checkpoint.size.get(), 12U);
}

TEST_F(WitnessTest, EachStatusOfTheSpecification) {
  EXPECT_EQ(witness_->checkpoint(origin_hex("you@host")).status, 404);
  ASSERT_EQ(ask(request(0, 8)).status, 200);
  EXPECT_EQ(witness_->checkpoint(origin_hex("other")).status, 404);
  const auto status = [&](std::uint64_t old, const std::string& signed_note) {
    return ask(ledger::encode_add_checkpoint({TreeSize(old), {}, signed_note})).status;
  };
  EXPECT_EQ(status(8, note(9, 'e', 1, "stranger")), 404);
  EXPECT_EQ(status(8, note(9, 'e', 2)), 403);
  std::string bent = note(9);
  bent[bent.size() - 10] = bent[bent.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(status(8, bent), 403);
  EXPECT_EQ(status(10, note(9)), 400);
  const Answer conflict = ask(request(3, 9));
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(conflict.body, "8\n");
  EXPECT_EQ(conflict.type, "text/x.tlog.size");
  EXPECT_EQ(status(8, note(9)), 422);              // no proof
  EXPECT_EQ(ask(request(8, 9, 'x')).status, 422);  // another history
  EXPECT_EQ(ask(request(8, 8, 'x')).status, 422);  // equal size, another root
  // A tree of nothing has one root.
  const std::string nothing =
      ledger::sign_checkpoint({"you@host", TreeSize(0), root_of(2)}, key_of(1)).value();
  EXPECT_EQ(status(8, nothing), 400);
  std::filesystem::rename(home_ + "/witness", home_ + "/kept");
  reopen();
  EXPECT_EQ(status(0, nothing), 422);
  std::filesystem::remove_all(home_ + "/witness");
  std::filesystem::rename(home_ + "/kept", home_ + "/witness");
  reopen();
  for (const char* bad : {"", "old 8\n", "old 08\n\nx", "old 8\nnothash\n\nx", "old 8\n\nx",
                          "new 8\n\nx", "old -1\n\nx"}) {
    EXPECT_EQ(ask(bad).status, 400) << bad;
  }
  EXPECT_EQ(ask("old 8\n" + std::string(64 * 45, 'A') + "\n\n").status, 400);
  EXPECT_EQ(remembered(), "8\n");
}

TEST_F(WitnessTest, AProofGivenWithOldSizeZeroIsRefused) {
  AddCheckpoint asked{TreeSize(0), {root_of(2)}, note(5)};
  EXPECT_EQ(ask(ledger::encode_add_checkpoint(asked)).status, 422);
}

TEST_F(WitnessTest, AnAltered200IsNoCosignature) {
  const Answer answer = ask(request(0, 5));
  EXPECT_EQ(cosigned(note(5), answer.body), 1U);
  const std::string other = ledger::with_cosignatures(note(6), answer.body).value();
  const ledger::CosignerKey keys[] = {witness_->key()};
  EXPECT_FALSE(ledger::verify_cosignatures(
      ledger::parse_note(as_bytes(std::string_view(other))).value(), keys));
}

// Every operation of remembering fails or is cut short: no cosignature leaves, and what is
// remembered is the old head or the new one, never less.
TEST_F(WitnessTest, NothingIsCosignedThatIsNotRemembered) {
  ASSERT_EQ(ask(request(0, 5)).status, 200);
  std::uint64_t size = 5;
  bool whole = false;
  for (std::uint64_t at = 1; at < 20 && !whole; ++at) {
    storage_.plan({.at = at, .error = at % 2 == 0 ? EIO : ENOSPC, .for_good = true});
    const Answer answer = ask(request(size, size + 1));
    whole = storage_.count() < at;
    storage_.plan({});
    reopen();
    if (answer.status == 200) {
      ++size;
      EXPECT_TRUE(whole);
    } else {
      EXPECT_EQ(answer.status, 500);
    }
    const std::string now = remembered();
    if (now == std::to_string(size + 1) + "\n") ++size;  // written, only the name was not synced
    EXPECT_EQ(now, std::to_string(size) + "\n") << at;
  }
  EXPECT_TRUE(whole);
}

// A power cut at any moment, in every state that it can leave; and each sync taken out is missed.
TEST_F(WitnessTest, NoPowerCutTakesBackWhatWasCosigned) {
  std::string memory = "/dev/shm/writ-witness-XXXXXX";  // where syncs cost nothing
  ASSERT_NE(mkdtemp(memory.data()), nullptr);
  const std::string start = memory + "/start", left = memory + "/left";
  std::filesystem::create_directory(start);
  std::filesystem::remove_all(home_ + "/witness");
  storage_.record(true);
  reopen();
  std::vector<RecordedOp> record = storage_.take_record();
  std::vector<std::pair<std::size_t, std::uint64_t>> promised;  // after so many operations, a size
  for (const std::uint64_t size : {3, 7}) {
    ASSERT_EQ(ask(request(size == 3 ? 0 : 3, size)).status, 200);
    for (RecordedOp& op : storage_.take_record()) record.push_back(std::move(op));
    promised.emplace_back(record.size(), size);
  }
  storage_.record(false);
  // The size that is remembered after a cut, in each state; less than was promised: a fault.
  const auto fault = [&](const std::vector<RecordedOp>& lived) {
    const std::vector<std::size_t> since = durable_since(lived);
    for (std::size_t count = 0; count <= lived.size(); ++count) {
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < count; ++i) {
        if (since[i] >= count) open.push_back(i);
      }
      std::uint64_t least = 0;
      for (const auto& [operations, size] : promised) least = operations <= count ? size : least;
      for (std::uint32_t mask = 0; mask < 1U << std::min<std::size_t>(open.size(), 7); ++mask) {
        std::vector<bool> kept(count, true);
        for (std::size_t k = 0; k < open.size(); ++k) kept[open[k]] = (mask >> k & 1) != 0;
        std::filesystem::remove_all(left);
        std::filesystem::copy(start, left);
        EXPECT_TRUE(rebuild(lived, kept, left));
        auto again =
            Witness::open(system_storage(), left + "/witness", "witness.example/w", key_of(7),
                          {ledger::make_vkey("you@host", key_of(1).public_key()).value()}, clock_)
                .value();
        const std::string body = request(99, 99);
        const Answer answer = again->add_checkpoint(as_bytes(std::string_view(body)));
        if (answer.status != 409 || std::stoull(answer.body) < least) return true;
      }
    }
    return false;
  };
  EXPECT_FALSE(fault(record));
  unsigned syncs = 0;
  for (std::size_t i = 0; i < record.size(); ++i) {
    if (record[i].op != DiskOp::SyncData && record[i].op != DiskOp::SyncDir) continue;
    std::vector<RecordedOp> without = record;
    without[i].op = DiskOp::Read;  // which leaves nothing
    EXPECT_TRUE(fault(without)) << "nobody misses sync " << i << " (" << record[i].path << ")";
    ++syncs;
  }
  EXPECT_EQ(syncs, 5U);  // the name of the directory; twice the bytes and the name of the head
  std::filesystem::remove_all(memory);
}

TEST_F(WitnessTest, AClockSetBackCosignsNothing) {
  ASSERT_EQ(ask(request(0, 5)).status, 200);
  clock_.advance_millis(-5'000);
  EXPECT_EQ(ask(request(5, 6)).status, 500);
  EXPECT_EQ(remembered(), "5\n");
  clock_.advance_millis(6'000);
  EXPECT_EQ(ask(request(5, 6)).status, 200);
}

TEST_F(WitnessTest, ADamagedMemoryCosignsNothing) {
  ASSERT_EQ(ask(request(0, 5)).status, 200);
  std::ofstream(home_ + "/witness/" + origin_hex("you@host"), std::ios::trunc) << note(3);
  EXPECT_EQ(ask(request(3, 6)).status, 500);
  EXPECT_EQ(ask(request(5, 6)).status, 500);
}

// A stranger may show the witness a log's own head with lines of his own below it.
TEST_F(WitnessTest, LinesThatAStrangerAddsAreNeitherKeptNorServed) {
  const VerifierKey ours = ledger::make_vkey("you@host", key_of(1).public_key()).value();
  const VerifierKey other = ledger::make_vkey("other@host", key_of(3).public_key()).value();
  witness_ =
      Witness::open(storage_, home_ + "/two", "witness.example/w", key_of(7), {ours, other}, clock_)
          .value();
  const auto with = [](std::uint64_t size, const std::string& lines) {
    return ledger::encode_add_checkpoint({TreeSize(0), {}, note(size) + lines});
  };
  // A signature that is none, by the key of another log that is watched too.
  const std::string false_line = ledger::signature_line(other.name, other.id, ByteVec(64));
  // The log's own, as often as a note may have signatures.
  const std::string line = note(5).substr(note(5).rfind("\n\n") + 2);
  std::string lines;
  for (std::size_t i = 2; i < ledger::kMaxNoteSignatures; ++i) lines += line;
  ASSERT_EQ(ask(with(5, false_line + lines)).status, 200);
  const Answer newest = witness_->checkpoint(origin_hex("you@host"));
  EXPECT_EQ(newest.status, 200);
  const VerifierKey both[] = {ours, other};
  EXPECT_TRUE(ledger::verify_note(as_bytes(std::string_view(newest.body)), both));
  EXPECT_EQ(ledger::parse_note(as_bytes(std::string_view(newest.body)))->signatures.size(), 2U);
  EXPECT_EQ(ask(request(5, 6)).status, 200) << "the witness reads what it remembered";
}

// A log's own head may be as long as a note may be: with the cosignature it would be longer.
TEST_F(WitnessTest, AHeadTooLongToBeRememberedIsRefusedNotCosigned) {
  const auto head = [](std::size_t length) {
    const std::string text = ledger::encode_checkpoint({"you@host", TreeSize(5), root_of(5)});
    return ledger::sign_note(text + std::string(length - 1, 'x') + "\n", "you@host", key_of(1))
        .value();
  };
  const std::size_t rest = head(1).size() - 1;
  for (const std::size_t spare : {0, 10, 100}) {
    const std::string long_head = head(ledger::kMaxNote - rest - spare);
    const Answer answer = ask(ledger::encode_add_checkpoint({TreeSize(0), {}, long_head}));
    EXPECT_EQ(answer.status, 400) << spare;
  }
  const Answer fits =
      ask(ledger::encode_add_checkpoint({TreeSize(0), {}, head(ledger::kMaxNote - rest - 200)}));
  EXPECT_EQ(fits.status, 200);
  EXPECT_EQ(ask(request(5, 6)).status, 200);
}

// Two histories, many threads and two processes' worth of handles: one of them wins, always the
// same one.
TEST_F(WitnessTest, NoTwoHistoriesAreCosignedHoweverTheyRace) {
  auto second =
      Witness::open(storage_, home_ + "/witness", "witness.example/w", key_of(7),
                    {ledger::make_vkey("you@host", key_of(1).public_key()).value()}, clock_)
          .value();
  std::atomic<unsigned> ours{0}, theirs{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const char kind = i % 2 == 0 ? 'e' : 'x';
      Witness& one = i % 4 < 2 ? *witness_ : *second;
      for (std::uint64_t size = 1; size <= 6; ++size) {
        const std::string body = request(size - 1, size, kind);
        if (one.add_checkpoint(as_bytes(std::string_view(body))).status == 200) {
          (kind == 'e' ? ours : theirs) += 1;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE((ours == 0) != (theirs == 0)) << ours << " " << theirs;
}

// ---- the client, with a log of its own

class WitnessClient : public WitnessTest {
 protected:
  WitnessClient() {
    store_ = ledger::Store::create(storage_, home_ + "/state", clock_, {}, "you@host", key_of(1),
                                   Array32{})
                 .value();
    reader_ = ledger::LedgerReader::open(storage_, home_ + "/state").value();
    policy_ = ledger::policy_of(store_->log_key());
    policy_.witnesses.push_back({"w", witness_->key(), "http://127.0.0.1:1/w"});
    policy_.quorum = ledger::PolicyMember{false, 0};
  }
  void grow() {
    ledger::Denial denial;
    denial.domain = "default";
    ASSERT_TRUE(
        store_->append({ledger::make_event({ledger::kNoRun, Seq(0)}, ledger::kGenesisEvent,
                                           ledger::KeyAuthority{KeyId(root_of(1).get())}, denial)
                            .value(),
                        {}},
                       ledger::Wait::Durable));
    ASSERT_TRUE(store_->sign_head(key_of(1)));
  }
  Post post() {
    return [this](const std::string& url, const std::string& body) -> Result<Answer> {
      EXPECT_EQ(url, "http://127.0.0.1:1/w/add-checkpoint");
      ++posts_;
      return witness_->add_checkpoint(as_bytes(std::string_view(body)));
    };
  }
  Asked ask_all() {
    return ask_witnesses(*reader_, *store_, policy_, post(), clock_.now()).value();
  }
  std::string cosigned_file() const {
    std::ifstream in(home_ + "/state/ledger/cosigned", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::unique_ptr<ledger::Store> store_;
  std::unique_ptr<ledger::LedgerReader> reader_;
  ledger::TrustPolicy policy_;
  unsigned posts_ = 0;
};

TEST_F(WitnessClient, TheHeadIsCosignedAndKeptAndGrowthIsProven) {
  const Asked first = ask_all();
  EXPECT_TRUE(first.met);
  EXPECT_TRUE(first.witnesses[0].cosigned) << first.witnesses[0].why;
  EXPECT_EQ(posts_, 1U);
  for (int i = 0; i < 5; ++i) grow();
  EXPECT_TRUE(ask_all().met);
  EXPECT_EQ(posts_, 3U);  // 409 named the size, then the proof
  const auto head = ledger::verify_head(as_bytes(std::string_view(cosigned_file())), policy_);
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->checkpoint.size.get(), 6U);
}

TEST_F(WitnessClient, ALogSetBackToAnOlderStateIsFoundByItsWitness) {
  grow();
  std::filesystem::copy(home_ + "/state", home_ + "/older",
                        std::filesystem::copy_options::recursive);
  grow();
  ASSERT_TRUE(ask_all().met);
  // The whole state directory replaced by a backup.
  store_ = ledger::Store::open(storage_, home_ + "/older", clock_, {}).value();
  reader_ = ledger::LedgerReader::open(storage_, home_ + "/older").value();
  const Asked back = ask_all();
  EXPECT_FALSE(back.met);
  EXPECT_TRUE(back.witnesses[0].differs);
  EXPECT_NE(back.witnesses[0].why.find("replaced by an older one"), std::string::npos);
  // Grown again past the witness's size: another history, and that is found too.
  clock_.advance_millis(1000);
  for (int i = 0; i < 3; ++i) grow();
  const Asked forked = ask_all();
  EXPECT_FALSE(forked.met);
  EXPECT_TRUE(forked.witnesses[0].differs) << forked.witnesses[0].why;
}

TEST_F(WitnessClient, UnreachableAndLyingWitnessesCountForNothing) {
  const auto met = [&](const Post& how) {
    return ask_witnesses(*reader_, *store_, policy_, how, clock_.now())->met;
  };
  EXPECT_FALSE(met([](const std::string&, const std::string&) -> Result<Answer> {
    return Error(Code::Unavailable, "connection refused");
  }));
  for (const Answer& lie :
       {Answer{200, ""}, Answer{200, "hello\n"}, Answer{409, "x\n"}, Answer{409, "7 \n"},
        Answer{500, "no\n"}, Answer{200, note(5).substr(note(5).rfind("\n\n") + 2)},
        // The right key and name, over another text.
        Answer{200, ledger::cosign("other\n", 5, "witness.example/w", key_of(7)).value()}}) {
    EXPECT_FALSE(met([&](const std::string&, const std::string&) -> Result<Answer> { return lie; }))
        << lie.status << lie.body;
  }
  unsigned asked = 0;
  EXPECT_FALSE(met([&](const std::string&, const std::string&) -> Result<Answer> {
    ++asked;
    return Answer{409, "0\n"};  // for ever
  }));
  EXPECT_LE(asked, 3U);
  EXPECT_TRUE(cosigned_file().empty());
}

// What each status means is said in words, with where it came from.
TEST_F(WitnessClient, EachStatusOfAWitnessIsReadAsTheSpecificationHasIt) {
  const std::pair<int, const char*> table[] = {{302, "redirects are not followed"},
                                               {400, "cannot read"},
                                               {403, "another key"},
                                               {404, "does not watch `you@host`"},
                                               {413, "so large"},
                                               {418, "no answer of a witness"},
                                               {429, "too often"},
                                               {500, "cannot cosign now"},
                                               {503, "cannot cosign now"}};
  for (const auto& [status, words] : table) {
    unsigned asked = 0;
    const auto how = [&, number = status](const std::string&,
                                          const std::string&) -> Result<Answer> {
      ++asked;
      return Answer{number, "because \x1b[31m\n"};
    };
    const Asked news = ask_witnesses(*reader_, *store_, policy_, how, clock_.now()).value();
    EXPECT_FALSE(news.met);
    EXPECT_FALSE(news.witnesses[0].differs) << status;
    EXPECT_NE(news.witnesses[0].why.find(words), std::string::npos) << news.witnesses[0].why;
    EXPECT_NE(news.witnesses[0].why.find("http://127.0.0.1:1/w answered"), std::string::npos);
    EXPECT_EQ(news.witnesses[0].why.find('\x1b'), std::string::npos) << "a stranger's text";
    EXPECT_EQ(asked, 1U) << status;
  }
  const auto conflict = [](const std::string&, const std::string&) -> Result<Answer> {
    return Answer{422, "no\n"};
  };
  const Asked forked = ask_witnesses(*reader_, *store_, policy_, conflict, clock_.now()).value();
  EXPECT_TRUE(forked.witnesses[0].differs);
}

// Its clock is a witness's own: what it says of the history counts, what it says of the time is
// doubted aloud.
TEST_F(WitnessClient, AWitnessWithAWrongClockCountsAndThatIsSaid) {
  for (const std::int64_t off : {0, 299, -299, 3'600, -86'400}) {
    const UnixMillis ours(clock_.now().get() - off * 1000);
    const Asked news = ask_witnesses(*reader_, *store_, policy_, post(), ours).value();
    EXPECT_TRUE(news.met) << off;
    EXPECT_TRUE(news.witnesses[0].cosigned) << off;
    EXPECT_EQ(news.witnesses[0].clock_ahead, off > 300 || off < -300 ? off : 0);
  }
  // As far ahead as a time can be written.
  const auto late = [&](const std::string&, const std::string& body) -> Result<Answer> {
    const auto request = ledger::parse_add_checkpoint(as_bytes(body)).value();
    const auto text = ledger::parse_note(as_bytes(request.note))->text;
    return Answer{200, ledger::cosign(text, INT64_MAX, "witness.example/w", key_of(7)).value()};
  };
  const Asked news = ask_witnesses(*reader_, *store_, policy_, late, clock_.now()).value();
  EXPECT_TRUE(news.met);
  EXPECT_GT(news.witnesses[0].clock_ahead, std::int64_t{1} << 60);
}

// The policy decides: with one of two unreachable it may go on, wait, or ask for nobody.
TEST_F(WitnessClient, WhetherAnUnreachableWitnessMattersIsThePolicysToSay) {
  policy_.witnesses.push_back(
      {"gone", ledger::make_cosigner_key("gone.example/g", key_of(9).public_key()).value(),
       "http://127.0.0.1:2/g"});
  const auto how = [&](const std::string& url, const std::string& body) -> Result<Answer> {
    if (url.find(":2/") != std::string::npos) return Error(Code::Unavailable, "nobody there");
    return witness_->add_checkpoint(as_bytes(body));
  };
  const auto met = [&](std::size_t threshold) {
    policy_.groups = {{"both", threshold, {{false, 0}, {false, 1}}}};
    policy_.quorum = ledger::PolicyMember{true, 0};
    const Asked news = ask_witnesses(*reader_, *store_, policy_, how, clock_.now()).value();
    EXPECT_TRUE(news.witnesses[0].cosigned);
    EXPECT_EQ(news.witnesses[1].why, "nobody there");
    return news.met;
  };
  EXPECT_TRUE(met(1));
  EXPECT_FALSE(met(2));
  policy_.groups.clear();
  policy_.witnesses.erase(policy_.witnesses.begin());
  policy_.quorum.reset();
  EXPECT_TRUE(ask_witnesses(*reader_, *store_, policy_, how, clock_.now())->met);
}

}  // namespace
}  // namespace writ::witness
