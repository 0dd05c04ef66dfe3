// A long log: opened at once, proven from a few tiles, verified in memory that does not grow with
// it.
#include <malloc.h>

#include <algorithm>

#include "ledger/store/testing_internal.h"
#if defined(__SANITIZE_ADDRESS__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace writ::ledger {
namespace {

#if defined(__SANITIZE_ADDRESS__)
// Instrumented, hashing and decoding take ten times as long; what is checked is the same.
constexpr std::uint64_t kEntries = 50'000;
std::size_t live_bytes() {
  return __sanitizer_get_current_allocated_bytes();
}
#else
constexpr std::uint64_t kEntries = 200'000;
std::size_t live_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}
#endif
constexpr std::uint64_t kRun = 250;  // entries of one run

// Looks, with each file that is read, at how much memory is in use.
class Measured final : public LogSource {
 public:
  explicit Measured(LedgerReader& below) : below_(below) {}
  Result<ByteVec> file(const std::string& path, std::size_t limit) override {
    Result<ByteVec> bytes = below_.file(path, limit);
    most_live = std::max(most_live, live_bytes());
    return bytes;
  }
  Result<ByteVec> object(const Digest32& digest, std::size_t limit) override {
    return below_.object(digest, limit);
  }
  std::size_t most_live = 0;

 private:
  LedgerReader& below_;
};

// The most memory in use while all of the log is verified, beyond what was before.
std::size_t memory_to_verify(LedgerReader& reader, std::uint64_t entries) {
  Measured source(reader);
  const std::size_t before = live_bytes();
  const VerifyReport report = verify_log(source, {.log_key = reader.log_key()});
  EXPECT_TRUE(report.ok()) << text_of(report);
  EXPECT_EQ(report.entries, entries);
  return source.most_live - std::min(before, source.most_live);
}

TEST(LedgerLarge, ALongLogIsOpenedAndProvenAndVerifiedInLittleMemory) {
  Home home;
  const FakeClock clock(UnixMillis(1'700'000'000'000));
  std::size_t short_log = 0, long_log = 0;
  auto store = create_store(system_storage(), home, clock).value();
  auto reader = LedgerReader::open(system_storage(), home.state()).value();
  while (store->size().get() < kEntries) {
    const std::uint64_t number = store->size().get() / kRun;
    RunId::rep rep{};
    rep[0] = std::byte{1};
    for (std::size_t i = 0; i < 8; ++i) rep[8 + i] = static_cast<std::byte>(number >> 8 * i & 0xff);
    const RunId run(rep);
    std::vector<Draft> batch;
    batch.push_back(admission(run));
    for (std::uint64_t n = 1; n + 1 < kRun; ++n) batch.push_back(exec(run, n));
    batch.push_back(end(run, kRun - 1, kRun - 2));
    ASSERT_TRUE(store->append(std::move(batch), Wait::Written));
    if (store->size().get() == kEntries / 10 + 1) {
      ASSERT_TRUE(store->sign_head(log_key_of()));
      short_log = memory_to_verify(*reader, kEntries / 10 + 1);
    }
  }
  const Checkpoint head = store->sign_head(log_key_of()).value();
  EXPECT_EQ(head.size.get(), kEntries + 1);
  store.reset();
  store = Store::open(system_storage(), home.state(), clock, {}).value();
  EXPECT_EQ(store->size().get(), kEntries + 1);
  EXPECT_TRUE(store->take_repairs().empty());
  long_log = memory_to_verify(*reader, kEntries + 1);
  // Ten times the entries: a bundle and some tiles, and about 100 bytes for each run more.
  EXPECT_LT(long_log, short_log + kEntries / kRun * 400 + 512 * 1024) << short_log;
  EXPECT_LT(long_log, std::size_t{4} * 1024 * 1024);
  for (const std::uint64_t index : {std::uint64_t{0}, kEntries / 3, kEntries}) {
    const InclusionProof proof = reader->prove(LeafIndex(index)).value();
    EXPECT_LE(proof.path.size(), 18U);
    EXPECT_TRUE(
        check_inclusion(leaf_hash(proof.entry), proof.index, head.size, proof.path, head.root));
  }
}

}  // namespace
}  // namespace writ::ledger
