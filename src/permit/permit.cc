#include "permit/permit.h"

#include <algorithm>

#include "base/clock.h"
#include "base/config_text.h"
#include "cbor/check.h"
#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "cose/sign1.h"

namespace writ::permit {

// So that a file is parsed once.
struct ReadMessage {
  Permit permit;
  cose::Sign1 message;
};

namespace {

constexpr std::string_view kType = "application/writ-permit+cwt";
constexpr std::string_view kBegin = "-----BEGIN WRIT PERMIT-----\n";
constexpr std::string_view kEnd = "-----END WRIT PERMIT-----\n";
constexpr std::size_t kLine = 64;

Denial deny(Reason reason, std::string because, std::string asked = "permit") {
  return {reason, std::move(asked), std::move(because), std::string(describe(reason).remedy)};
}

// refuse is deny for functions that may find nothing.
std::optional<Denial> refuse(Reason reason, std::string because, const std::string& asked) {
  return deny(reason, std::move(because), asked);
}

std::string name_of(const Permit& permit) {
  return "permit " + short_hex(permit.id) + "…";
}

std::string time_text(UnixSeconds time) {
  std::string text = to_rfc3339(UnixMillis(time.get() * 1000));
  text.replace(text.find('.'), std::string::npos, "Z");
  return text;
}

std::optional<Denial> fault_in(Bytes bytes, const std::string& what) {
  const std::optional<cbor::Finding> found = cbor::find_fault(bytes);
  if (!found) return std::nullopt;
  return deny(cbor::reason_of(found->fault), what + ": " + found->message);
}

// split_chain takes the messages of a file apart.
Result<std::vector<Bytes>> split_chain(Bytes file) {
  cbor::Reader r(file);
  std::vector<Bytes> messages;
  TRY(r.enter_array());
  while (r.more()) messages.push_back(TRY(r.item()));
  TRY(r.leave());
  TRY(r.finish());
  return messages;
}

// read_claims fills what the payload says.
std::optional<Denial> read_claims(const cose::Sign1& message, Permit& permit) {
  Result<Claims> claims = decode_claims(message.unverified_payload());
  if (!claims) {
    // The decoder is as strict; looking again tells the codes apart.
    if (auto no = fault_in(message.unverified_payload(), "its claims")) return no;
    return deny(Reason::Malformed, claims.error().message(), name_of(permit));
  }
  permit.claims = std::move(claims).value();
  if (permit.claims.parent) {
    return deny(Reason::Malformed, "it names a parent that the file does not hold",
                name_of(permit));
  }
  return std::nullopt;
}

std::optional<Denial> check_time(const Claims& claims, UnixSeconds now, const std::string& asked) {
  const UnixSeconds from = std::max(claims.issued, claims.not_before.value_or(claims.issued));
  if (now < from) {
    return deny(Reason::NotYetValid,
                "it is valid from " + time_text(from) + ", and now is " + time_text(now), asked);
  }
  if (now >= claims.expires) {
    return deny(
        Reason::Expired,
        "it was valid until " + time_text(claims.expires) + ", and now is " + time_text(now),
        asked);
  }
  return std::nullopt;
}

std::optional<Denial> check_place(const Claims& claims, const VerifyContext& context,
                                  const std::string& asked) {
  const std::vector<std::string>& audience = claims.audience;
  if (std::find(audience.begin(), audience.end(), context.domain) == audience.end()) {
    std::string list;
    for (const std::string& name : audience) list += " " + printable(name, 60);
    return deny(Reason::WrongAudience,
                "this is domain " + printable(context.domain, 60) + ", the permit is for" + list,
                asked);
  }
  if (claims.host && *claims.host != context.ledger) {
    return deny(Reason::WrongHost,
                "it is for the host with ledger " + short_hex(*claims.host) + "…, this is " +
                    short_hex(context.ledger) + "…",
                asked);
  }
  return std::nullopt;
}

std::optional<Denial> check_revoked(const Permit& permit, const Revoked& revoked,
                                    const std::string& asked) {
  if (revoked.permits.count(permit.id) != 0) {
    return deny(Reason::Revoked, "it was revoked here", asked);
  }
  if (revoked.keys.count(permit.signer) != 0) {
    return deny(Reason::Revoked, "the key that issued it was revoked here", asked);
  }
  if (permit.claims.holder && !revoked.keys.empty() &&
      revoked.keys.count(cose::key_id(*permit.claims.holder)) != 0) {
    return deny(Reason::Revoked, "the key that holds it was revoked here", asked);
  }
  return std::nullopt;
}

const Authority* find_authority(const Permit& permit, std::span<const Authority> authorities) {
  const auto found = std::find_if(
      authorities.begin(), authorities.end(),
      [&](const Authority& authority) { return cose::key_id(authority.key) == permit.signer; });
  return found == authorities.end() ? nullptr : &*found;
}

std::optional<Denial> compare_intent(const Intent& intent, const Permit& permit,
                                     const VerifyContext& context, const Evidence& evidence) {
  const auto differs = [&](const std::string& what) {
    return deny(Reason::NoPossession, "the holder signed " + what, name_of(permit));
  };
  if (intent.permit != permit.id) return differs("for another permit");
  if (intent.ledger != context.ledger) return differs("for another host");
  if (intent.domain != context.domain) return differs("for another domain");
  const std::int64_t now = context.now.get();
  const std::int64_t time = intent.time.get();
  if (time < 0 || time > kMaxTime || now - time > kPossessionWindow ||
      time - now > kPossessionWindow) {
    return differs("at another time");
  }
  if (!evidence.nonce.empty() && intent.nonce != evidence.nonce) return differs("another nonce");
  if (intent.argv != digest_texts(evidence.argv)) return differs("other arguments");
  if (intent.environment != digest_texts(evidence.environment)) {
    return differs("another environment");
  }
  if (intent.directory != digest_text(evidence.directory)) return differs("another directory");
  return std::nullopt;
}

std::variant<ReadMessage, Denial> read_message(Bytes file) {
  if (file.size() > kMaxPermitFile) {
    return deny(Reason::Malformed, "the file has " + std::to_string(file.size()) +
                                       " bytes, a permit at most " +
                                       std::to_string(kMaxPermitFile));
  }
  Permit permit;
  if (is_armoured(file)) {
    Result<ByteVec> plain = unarmour(as_text(file));
    if (!plain) return deny(Reason::Malformed, plain.error().message());
    permit.file = std::move(plain).value();
  } else {
    permit.file = to_vec(file);
  }
  const Result<std::vector<Bytes>> messages = split_chain(permit.file);
  if (!messages) {
    if (auto no = fault_in(permit.file, "the file")) return *no;
    return deny(Reason::Malformed, messages.error().message());
  }
  if (messages->empty()) return deny(Reason::Malformed, "the file holds no permit");
  if (messages->size() > 1) {
    return deny(Reason::MechanismUnavailable, "the file holds a chain of " +
                                                  std::to_string(messages->size()) +
                                                  " permits; delegation is not enforced here yet");
  }
  Result<cose::Sign1> message = cose::Sign1::parse((*messages)[0], cose::Profile::Writ);
  if (!message) return deny(Reason::Malformed, message.error().message());
  if (message->header().typ != kType) {
    return deny(Reason::Malformed,
                "it is of type `" + printable(message->header().typ, 60) + "`, not a permit");
  }
  const Result<KeyId> signer = message->header().key();
  if (!signer) return deny(Reason::Malformed, signer.error().message());
  permit.id = PermitId(message->structure_digest().get());
  permit.signer = *signer;
  permit.algorithm = message->header().alg;
  if (auto no = read_claims(*message, permit)) return *no;
  return ReadMessage{std::move(permit), std::move(*message)};
}

// check_signed is check for claims that were read from `message` itself.
Result<std::optional<Denial>> check_signed(const Permit& permit, const cose::Sign1& message,
                                           const VerifyContext& context) {
  const std::string asked = name_of(permit);
  const Authority* authority = find_authority(permit, context.authorities);
  if (authority == nullptr) {
    return refuse(Reason::UnknownKey,
                  "it is signed with key " + short_hex(permit.signer) +
                      "…, which no authority of this domain has",
                  asked);
  }
  const Result<cose::VerifiedSign1> verified = message.verify(authority->key);
  if (!verified) return refuse(Reason::BadSignature, verified.error().message(), asked);
  const Claims& claims = permit.claims;
  if (claims.holder == authority->key) {
    return refuse(Reason::SelfIssued, "the key that issued it also holds it", asked);
  }
  WRIT_ASSERT(context.revoked != nullptr);
  if (auto no = check_revoked(permit, *context.revoked, asked)) return no;
  if (auto no = check_time(claims, context.now, asked)) return no;
  if (auto no = check_place(claims, context, asked)) return no;
  if (claims.uses) {
    if (!context.uses_taken) return Error(Code::Internal, "nobody counts the uses of permits");
    const std::uint64_t taken = TRY(context.uses_taken(permit.id));
    if (taken >= *claims.uses) {
      return refuse(Reason::UsesExhausted,
                    "it allows " + std::to_string(*claims.uses) + " admissions and has had " +
                        std::to_string(taken),
                    asked);
    }
  }
  if (claims.policy && *claims.policy != context.policy) {
    return refuse(Reason::PolicyPinMismatch,
                  "it is pinned to policy " + short_hex(*claims.policy) + "…, in force is " +
                      short_hex(context.policy) + "…",
                  asked);
  }
  if (std::optional<Denial> no = above(claims.grant, authority->ceiling)) {
    no->because += ": authority " + printable(authority->name, 60);
    return no;
  }
  for (const ExecRule& rule : claims.grant.exec) {
    if (rule.kind == ExecKind::Any) {
      return refuse(Reason::MechanismUnavailable,
                    "it grants any program below " + printable(rule.program.path) +
                        ", which no run can be given",
                    asked);
    }
  }
  return std::optional<Denial>();
}

}  // namespace

Result<ByteVec> issue(const Claims& claims, const crypto::PrivateKey& authority) {
  if (claims.holder && *claims.holder == authority.public_key()) {
    return Error(Code::InvalidArgument, "issuer and holder are the same key");
  }
  if (claims.parent) {
    return Error(Code::InvalidArgument, "a permit issued by an authority has no parent");
  }
  const ByteVec payload = TRY(encode_claims(claims));
  const ByteVec message = TRY(cose::sign1(authority, kType, payload));
  cbor::Writer w;
  w.array([&] { w.item(message); });
  ByteVec file = TRY(std::move(w).finish());
  // The armoured form is the longer one, and has to fit too.
  if (armour(file).size() > kMaxPermitFile) {
    return Error(Code::Exhausted, "the permit has " + std::to_string(file.size()) +
                                      " bytes, too many for a permit file");
  }
  return file;
}

Read read_permit(Bytes file) {
  auto read = read_message(file);
  if (Denial* no = std::get_if<Denial>(&read)) return std::move(*no);
  auto origin = std::make_shared<const ReadMessage>(std::move(*std::get_if<ReadMessage>(&read)));
  Permit permit = origin->permit;
  permit.origin = std::move(origin);
  return permit;
}

Result<std::optional<Denial>> check(const Permit& permit, const VerifyContext& context) {
  // `permit` is a value that anyone can put together: what counts is the message it came in.
  if (!permit.origin) return Error(Code::Internal, "a permit that was never read");
  const ReadMessage& real = *permit.origin;
  if (real.permit.id != permit.id || real.permit.claims != permit.claims ||
      real.permit.signer != permit.signer || real.permit.file != permit.file) {
    return Error(Code::Internal, "a permit that is not what its file says");
  }
  return check_signed(real.permit, real.message, context);
}

Result<Verified> verify(Bytes file, const VerifyContext& context, const Evidence& evidence) {
  auto read = read_message(file);
  if (Denial* no = std::get_if<Denial>(&read)) return Verified(std::move(*no));
  auto origin = std::make_shared<const ReadMessage>(std::move(*std::get_if<ReadMessage>(&read)));
  std::optional<Denial> no = TRY(check_signed(origin->permit, origin->message, context));
  Permit permit = origin->permit;
  permit.origin = std::move(origin);
  if (no) return Verified(std::move(*no));
  std::optional<Intent> intent;
  if (permit.claims.holder) {
    if (evidence.proof.empty()) {
      return Verified(deny(Reason::NoPossession, "its holder signed nothing for this command",
                           name_of(permit)));
    }
    const Result<Intent> proven = read_possession(evidence.proof, *permit.claims.holder);
    if (!proven) {
      return Verified(deny(Reason::NoPossession, proven.error().message(), name_of(permit)));
    }
    if (auto differs = compare_intent(*proven, permit, context, evidence)) {
      return Verified(std::move(*differs));
    }
    intent = *proven;
  }
  const std::string name = find_authority(permit, context.authorities)->name;
  return Verified(
      VerifiedPermit(VerifiedPermit::Key(), std::move(permit), name, std::move(intent)));
}

std::string armour(Bytes file) {
  const std::string text = to_base64(file);
  std::string out(kBegin);
  for (std::size_t at = 0; at < text.size(); at += kLine) {
    out += text.substr(at, kLine);
    out += '\n';
  }
  return out + std::string(kEnd);
}

Result<ByteVec> unarmour(std::string_view text) {
  const Error wrong(Code::Malformed, "not an armoured permit as it was written");
  if (text.substr(0, kBegin.size()) != kBegin || text.size() < kBegin.size() + kEnd.size() ||
      text.substr(text.size() - kEnd.size()) != kEnd) {
    return wrong;
  }
  std::string joined;
  for (const char c : text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size())) {
    if (c != '\n') joined += c;
  }
  Result<ByteVec> bytes = from_base64(joined);
  if (!bytes || armour(*bytes) != text) return wrong;
  return bytes;
}

bool is_armoured(Bytes file) {
  return as_text(file).substr(0, 11) == kBegin.substr(0, 11);
}

std::vector<std::string> print(const Permit& permit) {
  const Claims& claims = permit.claims;
  std::vector<std::string> lines;
  lines.push_back("permit     " + to_hex(permit.id));
  lines.push_back("from       " + printable(claims.issuer) + "  (key " + short_hex(permit.signer) +
                  "…, " + std::string(crypto::algorithm_name(permit.algorithm)) + ")");
  lines.push_back("for        " + printable(claims.subject));
  lines.push_back(claims.holder ? "held by    key " + short_hex(cose::key_id(*claims.holder)) + "…"
                                : "held by    nobody: whoever has the file can use it (bearer)");
  std::string domains;
  for (const std::string& name : claims.audience)
    domains += (domains.empty() ? "" : ", ") + printable(name);
  lines.push_back("domains    " + domains);
  lines.push_back(
      "valid      " + time_text(claims.not_before.value_or(claims.issued)) + " until " +
      time_text(claims.expires) + "  (" +
      print_duration(static_cast<std::uint64_t>(
          (claims.expires.get() - claims.not_before.value_or(claims.issued).get()) * 1000)) +
      ")");
  if (claims.host) lines.push_back("host       ledger " + to_hex(*claims.host));
  if (claims.policy) lines.push_back("policy     pinned to " + to_hex(*claims.policy));
  if (claims.uses) lines.push_back("uses       " + std::to_string(*claims.uses));
  for (const std::string& line : print(claims.grant)) lines.push_back(line);
  if (!claims.when.empty()) {
    lines.push_back("when");
    std::string_view rest = claims.when;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      lines.push_back("  " + printable(rest.substr(0, end), 400));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return lines;
}

}  // namespace writ::permit
