#include "governor/registry.h"

#include <gtest/gtest.h>

namespace writ::governor {
namespace {

Digest32 digest(int value) {
  Array32 raw{};
  raw[0] = static_cast<std::byte>(value);
  return Digest32(raw);
}

Registration sample() {
  Registration run;
  run.run = make_run_id(UnixMillis(5), {});
  run.governor = {42, 4711};
  run.boot = "boot";
  run.permit = PermitId(digest(1).get());
  run.authority = KeyId(digest(2).get());
  run.holder = KeyId(digest(3).get());
  run.decision = digest(4);
  run.domain = "default";
  run.subject = "agent/x";
  run.command = "make test";
  run.started = UnixMillis(7);
  run.expires = UnixSeconds(8);
  run.from = LeafIndex(9);
  return run;
}

TEST(Registry, ARegistrationComesBackAsItWas) {
  const Registration run = sample();
  Result<Registration> back = decode_registration(encode_registration(run));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->run, run.run);
  EXPECT_EQ(back->governor, run.governor);
  EXPECT_EQ(back->holder, run.holder);
  EXPECT_EQ(back->decision, run.decision);
  EXPECT_EQ(back->command, run.command);
  EXPECT_EQ(back->from, run.from);
}

TEST(Registry, EveryTruncationOfARegistrationIsRefused) {
  const ByteVec whole = encode_registration(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_registration(Bytes(whole).first(size))) << size;
  }
}

TEST(Registry, ARevocationHitsPermitIssuerHolderAndRunAndNothingElse) {
  const Registration run = sample();
  Revocations list;
  EXPECT_FALSE(list.hits(run));
  list.permits.insert(PermitId(digest(9).get()));
  list.keys.insert(KeyId(digest(1).get()));
  EXPECT_FALSE(list.hits(run)) << "a key of the same bytes as the permit";
  for (int which = 0; which < 4; ++which) {
    Revocations one;
    if (which == 0) one.permits.insert(run.permit);
    if (which == 1) one.keys.insert(run.authority);
    if (which == 2) one.keys.insert(*run.holder);
    if (which == 3) one.runs.insert(run.run);
    EXPECT_TRUE(one.hits(run)) << which;
    Result<Revocations> back = decode_revocations(encode_revocations(one));
    ASSERT_TRUE(back);
    EXPECT_TRUE(back->hits(run)) << which;
  }
}

TEST(Registry, ADamagedRevocationListIsAnErrorAndNotAnEmptyOne) {
  Revocations list;
  list.permits.insert(PermitId(digest(1).get()));
  const ByteVec whole = encode_revocations(list);
  EXPECT_FALSE(decode_revocations({}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_revocations(Bytes(whole).first(size))) << size;
  }
}

}  // namespace
}  // namespace writ::governor
