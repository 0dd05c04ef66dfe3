// The texts that logs, witnesses and strangers exchange: notes, checkpoints, keys, cosignatures,
// proofs, trust policies, requests to witnesses. The first byte chooses. What reads is written as
// it was; what is signed here verifies here, and not when a byte of it is another.
#include <cstddef>
#include <cstdint>

#include "base/random.h"
#include "ledger/add_checkpoint.h"
#include "ledger/checkpoint.h"
#include "ledger/cosignature.h"
#include "ledger/note.h"
#include "ledger/note_internal.h"
#include "ledger/tlog_proof.h"
#include "ledger/tree.h"
#include "ledger/trust_policy.h"

namespace writ::ledger {
namespace {

const crypto::PrivateKey& log_key() {
  static SeededRandom random(1);
  static const crypto::PrivateKey key = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  return key;
}
const crypto::PrivateKey& witness_key() {
  static SeededRandom random(2);
  static const crypto::PrivateKey key = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  return key;
}

// Signed by the log and cosigned by the witness, `text` opens; altered, it does not.
void sign_and_open(std::string_view text, std::string_view name) {
  const auto vkey = make_vkey(name, log_key().public_key());
  const auto cosigner = make_cosigner_key(name, witness_key().public_key());
  WRIT_ASSERT(vkey.has_value() == check_key_name(name).has_value());
  WRIT_ASSERT(cosigner.has_value() == vkey.has_value());
  if (!vkey) return;
  WRIT_ASSERT(*parse_vkey(to_string(*vkey)) == *vkey);
  WRIT_ASSERT(*parse_cosigner_key(to_string(*cosigner)) == *cosigner);
  const auto note = sign_note(text, name, log_key());
  if (!note) return;
  const auto line = cosign(text, 7, name, witness_key());
  WRIT_ASSERT(line.has_value());
  const auto whole = with_cosignatures(*note, *line);
  if (!whole) return;
  const auto opened = verify_note(as_bytes(std::string_view(*whole)), {&*vkey, 1});
  WRIT_ASSERT(opened && opened->text == text && opened->by.size() == 1);
  const auto parsed = parse_note(as_bytes(std::string_view(*whole)));
  WRIT_ASSERT(parsed.has_value());
  const auto by = verify_cosignatures(*parsed, {&*cosigner, 1});
  WRIT_ASSERT(by && by->size() == 1 && by->front().unix_seconds == 7);
  std::string other = *whole;
  other[text.size() / 2] = other[text.size() / 2] == 'x' ? 'y' : 'x';
  WRIT_ASSERT(!verify_note(as_bytes(std::string_view(other)), {&*vkey, 1}));
}

// A head of one entry, signed by the log and cosigned by the witness, under a policy that begins
// with both and goes on with `rest`: trusted just when the quorum is met.
void judge_head(std::string_view rest) {
  static const Bytes entry = as_bytes(std::string_view("entry"));
  static const auto log = make_vkey("you@host", log_key().public_key());
  static const auto witness = make_cosigner_key("w.example/w", witness_key().public_key());
  static const std::string note = [] {
    const Checkpoint head{"you@host", TreeSize(1), NodeHash(leaf_hash(entry).get())};
    const std::string text = encode_checkpoint(head);
    return *with_cosignatures(*sign_checkpoint(head, log_key()),
                              *cosign(text, 7, witness->name, witness_key()));
  }();
  const auto policy = parse_trust_policy("log " + to_string(*log) + "\nwitness w " +
                                         to_string(*witness) + "\n" + std::string(rest));
  if (!policy) return;
  const bool met = quorum_met(*policy, {{0, 7}});
  WRIT_ASSERT(verify_head(as_bytes(std::string_view(note)), *policy).has_value() == met);
  TlogProof proof;
  proof.checkpoint = note;
  WRIT_ASSERT(verify_tlog_proof(proof, entry, *policy).has_value() == met);
  WRIT_ASSERT(!verify_tlog_proof(proof, as_bytes(rest), *policy) || rest == "entry");
}

// A note as it must have been written: text, empty line, one line for each signature.
std::string written_again(const Note& note) {
  std::string text = note.text + "\n";
  for (const NoteSignature& line : note.signatures) {
    text += signature_line(line.name, line.id, line.bytes);
  }
  return text;
}

// The same policy in the fewest words: one order, one space, no comment.
std::string written_again(const TrustPolicy& policy) {
  const auto url = [](const std::string& given) {
    return (given.empty() ? "" : " " + given) + "\n";
  };
  const auto name = [&](const PolicyMember& member) {
    return member.group ? policy.groups[member.at].name : policy.witnesses[member.at].name;
  };
  std::string text;
  for (const PolicyLog& log : policy.logs) text += "log " + to_string(log.key) + url(log.url);
  for (const PolicyWitness& one : policy.witnesses) {
    text += "witness " + one.name + " " + to_string(one.key) + url(one.url);
  }
  for (const PolicyGroup& group : policy.groups) {
    text += "group " + group.name + " " + std::to_string(group.threshold);
    for (const PolicyMember& member : group.members) text += " " + name(member);
    text += "\n";
  }
  return text + "quorum " + (policy.quorum ? name(*policy.quorum) : "none") + "\n";
}

void look(unsigned kind, Bytes bytes) {
  const std::string_view text = as_text(bytes);
  switch (kind) {
    case 0:
      if (const auto note = parse_note(bytes)) {
        WRIT_ASSERT(written_again(*note) == text);
        const auto known = make_vkey("you@host", log_key().public_key());
        WRIT_ASSERT(!verify_note(bytes, {&*known, 1}));  // nobody here signed it
        (void)with_cosignatures(text, "");
      }
      break;
    case 1:
      if (const auto checkpoint = parse_checkpoint(text)) {
        const std::string plain = encode_checkpoint(*checkpoint);
        WRIT_ASSERT(text.starts_with(plain));  // extension lines may follow
        WRIT_ASSERT(*parse_checkpoint(plain) == *checkpoint);
        const auto note = sign_checkpoint(*checkpoint, log_key());
        if (!note) break;
        const auto key = make_vkey(checkpoint->origin, log_key().public_key());
        WRIT_ASSERT(*verify_checkpoint(as_bytes(std::string_view(*note)), *key) == *checkpoint);
      }
      break;
    case 2:
      if (const auto key = parse_vkey(text)) WRIT_ASSERT(to_string(*key) == text);
      if (const auto key = parse_cosigner_key(text)) WRIT_ASSERT(to_string(*key) == text);
      break;
    case 3:
      if (const auto proof = parse_tlog_proof(bytes)) {
        WRIT_ASSERT(encode_tlog_proof(*proof) == text);
        const auto policy = parse_trust_policy("quorum none\n");
        WRIT_ASSERT(policy && !verify_tlog_proof(*proof, bytes, *policy));
      }
      break;
    case 4:
      if (const auto policy = parse_trust_policy(text)) {
        WRIT_ASSERT(!quorum_met(*policy, {}) || !policy->quorum);
        const auto again = parse_trust_policy(written_again(*policy));
        WRIT_ASSERT(again && again->logs == policy->logs && again->witnesses == policy->witnesses);
        WRIT_ASSERT(again->groups == policy->groups && again->quorum == policy->quorum);
      }
      judge_head(text);
      break;
    case 5:
      if (const auto request = parse_add_checkpoint(bytes)) {
        WRIT_ASSERT(encode_add_checkpoint(*request) == text);
      }
      break;
    case 6: {
      const std::size_t name = text.find('\0');
      if (name != std::string_view::npos && name + 1 < text.size()) {
        sign_and_open(text.substr(name + 1), text.substr(0, name));
      }
      break;
    }
    default: break;
  }
}

}  // namespace
}  // namespace writ::ledger

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  writ::ledger::look(data[0] % 7, {reinterpret_cast<const std::byte*>(data) + 1, size - 1});
  return 0;
}
