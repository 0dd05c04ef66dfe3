// COSE receipts: a stranger's, and those that a log signed over what the input chooses. The first
// byte chooses. A receipt signed here is read back as what it says; with another key, for another
// leaf or older tree, as the other kind, and with one of its signed bits changed it is refused.
#include "ledger/receipt.h"

#include <cstddef>
#include <cstdint>

#include "base/random.h"
#include "cbor/writer.h"
#include "cose/sign1.h"

namespace writ::ledger {
namespace {

constexpr std::string_view kOrigin = "you@host";

const crypto::PrivateKey& log_key() {
  static SeededRandom random(1);
  static const crypto::PrivateKey key = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  return key;
}
const crypto::PrivateKey& other_key() {
  static SeededRandom random(2);
  static const crypto::PrivateKey key = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  return key;
}
const LeafHash& the_leaf() {
  static const LeafHash leaf = leaf_hash(as_bytes(std::string_view("entry")));
  return leaf;
}
NodeHash a_root() {
  return subtree_of(the_leaf());
}

// The signature and the path reach to the root; the only thing of a receipt that no root says is
// the size beside it (receipt.h), so a receipt that still verifies has the same root.
void hold_when_bent(const ByteVec& receipt, std::size_t bit, bool inclusion, TreeSize old,
                    const NodeHash& root) {
  ByteVec bent = receipt;
  bent[bit / 8 % bent.size()] ^= std::byte{1} << (bit % 8);
  const auto read = inclusion
                        ? verify_inclusion_receipt(bent, the_leaf(), log_key().public_key())
                        : verify_consistency_receipt(bent, old, a_root(), log_key().public_key());
  WRIT_ASSERT(!read || (read->root == root && read->origin == kOrigin));
}

// The bytes of a number, from the front of `rest`.
std::uint64_t take(Bytes& rest, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size && !rest.empty(); ++i) {
    number = number << 8U | std::to_integer<std::uint64_t>(rest.front());
    rest = rest.subspan(1);
  }
  return number;
}

// two numbers of four bytes, which bit to change, then the path
void sign_and_read(bool inclusion, Bytes rest) {
  const std::uint64_t first = take(rest, 4);
  const std::uint64_t second = take(rest, 4);
  const std::size_t bit = take(rest, 2);
  Proof path;
  for (; rest.size() >= 32; rest = rest.subspan(32)) {
    path.push_back(id_from_bytes<NodeHash>(rest.first(32)).value());
  }
  const auto root = inclusion
                        ? root_by_inclusion(the_leaf(), LeafIndex(second), TreeSize(first), path)
                        : root_by_consistency(TreeSize(first), TreeSize(second), a_root(), path);
  // Where no root is reached, a log that signs all the same is not believed.
  const NodeHash to_sign = root ? *root : a_root();
  const auto receipt = inclusion ? inclusion_receipt(log_key(), kOrigin, LeafIndex(second),
                                                     TreeSize(first), path, to_sign)
                                 : consistency_receipt(log_key(), kOrigin, TreeSize(first),
                                                       TreeSize(second), path, to_sign);
  WRIT_ASSERT(receipt.has_value() == (!path.empty() && path.size() <= 63));
  if (!receipt) return;
  const TreeSize old(first);
  const auto as_inclusion = verify_inclusion_receipt(*receipt, the_leaf(), log_key().public_key());
  const auto as_consistency =
      verify_consistency_receipt(*receipt, old, a_root(), log_key().public_key());
  WRIT_ASSERT(as_inclusion.has_value() == (inclusion && root));
  WRIT_ASSERT(as_consistency.has_value() == (!inclusion && root));
  if (!root) return;
  if (inclusion) {
    WRIT_ASSERT(as_inclusion->origin == kOrigin && as_inclusion->root == *root);
    WRIT_ASSERT(as_inclusion->size == TreeSize(first));
    WRIT_ASSERT(as_inclusion->index == LeafIndex(second));
    const LeafHash other = leaf_hash(as_bytes(std::string_view("another entry")));
    WRIT_ASSERT(!verify_inclusion_receipt(*receipt, other, log_key().public_key()));
    WRIT_ASSERT(!verify_inclusion_receipt(*receipt, the_leaf(), other_key().public_key()));
    // What was read is written again byte for byte: Ed25519 signs the same the same.
    WRIT_ASSERT(*inclusion_receipt(log_key(), as_inclusion->origin, as_inclusion->index,
                                   as_inclusion->size, path, as_inclusion->root) == *receipt);
  } else {
    WRIT_ASSERT(as_consistency->origin == kOrigin && as_consistency->root == *root);
    WRIT_ASSERT(as_consistency->size == TreeSize(second) && as_consistency->old == old);
    WRIT_ASSERT(!verify_consistency_receipt(*receipt, TreeSize(first + 1), a_root(),
                                            log_key().public_key()));
    WRIT_ASSERT(!verify_consistency_receipt(*receipt, old, a_root(), other_key().public_key()));
    WRIT_ASSERT(*consistency_receipt(log_key(), as_consistency->origin, as_consistency->old,
                                     as_consistency->size, path, as_consistency->root) == *receipt);
  }
  hold_when_bent(*receipt, bit, inclusion, old, *root);
}

// `header` and `proof` as the parts of an envelope that this key signed over the tree of the leaf
// and one beside it: the strict parts of the reader behind the envelope, whose bytes no signature
// made by others would reach. Whatever is read, it is that tree.
void read_parts(bool inclusion, Bytes rest) {
  static const NodeHash beside = subtree_of(leaf_hash(as_bytes(std::string_view("another entry"))));
  static const NodeHash root = node_hash(a_root(), beside);
  const std::size_t wanted = take(rest, 1);
  const std::size_t split = std::min(wanted, rest.size());
  const Bytes header = rest.first(split);
  const Bytes proof = rest.subspan(split);
  const auto signature = crypto::sign(log_key(), cose::sig_structure(header, {}, as_bytes(root)));
  WRIT_ASSERT(signature.has_value());
  cbor::Writer w;
  w.tag(cose::kSign1Tag).array([&] {
    w.bytes(header);
    w.map([&] {
      w.key(396).map([&] { w.key(inclusion ? -1 : -2).array([&] { w.bytes(proof); }); });
    });
    w.null();
    w.bytes(*signature);
  });
  const auto receipt = std::move(w).finish();
  if (!receipt) return;
  // Only one proof leads there, written in one way.
  cbor::Writer only;
  only.array([&] {
    only.uint(inclusion ? 2 : 1).uint(inclusion ? 0 : 2);
    only.array([&] { only.bytes(as_bytes(beside)); });
  });
  const bool the_one = equal(*std::move(only).finish(), proof);
  const auto& key = log_key().public_key();
  const auto entry = verify_inclusion_receipt(*receipt, the_leaf(), key);
  WRIT_ASSERT(!entry || (inclusion && the_one && entry->root == root));
  const auto older = verify_consistency_receipt(*receipt, TreeSize(1), a_root(), key);
  WRIT_ASSERT(!older || (!inclusion && the_one && older->root == root));
}

void look(unsigned kind, Bytes bytes) {
  switch (kind) {
    case 0: {
      // Nobody here signed it.
      const auto& key = other_key().public_key();
      WRIT_ASSERT(!verify_inclusion_receipt(bytes, the_leaf(), key));
      WRIT_ASSERT(!verify_consistency_receipt(bytes, TreeSize(1), a_root(), key));
      break;
    }
    case 1: return sign_and_read(true, bytes);
    case 2: return sign_and_read(false, bytes);
    case 3: return read_parts(true, bytes);
    case 4: return read_parts(false, bytes);
    default: break;
  }
}

}  // namespace
}  // namespace writ::ledger

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  writ::ledger::look(data[0] % 5, {reinterpret_cast<const std::byte*>(data) + 1, size - 1});
  return 0;
}
