#include "ledger/store/store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "ledger/store/testing_internal.h"

namespace writ::ledger {
namespace {

class LedgerStore : public testing::Test {
 protected:
  std::unique_ptr<Store> create(StoreOptions options = {}) {
    auto store = create_store(storage_, home_, clock_, options);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(store).value();
  }
  Result<std::unique_ptr<Store>> open(StoreOptions options = {}) {
    return Store::open(storage_, home_.state(), clock_, options);
  }
  void expect_sound(std::uint64_t entries) {
    const VerifyReport report = look(home_.state());
    EXPECT_TRUE(report.ok()) << text_of(report);
    EXPECT_EQ(report.entries, entries) << text_of(report);
  }

  FaultStorage storage_{system_storage()};
  Home home_;
  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  crypto::PrivateKey key_ = log_key_of();
};

TEST_F(LedgerStore, ANewLogHasAGenesisEntryUnderASignedHead) {
  auto store = create();
  EXPECT_EQ(store->size().get(), 1U);
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  EXPECT_EQ(reader->head()->size.get(), 1U);
  const ByteVec entry = reader->entry(LeafIndex(0)).value();
  EXPECT_EQ(crypto::sha256(entry).get(), store->ledger_id().get());
  const Event event = decode_event(entry).value();
  EXPECT_EQ(event.as<Genesis>()->origin, "you@host");
  expect_sound(1);
}

TEST_F(LedgerStore, ASecondLogIsNotMadeOverTheFirst) {
  create();
  const auto again = create_store(storage_, home_, clock_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::Conflict);
}

TEST_F(LedgerStore, WhatIsAppendedIsReadBackAndProvable) {
  auto store = create();
  const Ticket written = store->append(admission(run_number(1)), Wait::Durable).value();
  EXPECT_EQ(written.first.get(), 1U);
  EXPECT_TRUE(written.durable);
  ASSERT_TRUE(store->append(exec(run_number(1), 1), Wait::Written));
  ASSERT_TRUE(store->append(end(run_number(1), 2, 1), Wait::Durable));
  expect_sound(4);
  EXPECT_EQ(store->sign_head(key_)->size.get(), 4U);
  expect_sound(4);
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  for (std::uint64_t i = 0; i < 4; ++i) {
    const InclusionProof proof = reader->prove(LeafIndex(i)).value();
    EXPECT_TRUE(check_inclusion(leaf_hash(proof.entry), LeafIndex(i), proof.head.size, proof.path,
                                proof.head.root));
  }
  EXPECT_EQ(reader->prove(LeafIndex(4)).error().code(), Code::NotFound);
}

TEST_F(LedgerStore, ReopeningGoesOnWhereItStopped) {
  create();
  for (std::uint8_t i = 0; i < 20; ++i) {
    auto store = open().value();
    EXPECT_TRUE(store->take_repairs().empty());
    ASSERT_TRUE(store->append(admission(run_number(i)), Wait::Durable));
    ASSERT_TRUE(store->append(denial(), Wait::Durable));
    if (i % 3 == 0) {
      ASSERT_TRUE(store->sign_head(key_));
    }
  }
  expect_sound(41);
}

}  // namespace
}  // namespace writ::ledger
