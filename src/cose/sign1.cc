#include "cose/sign1.h"

#include <algorithm>
#include <vector>

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "crypto/sha.h"

namespace writ::cose {
namespace {

constexpr std::int64_t kAlg = 1;  // RFC 9052 §3.1
constexpr std::int64_t kCrit = 2;
constexpr std::int64_t kKid = 4;
constexpr std::int64_t kTyp = 16;  // RFC 9596
constexpr std::size_t kKeyIdSize = 32;

struct Found {
  std::optional<crypto::Algorithm> alg;
  std::optional<ByteVec> kid;
  std::optional<std::string> typ;
};

bool before(Bytes a, Bytes b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

// Reads one header map. `labels` are the encoded labels of the protected map, ascending: filled
// while that map is read, consulted while the other one is.
Result<void> read_map(cbor::Reader& reader, Profile profile, bool is_protected,
                      std::vector<Bytes>& labels, Found& found) {
  TRY(reader.enter_map());
  while (reader.more()) {
    const Bytes encoded = TRY(reader.item());
    if (is_protected) {
      labels.push_back(encoded);
    } else if (std::binary_search(labels.begin(), labels.end(), encoded, before)) {
      return reader.refuse("a header label stands in both headers");
    }
    cbor::Reader label_reader(encoded);
    const cbor::Type type = TRY(label_reader.peek());
    if (type != cbor::Type::Uint && type != cbor::Type::Nint && type != cbor::Type::Text) {
      return reader.refuse("a header label is neither an integer nor text");
    }
    const Result<std::int64_t> label = label_reader.integer();
    if (label && *label == kAlg) {
      if (TRY(reader.peek()) == cbor::Type::Text) {
        return Error(Code::Unsupported, "the COSE algorithm has a name that Writ does not know");
      }
      const std::int64_t number = TRY(reader.integer());
      found.alg = TRY(algorithm_from_label(number));
    } else if (label && *label == kCrit) {
      return Error(Code::Unsupported, "a critical COSE header (crit) that Writ does not know");
    } else if (label && *label == kKid) {
      found.kid = to_vec(TRY(reader.bytes()));
    } else if (label && *label == kTyp &&
               (profile == Profile::Writ || TRY(reader.peek()) == cbor::Type::Text)) {
      found.typ = std::string(TRY(reader.text()));
    } else if (profile == Profile::Writ) {
      return reader.refuse("the protected header holds alg, kid and typ, and nothing else");
    } else {
      TRY(reader.skip());
    }
  }
  return reader.leave();
}

ByteVec encode_protected(const crypto::PublicKey& key, std::string_view typ) {
  cbor::Writer writer;
  writer.map([&] {
    writer.key(kAlg).integer(algorithm_label(key.algorithm()));
    writer.key(kKid).bytes(as_bytes(key_id(key)));
    writer.key(kTyp).text(typ);
  });
  return std::move(writer).finish().value();
}

}  // namespace

Result<KeyId> Header::key() const {
  if (kid.size() != kKeyIdSize) {
    return Error(Code::NotFound, "the COSE header does not name a key of 32 bytes (kid)");
  }
  return id_from_bytes<KeyId>(kid);
}

Result<Sign1> Sign1::parse(Bytes bytes, Profile profile) {
  cbor::Reader reader(bytes);
  if (profile == Profile::Writ || TRY(reader.peek()) == cbor::Type::Tag) {
    TRY(reader.expect_tag(kSign1Tag));
  }
  TRY(reader.enter_array_of(4));

  Sign1 message;
  message.profile_ = profile;
  Found found;
  std::vector<Bytes> labels;
  const Bytes protected_bytes = TRY(reader.bytes());
  if (!protected_bytes.empty()) {
    cbor::Reader inner(protected_bytes);
    Result<void> read = read_map(inner, profile, true, labels, found);
    if (read) read = inner.finish();
    if (!read) return std::move(read).error().context("the protected header");
  }
  // RFC 9052 §4.4: an empty map is signed as the empty string, however it was sent.
  if (!labels.empty()) message.protected_ = to_vec(protected_bytes);

  if (profile == Profile::Writ) {
    if (TRY(reader.enter_map()) != 0) return reader.refuse("the unprotected header is not empty");
    TRY(reader.leave());
  } else {
    TRY(read_map(reader, profile, false, labels, found));
  }

  if (TRY(reader.peek()) == cbor::Type::Null) {
    return Error(Code::Unsupported, "the payload of this COSE_Sign1 is detached");
  }
  const Bytes payload = TRY(reader.bytes());
  message.signature_ = to_vec(TRY(reader.bytes()));
  if (profile == Profile::Writ && message.signature_.size() != crypto::kSignatureSize) {
    return reader.refuse("the signature does not have 64 bytes");
  }
  TRY(reader.leave());
  TRY(reader.finish());

  if (!found.alg) return Error(Code::Malformed, "this COSE_Sign1 names no algorithm (alg)");
  message.header_.alg = *found.alg;
  if (profile == Profile::Writ) {
    if (!found.kid || found.kid->size() != kKeyIdSize) {
      return Error(Code::Malformed, "this COSE_Sign1 names no key of 32 bytes (kid)");
    }
    if (!found.typ || found.typ->empty()) {
      return Error(Code::Malformed, "this COSE_Sign1 does not say what it is (typ)");
    }
  }
  message.signed_ = sig_structure(message.protected_, {}, payload);
  message.payload_size_ = payload.size();
  message.digest_ = crypto::sha256(message.signed_);
  message.header_.kid = std::move(found.kid).value_or(ByteVec());
  message.header_.typ = std::move(found.typ).value_or(std::string());
  return message;
}

ByteVec Sign1::structure(Bytes external_aad) const {
  if (external_aad.empty()) return signed_;
  return sig_structure(protected_, external_aad, unverified_payload());
}

Digest32 Sign1::structure_digest(Bytes external_aad) const {
  return external_aad.empty() ? digest_ : crypto::sha256(structure(external_aad));
}

Result<VerifiedSign1> Sign1::verify(const crypto::PublicKey& key, Bytes external_aad) const {
  if (key.algorithm() != header_.alg) {
    return Error(Code::Denied, "the message is signed with " +
                                   std::string(algorithm_name(header_.alg)) + ", the key is for " +
                                   std::string(algorithm_name(key.algorithm())));
  }
  if (profile_ == Profile::Writ && !equal(header_.kid, as_bytes(key_id(key)))) {
    return Error(Code::Denied, "the message names another key than the one it is verified with");
  }
  if (external_aad.empty()) {
    TRY(crypto::check_signature(key, signed_, signature_));
  } else {
    TRY(crypto::check_signature(key, structure(external_aad), signature_));
  }
  return VerifiedSign1(header_, key, to_vec(unverified_payload()), structure_digest(external_aad));
}

Result<ByteVec> sign1(const crypto::PrivateKey& key, std::string_view typ, Bytes payload,
                      Bytes external_aad) {
  if (typ.empty() || !is_utf8(typ)) {
    return Error(Code::InvalidArgument, "the typ of a COSE_Sign1 is empty or not UTF-8");
  }
  const ByteVec header = encode_protected(key.public_key(), typ);
  const crypto::Signature signature =
      TRY(crypto::sign(key, sig_structure(header, external_aad, payload)));
  cbor::Writer writer;
  writer.tag(kSign1Tag).array([&] {
    writer.bytes(header);
    writer.map([] {});
    writer.bytes(payload);
    writer.bytes(signature);
  });
  return std::move(writer).finish();
}

ByteVec sig_structure(Bytes protected_header, Bytes external_aad, Bytes payload) {
  cbor::Writer writer;
  writer.array([&] {
    writer.text("Signature1").bytes(protected_header).bytes(external_aad).bytes(payload);
  });
  return std::move(writer).finish().value();
}

}  // namespace writ::cose
