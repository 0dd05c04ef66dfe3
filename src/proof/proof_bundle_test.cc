#include "proof/proof_bundle.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "cbor/writer.h"
#include "crypto/sha.h"
#include "proof/checklist.h"

namespace writ::proof {
namespace {

ProofBundle small() {
  ProofBundle bundle;
  std::array<std::byte, 16> run{};
  run.fill(std::byte{0x11});
  bundle.run = RunId(run);
  bundle.head = "head\n";
  bundle.entries = {{LeafIndex(0), to_vec("a"), {}}, {LeafIndex(5), to_vec("b"), to_vec("c")}};
  Array32 hash{};
  hash.fill(std::byte{0x22});
  bundle.path = {NodeHash(hash)};
  bundle.objects = {to_vec("oo")};
  return bundle;
}

std::string page() {
  std::ifstream file("docs/formats/proof.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The worked example of docs/formats/proof.md: the hex there is this bundle.
TEST(ProofBundle, TheWorkedExampleIsWhatIsWritten) {
  const std::string text = page();
  const std::size_t begin = text.find("```hex\n");
  ASSERT_NE(begin, std::string::npos) << "docs/formats/proof.md has no ```hex block";
  std::string hex = text.substr(begin + 7, text.find("```", begin + 7) - begin - 7);
  std::erase(hex, '\n');
  EXPECT_EQ(to_hex(encode_proof(small()).value()), hex);
  EXPECT_EQ(decode_proof(from_hex(hex).value()).value(), small());
}

TEST(ProofBundle, ThePageSaysOfEachStepWhatTheProgramSays) {
  const std::string text = page();
  for (std::size_t i = 0; i < kSteps; ++i) {
    const Meaning& meaning = meaning_of(static_cast<Step>(i));
    std::string row = "|";
    for (const std::string_view part :
         {meaning.name, meaning.proves, meaning.does_not, meaning.rests_on}) {
      row += " " + std::string(part) + " |";
    }
    EXPECT_NE(text.find(row + "\n"), std::string::npos) << row;
  }
}

TEST(ProofBundle, WhatIsOutOfOrderOrTwiceIsNoBundle) {
  const auto refused = [](const char* what, const auto& bend) {
    ProofBundle bundle = small();
    bend(bundle);
    EXPECT_EQ(encode_proof(bundle).error().code(), Code::InvalidArgument) << what;
  };
  refused("entries out of order", [](auto& b) { b.entries[0].index = LeafIndex(6); });
  refused("an index twice", [](auto& b) { b.entries[0].index = LeafIndex(5); });
  refused("an empty entry", [](auto& b) { b.entries[0].entry.clear(); });
  refused("a large entry", [](auto& b) { b.entries[0].entry.resize(65'536); });
  refused("empty clear text", [](auto& b) { b.entries[0].side = ByteVec(); });
  refused("large clear text", [](auto& b) { b.entries[0].side = ByteVec(4 * 1024 * 1024 + 1); });
  refused("an object twice", [](auto& b) { b.objects.push_back(b.objects[0]); });
  refused("an empty object", [](auto& b) { b.objects[0].clear(); });
  refused("no head", [](auto& b) { b.head.clear(); });
  refused("a large head", [](auto& b) { b.head.assign(1'000'001, 'x'); });
  refused("no run", [](auto& b) { b.run = RunId(); });
  ProofBundle two = small();
  two.objects = {to_vec("x"), to_vec("y")};
  const bool ordered = crypto::sha256(two.objects[0]) < crypto::sha256(two.objects[1]);
  EXPECT_EQ(encode_proof(two).has_value(), ordered);
  std::swap(two.objects[0], two.objects[1]);
  EXPECT_EQ(encode_proof(two).has_value(), !ordered);
  ProofBundle large = small();
  large.path.resize(64 * 2 + 1);
  EXPECT_EQ(encode_proof(large).error().code(), Code::Exhausted);
}

TEST(ProofBundle, AnotherShapeIsRefused) {
  const auto code = [](const auto& write) {
    cbor::Writer w;
    write(w);
    return decode_proof(std::move(w).finish().value()).error().code();
  };
  const ByteVec run(16, std::byte{1});
  const auto begin = [&](cbor::Writer& w) {
    w.text("writ proof 0").bytes(run).text("head").array([] {}).array([] {});
  };
  EXPECT_EQ(code([&](cbor::Writer& w) { w.array([&] { begin(w), w.array([] {}).uint(1); }); }),
            Code::Malformed)
      << "one field too many";
  EXPECT_EQ(code([&](cbor::Writer& w) { w.array([&] { begin(w); }); }), Code::Malformed)
      << "one too few";
  EXPECT_EQ(code([&](cbor::Writer& w) { w.map([&] { w.key(0).uint(1); }); }), Code::Malformed);
  EXPECT_EQ(code([&](cbor::Writer& w) {
              w.array([&] {
                begin(w);
                w.array([&] { w.text("an object as text"); });
              });
            }),
            Code::Malformed);
  EXPECT_EQ(code([&](cbor::Writer& w) { w.array([&] { w.text("writ proof 1"); }); }),
            Code::Unsupported);
  ByteVec longer_head = encode_proof(small()).value();
  longer_head[0] = std::byte{0x98};
  longer_head.insert(longer_head.begin() + 1, std::byte{6});
  EXPECT_EQ(decode_proof(longer_head).error().code(), Code::Malformed) << "not the shortest head";
}

}  // namespace
}  // namespace writ::proof
