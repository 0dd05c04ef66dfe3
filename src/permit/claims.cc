#include "permit/claims.h"

#include <algorithm>

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/key.h"

namespace writ::permit {
namespace {

// Registered labels: RFC 8392 §4, RFC 8747 §6.
enum Label : std::int64_t { kIss = 1, kSub, kAud, kExp, kNbf, kIat, kCti, kCnf };
constexpr std::int64_t kCnfKey = 1;  // COSE_Key, RFC 8747 §3.2

Error bad(const std::string& what) {
  return {Code::Malformed, "claims: " + what};
}

Result<void> check_name(const std::string& name, const char* claim) {
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (name.empty() || name.size() > kMaxName || !is_utf8(name) || !plain) {
    return bad(std::string("`") + claim + "` wants 1 to " + std::to_string(kMaxName) +
               " bytes of plain text");
  }
  return {};
}

Result<void> check_time(UnixSeconds time, const char* claim) {
  if (time.get() < 0 || time.get() > kMaxTime)
    return bad(std::string("`") + claim + "` is no time");
  return {};
}

Result<void> check_claims(const Claims& claims) {
  TRY(check_name(claims.issuer, "iss"));
  TRY(check_name(claims.subject, "sub"));
  if (claims.audience.empty() || claims.audience.size() > kMaxAudience) {
    return bad("`aud` wants 1 to " + std::to_string(kMaxAudience) + " domains");
  }
  for (std::size_t i = 0; i < claims.audience.size(); ++i) {
    TRY(check_name(claims.audience[i], "aud"));
    const auto here = claims.audience.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(claims.audience.begin(), here, *here) != here) {
      return bad("`aud` names a domain twice");
    }
  }
  TRY(check_time(claims.expires, "exp"));
  TRY(check_time(claims.issued, "iat"));
  if (claims.not_before) {
    TRY(check_time(*claims.not_before, "nbf"));
    if (*claims.not_before >= claims.expires) return bad("`nbf` is not before `exp`");
  }
  if (claims.issued >= claims.expires) return bad("`iat` is not before `exp`");
  if (claims.token_id.size() != 16) return bad("`cti` wants 16 bytes");
  if (claims.uses && *claims.uses == 0) return bad("`uses` is at least 1");
  if (claims.when.size() > kMaxWhen || !is_utf8(claims.when)) {
    return bad("`when` is too long or not UTF-8");
  }
  return {};
}

Result<std::string> read_text(cbor::Reader& r) {
  return std::string(TRY(r.text()));
}

Result<UnixSeconds> read_time(cbor::Reader& r) {
  return UnixSeconds(TRY(r.integer()));
}

template <typename Id>
Result<Id> read_id(cbor::Reader& r) {
  Result<Id> id = id_from_bytes<Id>(TRY(r.bytes()));
  if (!id) return r.refuse(id.error().message());
  return id;
}

Result<std::vector<std::string>> read_audience(cbor::Reader& r) {
  std::vector<std::string> names;
  if (TRY(r.peek()) == cbor::Type::Text) {
    names.push_back(TRY(read_text(r)));
    return names;
  }
  if (TRY(r.enter_array()) < 2) return r.refuse("one audience is text, several are an array");
  while (r.more()) {
    if (names.size() >= kMaxAudience) return r.refuse("too many audiences");
    names.push_back(TRY(read_text(r)));
  }
  TRY(r.leave());
  return names;
}

Result<crypto::PublicKey> read_holder(cbor::Reader& r) {
  TRY(r.enter_map());
  if (TRY(r.integer()) != kCnfKey) return r.refuse("cnf holds a COSE_Key");
  crypto::PublicKey key = TRY(cose::read_key(r));
  TRY(r.leave());
  return key;
}

// Which of the claims that every permit has were read.
struct Seen {
  bool iss = false, sub = false, aud = false, exp = false, iat = false, cti = false;
  bool version = false, grant = false;
  bool all() const { return iss && sub && aud && exp && iat && cti && version && grant; }
};

Result<void> read_registered(cbor::Reader& r, Claims& claims, Seen& seen) {
  switch (TRY(r.integer())) {
    case kIss:
      claims.issuer = TRY(read_text(r));
      seen.iss = true;
      return {};
    case kSub:
      claims.subject = TRY(read_text(r));
      seen.sub = true;
      return {};
    case kAud:
      claims.audience = TRY(read_audience(r));
      seen.aud = true;
      return {};
    case kExp:
      claims.expires = TRY(read_time(r));
      seen.exp = true;
      return {};
    case kNbf: claims.not_before = TRY(read_time(r)); return {};
    case kIat:
      claims.issued = TRY(read_time(r));
      seen.iat = true;
      return {};
    case kCti:
      claims.token_id = to_vec(TRY(r.bytes()));
      seen.cti = true;
      return {};
    case kCnf: claims.holder = TRY(read_holder(r)); return {};
    default: return r.refuse("unknown claim");
  }
}

Result<void> read_named(cbor::Reader& r, Claims& claims, Seen& seen) {
  const std::string name = TRY(read_text(r));
  if (name == "version") {
    const std::uint64_t version = TRY(r.uint());
    if (version != kPermitVersion) {
      return Error(Code::Unsupported, "permit format version " + std::to_string(version) +
                                          " is not known here (version " +
                                          std::to_string(kPermitVersion) + " is)");
    }
    seen.version = true;
  } else if (name == "grant") {
    claims.grant = TRY(read_grant(r));
    seen.grant = true;
  } else if (name == "parent") {
    claims.parent = TRY(read_id<PermitId>(r));
  } else if (name == "policy") {
    claims.policy = TRY(read_id<BundleDigest>(r));
  } else if (name == "host") {
    claims.host = TRY(read_id<LedgerId>(r));
  } else if (name == "uses") {
    claims.uses = TRY(r.uint());
  } else if (name == "when") {
    claims.when = TRY(read_text(r));
    if (claims.when.empty()) return r.refuse("an empty `when` is left out instead");
  } else {
    return r.refuse("unknown claim `" + printable(name, 40) + "`");
  }
  return {};
}

}  // namespace

Result<ByteVec> encode_claims(const Claims& claims) {
  TRY(check_claims(claims));
  const ByteVec grant = TRY(encode_grant(claims.grant));
  cbor::Writer w;
  w.map([&] {
    w.key(kIss).text(claims.issuer);
    w.key(kSub).text(claims.subject);
    w.key(kAud);
    if (claims.audience.size() == 1) {
      w.text(claims.audience[0]);
    } else {
      w.array([&] {
        for (const std::string& name : claims.audience) w.text(name);
      });
    }
    w.key(kExp).integer(claims.expires.get());
    if (claims.not_before) w.key(kNbf).integer(claims.not_before->get());
    w.key(kIat).integer(claims.issued.get());
    w.key(kCti).bytes(claims.token_id);
    if (claims.holder) {
      w.key(kCnf).map([&] { w.key(kCnfKey).item(cose::encode_key(*claims.holder)); });
    }
    w.key("version").uint(kPermitVersion);
    w.key("grant").item(grant);
    if (claims.parent) w.key("parent").bytes(as_bytes(*claims.parent));
    if (claims.policy) w.key("policy").bytes(as_bytes(*claims.policy));
    if (claims.host) w.key("host").bytes(as_bytes(*claims.host));
    if (claims.uses) w.key("uses").uint(*claims.uses);
    if (!claims.when.empty()) w.key("when").text(claims.when);
  });
  return std::move(w).finish();
}

Result<Claims> decode_claims(Bytes bytes) {
  cbor::Reader r(bytes);
  Claims claims;
  Seen seen;
  TRY(r.enter_map());
  while (r.more()) {
    const cbor::Type type = TRY(r.peek());
    if (type == cbor::Type::Text) {
      TRY(read_named(r, claims, seen));
    } else {
      TRY(read_registered(r, claims, seen));
    }
  }
  TRY(r.leave());
  TRY(r.finish());
  if (!seen.all()) {
    return bad("one of iss, sub, aud, exp, iat, cti, version, grant is missing");
  }
  TRY(check_claims(claims));
  return claims;
}

}  // namespace writ::permit
