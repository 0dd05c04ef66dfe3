#include "cose/cwt.h"

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/key.h"

namespace writ::cose {
namespace {

// RFC 8392 §4, RFC 8747 §3.1.
enum Label : int {
  kIss = 1,
  kSub = 2,
  kAud = 3,
  kExp = 4,
  kNbf = 5,
  kIat = 6,
  kCti = 7,
  kCnf = 8,
};
constexpr std::int64_t kCnfCoseKey = 1;

Result<crypto::PublicKey> read_cnf(cbor::Reader& reader) {
  if (TRY(reader.enter_map()) != 1) return reader.refuse("cnf holds one COSE_Key");
  if (TRY(reader.integer()) != kCnfCoseKey) return reader.refuse("cnf holds a COSE_Key (1)");
  const crypto::PublicKey key = TRY(read_key(reader));
  TRY(reader.leave());
  return key;
}

Result<void> read_registered(cbor::Reader& reader, std::int64_t label, Claims& claims) {
  switch (label) {
    case kIss: claims.iss = std::string(TRY(reader.text())); return {};
    case kSub: claims.sub = std::string(TRY(reader.text())); return {};
    case kAud: claims.aud = std::string(TRY(reader.text())); return {};
    case kExp: claims.exp = UnixSeconds(TRY(reader.integer())); return {};
    case kNbf: claims.nbf = UnixSeconds(TRY(reader.integer())); return {};
    case kIat: claims.iat = UnixSeconds(TRY(reader.integer())); return {};
    case kCti: claims.cti = to_vec(TRY(reader.bytes())); return {};
    case kCnf: claims.cnf = TRY(read_cnf(reader)); return {};
    default: return reader.refuse("an unknown claim");
  }
}

Result<Claims> read_claims(cbor::Reader& reader) {
  Claims claims;
  TRY(reader.enter_map());
  while (reader.more()) {
    if (TRY(reader.peek()) == cbor::Type::Text) {
      std::string name(TRY(reader.text()));
      if (claims.extra.size() == kMaxExtraClaims) return reader.refuse("too many claims");
      claims.extra.emplace(std::move(name), to_vec(TRY(reader.item())));
      continue;
    }
    const std::int64_t label = TRY(reader.integer());
    Result<void> read = read_registered(reader, label, claims);
    if (!read) return std::move(read).error().context("claim " + std::to_string(label));
  }
  TRY(reader.leave());
  TRY(reader.finish());
  return claims;
}

}  // namespace

const ByteVec* Claims::find(std::string_view name) const {
  const auto at = extra.find(name);
  return at == extra.end() ? nullptr : &at->second;
}

Result<Claims> decode_claims(Bytes bytes) {
  cbor::Reader reader(bytes);
  Result<Claims> claims = read_claims(reader);
  if (!claims) return std::move(claims).error().context("the claims");
  return claims;
}

Result<ByteVec> encode_claims(const Claims& claims) {
  if (claims.extra.size() > kMaxExtraClaims) {
    return Error(Code::InvalidArgument,
                 "more than " + std::to_string(kMaxExtraClaims) + " claims by name");
  }
  cbor::Writer writer;
  const auto text = [&writer](Label label, const std::optional<std::string>& value) {
    if (value) writer.key(label).text(*value);
  };
  const auto time = [&writer](Label label, const std::optional<UnixSeconds>& value) {
    if (value) writer.key(label).integer(value->get());
  };
  writer.map([&] {
    text(kIss, claims.iss);
    text(kSub, claims.sub);
    text(kAud, claims.aud);
    time(kExp, claims.exp);
    time(kNbf, claims.nbf);
    time(kIat, claims.iat);
    if (claims.cti) writer.key(kCti).bytes(*claims.cti);
    if (claims.cnf) {
      writer.key(kCnf).map([&] { writer.key(kCnfCoseKey).item(encode_key(*claims.cnf)); });
    }
    for (const auto& [name, encoded] : claims.extra) {
      writer.key(std::string_view(name)).item(encoded);
    }
  });
  return std::move(writer).finish();
}

}  // namespace writ::cose
