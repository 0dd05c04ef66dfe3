// The objects that make a recorded decision replayable, and their one encoding.
//
// A decision is a value: allow or deny with its reasons. What it was made from is written to
// objects/ before the entry that carries it out, so that anybody can make it again from the ledger
// and the objects alone (DESIGN §9). All forms are deterministic CBOR with a version (0).
//
//   authority   a trusted issuer: name, key, ceiling as written; named by a trust event
//   inputs      everything an admission was decided upon that the permit, the domain and the
//               bundle do not say; named by the admission or denial event
//   decision    outcome and reasons over the digest of its inputs; its digest is in every event
//               that carries it out (PermitAuthority)
//
// Hostile: every byte that is decoded; decoding is strict and total, Malformed otherwise.
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/reason.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace writ::proof {

struct AuthorityRecord {
  std::string name;
  crypto::PublicKey key;
  std::string ceiling;  // the text of trust/NAME.toml
};
ByteVec encode_authority(const AuthorityRecord& record);
Result<AuthorityRecord> decode_authority(Bytes bytes);

struct AdmissionInputs {
  UnixMillis time;  // of the decision; permit times are judged by it
  std::string domain;
  LedgerId ledger;
  std::string tier;                   // "sandbox"
  std::vector<Digest32> authorities;  // objects: those the domain trusts, in its order
  Digest32 domain_definition;         // object
  Digest32 bundle_file;               // object: the signed bundle
  BundleDigest bundle;                // of its payload
  Digest32 permit_file;               // object: the chain as presented
  std::uint64_t uses_taken = 0;       // before this one, when the permit limits them
  std::string requests;               // what policy was asked and about whom: canonical JSON of
                                      // decision.h, to be made again and compared
};
ByteVec encode_inputs(const AdmissionInputs& inputs);
Result<AdmissionInputs> decode_inputs(Bytes bytes);

struct DecisionRecord {
  std::string action;  // "admit", "exec", "connect" or "listen"
  Digest32 inputs;     // of encode_inputs or encode_exec_inputs
  bool allowed = false;
  std::optional<Reason> reason;       // of a denial
  std::vector<std::string> policies;  // that decided: "bundle/policy0", "when/policy1"
  std::vector<std::string> errors;    // whose evaluation failed
  friend bool operator==(const DecisionRecord&, const DecisionRecord&) = default;
};
ByteVec encode_decision(const DecisionRecord& record);
Digest32 decision_digest(const DecisionRecord& record);

}  // namespace writ::proof
