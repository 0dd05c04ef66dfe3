// docs/formats/permit.md is executed: every example in it is read, checked and made again.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "cbor/diagnostic.h"
#include "cose/sign1.h"
#include "crypto/sha.h"
#include "permit/test_permit.h"

namespace writ::permit {
namespace {

using namespace testing;

// The fenced blocks of the document by what stands behind the fence ("hex permit").
class PermitFormat : public ::testing::Test {
 protected:
  // Every block of the document; a new one that no test reads fails here.
  const std::set<std::string> known_{
      "hex authority", "hex holder",  "diag claims", "hex claims",     "hex sig-structure",
      "hex permit-id", "hex permit",  "text armour", "hex possession", "hex grant",
      "diag grant",    "env-default", "env-controls"};

  void SetUp() override {
    std::ifstream in("docs/formats/permit.md");
    ASSERT_TRUE(in.good());
    std::string line;
    std::string name;
    while (std::getline(in, line)) {
      if (line.substr(0, 3) == "```") {
        name = name.empty() ? line.substr(3) : "";
      } else if (!name.empty()) {
        blocks_[name] += line + "\n";
      }
    }
    for (const auto& [block, content] : blocks_) EXPECT_EQ(known_.count(block), 1u) << block;
    EXPECT_EQ(blocks_.size(), known_.size());
  }
  std::string text(const std::string& name) {
    EXPECT_TRUE(blocks_.count(name) == 1) << name;
    return blocks_[name];
  }
  ByteVec hex(const std::string& name) {
    std::string digits = text("hex " + name);
    std::erase(digits, '\n');
    return from_hex(digits).value();
  }
  std::string diagnostic(const std::string& name) {
    std::string joined = text("diag " + name);
    std::erase(joined, '\n');
    return joined;
  }
  static crypto::PrivateKey key(unsigned char seed) {
    const ByteVec bytes(32, std::byte{seed});
    return crypto::PrivateKey::create(crypto::Algorithm::EdDSA, SecretBytes::copy_of(bytes))
        .value();
  }

  std::map<std::string, std::string> blocks_;
};

std::string words(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

TEST_F(PermitFormat, TheExamplePermitVerifiesAndIsMadeAgainByteForByte) {
  World world;
  world.authority = key(1);
  world.holder = key(2);
  world.authorities[0].key = world.authority.public_key();
  EXPECT_EQ(to_vec(world.authority.public_key().bytes()), hex("authority"));
  EXPECT_EQ(to_vec(world.holder.public_key().bytes()), hex("holder"));
  const ByteVec file = hex("permit");
  const Permit permit = std::get<Permit>(read_permit(file));
  EXPECT_EQ(permit.claims, world.claims());
  EXPECT_EQ(issue(world.claims(), world.authority).value(), file);
  EXPECT_EQ(encode_claims(permit.claims).value(), hex("claims"));
  EXPECT_EQ(cbor::diagnose(hex("claims")).value(), diagnostic("claims"));
  const cose::Sign1 message =
      cose::Sign1::parse(Bytes(file).subspan(1), cose::Profile::Writ).value();
  EXPECT_EQ(message.structure(), hex("sig-structure"));
  EXPECT_EQ(to_vec(as_bytes(crypto::sha256(hex("sig-structure")))), hex("permit-id"));
  EXPECT_EQ(to_vec(as_bytes(permit.id)), hex("permit-id"));
  EXPECT_EQ(armour(file), text("text armour"));
  const ByteVec proof = hex("possession");
  EXPECT_EQ(prove_possession(world.intent(file), world.holder).value(), proof);
  EXPECT_EQ(code(verify(file, world.context(), world.evidence(proof)).value()), "ok");
}

TEST_F(PermitFormat, TheExampleGrantHasEveryFieldAndOneEncoding) {
  const ByteVec bytes = hex("grant");
  EXPECT_EQ(cbor::diagnose(bytes).value(), diagnostic("grant"));
  const Grant grant = decode_grant(bytes).value();
  EXPECT_EQ(encode_grant(grant).value(), bytes);
  EXPECT_FALSE(grant.exec.empty() || grant.env.empty() || grant.load.empty() ||
               grant.read.empty() || grant.write.empty() || grant.connect.empty() ||
               grant.listen.empty() || grant.tools.empty() || grant.models.empty() ||
               grant.features.empty() || grant.approve.empty() || grant.delegate_depth == 0);
  const Limits& limits = grant.limits;
  EXPECT_TRUE(limits.wall_ms && limits.cpu_ms && limits.memory && limits.process_memory &&
              limits.tasks && limits.execs && limits.events && limits.bytes);
}

TEST_F(PermitFormat, TheListsOfVariablesAreThoseOfTheCode) {
  std::string defaults;
  for (const EnvEntry& entry : default_env()) defaults += print(entry) + " ";
  EXPECT_EQ(words(text("env-default")), words(defaults));
  std::string controls;
  for (const std::string_view name : control_names()) controls += std::string(name) + " ";
  EXPECT_EQ(words(text("env-controls")), words(controls));
}

}  // namespace
}  // namespace writ::permit
