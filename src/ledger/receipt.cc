#include "ledger/receipt.h"

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "cose/sign1.h"

namespace writ::ledger {
namespace {

constexpr int kAlg = 1, kKid = 4, kClaims = 15, kVds = 395, kVdp = 396;
constexpr std::int64_t kEdDsa = -8, kEd25519 = -19;
constexpr int kIssuer = 1;
constexpr std::uint64_t kRfc9162 = 1;
constexpr std::int64_t kInclusion = -1, kConsistency = -2;
constexpr std::size_t kMaxPath = 63;

Result<ByteVec> sign(const crypto::PrivateKey& key, std::string_view origin, std::int64_t kind,
                     std::uint64_t first, std::uint64_t second, const Proof& path,
                     const NodeHash& root) {
  if (key.algorithm() != crypto::Algorithm::EdDSA) {
    return Error(Code::InvalidArgument, "a log key must be an Ed25519 key");
  }
  if (path.empty() || path.size() > kMaxPath) {
    return Error(Code::InvalidArgument,
                 "a receipt needs a path of 1 to 63 hashes, not of " + std::to_string(path.size()));
  }
  cbor::Writer header;
  header.map([&] {
    header.key(kAlg).integer(kEdDsa);
    header.key(kKid).bytes(as_bytes(cose::key_id(key.public_key())));
    header.key(kClaims).map([&] { header.key(kIssuer).text(origin); });
    header.key(kVds).uint(kRfc9162);
  });
  const ByteVec protected_header = TRY(std::move(header).finish());
  cbor::Writer proof;
  proof.array([&] {
    proof.uint(first).uint(second);
    proof.array([&] {
      for (const NodeHash& hash : path) proof.bytes(as_bytes(hash));
    });
  });
  const ByteVec proof_bytes = TRY(std::move(proof).finish());
  const crypto::Signature signature =
      TRY(crypto::sign(key, cose::sig_structure(protected_header, {}, as_bytes(root))));
  cbor::Writer w;
  w.tag(cose::kSign1Tag).array([&] {
    w.bytes(protected_header);
    w.map([&] { w.key(kVdp).map([&] { w.key(kind).array([&] { w.bytes(proof_bytes); }); }); });
    w.null();
    w.bytes(signature);
  });
  return std::move(w).finish();
}

// A receipt taken apart.
struct Parts {
  ByteVec protected_header;
  std::string origin;
  std::uint64_t first = 0, second = 0;
  Proof path;
  ByteVec signature;
};

Result<void> read_protected(Bytes bytes, const crypto::PublicKey& key, Parts& parts) {
  cbor::Reader r(bytes);
  bool alg = false, vds = false;
  TRY(r.enter_map());
  while (r.more()) {
    switch (TRY(r.integer())) {
      case kAlg: {
        const std::int64_t label = TRY(r.integer());
        alg = label == kEdDsa || label == kEd25519;
        break;
      }
      case kKid:
        if (!equal(TRY(r.bytes()), as_bytes(cose::key_id(key)))) {
          return Error(Code::Denied, "the receipt is by another key than the one given");
        }
        break;
      case kClaims:
        TRY(r.enter_map());
        while (r.more()) {
          if (TRY(r.integer()) == kIssuer) {
            parts.origin = std::string(TRY(r.text()));
          } else {
            TRY(r.skip());
          }
        }
        TRY(r.leave());
        break;
      case kVds: vds = TRY(r.uint()) == kRfc9162; break;
      default: return r.refuse("a header that is not understood");
    }
  }
  TRY(r.leave());
  TRY(r.finish());
  if (!alg) return Error(Code::Unsupported, "the receipt is not signed with Ed25519");
  if (!vds) return Error(Code::Unsupported, "the receipt is of another kind of log than RFC 9162");
  return {};
}

Result<void> read_proof(Bytes bytes, Parts& parts) {
  cbor::Reader r(bytes);
  TRY(r.enter_array_of(3));
  parts.first = TRY(r.uint());
  parts.second = TRY(r.uint());
  TRY(r.enter_array());
  while (r.more()) {
    if (parts.path.size() == kMaxPath) return r.refuse("a path longer than any tree is high");
    const Bytes hash = TRY(r.bytes());
    parts.path.push_back(TRY(id_from_bytes<NodeHash>(hash)));
  }
  TRY(r.leave());
  TRY(r.leave());
  TRY(r.finish());
  if (parts.path.empty()) return Error(Code::Malformed, "a receipt without a path");
  return {};
}

Result<Parts> read(Bytes bytes, std::int64_t kind, const crypto::PublicKey& key) {
  if (bytes.size() > kMaxReceipt) {
    return Error(Code::Exhausted, "a receipt of " + std::to_string(bytes.size()) +
                                      " bytes is over the limit of " + std::to_string(kMaxReceipt));
  }
  Parts parts;
  cbor::Reader r(bytes);
  TRY(r.expect_tag(cose::kSign1Tag));
  TRY(r.enter_array_of(4));
  parts.protected_header = to_vec(TRY(r.bytes()));
  TRY(r.enter_map());
  if (TRY(r.integer()) != kVdp) return r.refuse("expected the proofs (396)");
  TRY(r.enter_map());
  if (TRY(r.integer()) != kind) return r.refuse("expected another kind of proof");
  TRY(r.enter_array_of(1));
  const Bytes proof = TRY(r.bytes());
  TRY(r.leave());
  TRY(r.leave());
  TRY(r.leave());
  TRY(r.null());
  parts.signature = to_vec(TRY(r.bytes()));
  TRY(r.leave());
  TRY(r.finish());
  TRY(read_protected(parts.protected_header, key, parts));
  TRY(read_proof(proof, parts));
  return parts;
}

Result<void> check_signed(const Parts& parts, const NodeHash& root, const crypto::PublicKey& key) {
  if (crypto::check_signature(key, cose::sig_structure(parts.protected_header, {}, as_bytes(root)),
                              parts.signature)) {
    return {};
  }
  return Error(Code::Denied, "the receipt does not verify: no such tree was signed by this key");
}

}  // namespace

Result<ByteVec> inclusion_receipt(const crypto::PrivateKey& log_key, std::string_view origin,
                                  LeafIndex index, TreeSize size, const Proof& path,
                                  const NodeHash& root) {
  return sign(log_key, origin, kInclusion, size.get(), index.get(), path, root);
}

Result<ByteVec> consistency_receipt(const crypto::PrivateKey& log_key, std::string_view origin,
                                    TreeSize old_size, TreeSize new_size, const Proof& path,
                                    const NodeHash& new_root) {
  return sign(log_key, origin, kConsistency, old_size.get(), new_size.get(), path, new_root);
}

Result<Receipt> verify_inclusion_receipt(Bytes receipt, const LeafHash& leaf,
                                         const crypto::PublicKey& log_key) {
  const Parts parts = TRY(read(receipt, kInclusion, log_key));
  const NodeHash root =
      TRY(root_by_inclusion(leaf, LeafIndex(parts.second), TreeSize(parts.first), parts.path));
  TRY(check_signed(parts, root, log_key));
  return Receipt{parts.origin, TreeSize(parts.first), root, LeafIndex(parts.second), {}};
}

Result<Receipt> verify_consistency_receipt(Bytes receipt, TreeSize old_size,
                                           const NodeHash& old_root,
                                           const crypto::PublicKey& log_key) {
  const Parts parts = TRY(read(receipt, kConsistency, log_key));
  if (parts.first != old_size.get()) {
    return Error(Code::Denied, "the receipt begins at size " + std::to_string(parts.first) +
                                   ", not at " + std::to_string(old_size.get()));
  }
  const NodeHash root =
      TRY(root_by_consistency(old_size, TreeSize(parts.second), old_root, parts.path));
  TRY(check_signed(parts, root, log_key));
  return Receipt{parts.origin, TreeSize(parts.second), root, {}, old_size};
}

}  // namespace writ::ledger
