// The policy bundle: Cedar policies, schema and entities under one signature (DESIGN §7).
//
// A COSE_Sign1 by an authority, typ "application/writ-policy+cose", over the CBOR map {version,
// name, generation, policies, schema, entities}. Policies and schema are text; they are parsed
// after the signature is checked, by the governor with policy/. Entities are the bytes of a file.
// The bundle's digest is SHA-256 of its payload: the same policies under another signature are the
// same bundle.
//
//   ByteVec file = TRY(sign_bundle(bundle, key));
//   VerifiedBundle bundle = TRY(verify_bundle(file, authorities));
//
// Hostile: the file until verified. Sizes: policies and schema ≤ 4 MiB each, entities ≤ 64 MiB,
// checked before anything is read. Rollback is the caller's to refuse: it knows the last
// generation. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "permit/permit.h"

namespace writ::domain {

inline constexpr std::size_t kMaxPolicyText = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxEntities = 64 * 1024 * 1024;
inline constexpr std::size_t kMaxBundleFile = kMaxEntities + 2 * kMaxPolicyText + 4096;

struct Bundle {
  std::string name;
  std::uint64_t generation = 0;  // from 1, rising
  std::string policies;          // Cedar text
  std::string schema;            // Cedar schema text; empty: none
  ByteVec entities;              // as the policy module reads them; empty: none
  friend bool operator==(const Bundle&, const Bundle&) = default;
};

// sign_bundle makes the file. InvalidArgument for generation 0, a bad name or a part over its size.
Result<ByteVec> sign_bundle(const Bundle& bundle, const crypto::PrivateKey& authority);

// bundle_digest is SHA-256 of the payload that sign_bundle signs.
Result<BundleDigest> bundle_digest(const Bundle& bundle);

// A bundle whose signature by a trusted authority was checked. Only verify_bundle makes one.
class VerifiedBundle {
 public:
  const Bundle& bundle() const { return bundle_; }
  const BundleDigest& digest() const { return digest_; }
  const std::string& authority() const { return authority_; }

 private:
  friend Result<VerifiedBundle> verify_bundle(Bytes file,
                                              std::span<const permit::Authority> authorities);
  VerifiedBundle(Bundle bundle, BundleDigest digest, std::string authority)
      : bundle_(std::move(bundle)), digest_(digest), authority_(std::move(authority)) {}
  Bundle bundle_;
  BundleDigest digest_;
  std::string authority_;
};

// verify_bundle reads and checks a file: Malformed when it is no deterministic bundle, NotFound
// when no authority has its key, Denied when the signature does not verify, Unsupported for
// another version, Exhausted over a size.
Result<VerifiedBundle> verify_bundle(Bytes file, std::span<const permit::Authority> authorities);

// read_bundle_payload reads what a signature covers, whose digest names the bundle. It says nothing
// about who signed it: for bytes whose digest is known to be trusted.
Result<Bundle> read_bundle_payload(Bytes payload);

}  // namespace writ::domain
