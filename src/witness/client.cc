#include "witness/client.h"

#include <algorithm>
#include <limits>

#include "ledger/add_checkpoint.h"
#include "ledger/note_internal.h"

namespace writ::witness {
namespace {

constexpr int kTries = 3;

std::string url_of(const ledger::PolicyWitness& witness) {
  const bool slash = witness.url.ends_with('/');
  return witness.url + (slash ? "add-checkpoint" : "/add-checkpoint");
}

// What a status that is no answer means, for whoever runs the log.
Error refused(const ledger::PolicyWitness& witness, const ledger::Checkpoint& head,
              const Answer& answer) {
  std::string means;
  switch (answer.status) {
    case 400: means = "it cannot read what it was asked"; break;
    case 403: means = "it knows this log by another key than the one that signs it"; break;
    case 404:
      means = "it does not watch `" + printable(head.origin) + "`, or is not at this URL";
      break;
    case 413: means = "it takes no request so large"; break;
    case 429: means = "it is asked too often"; break;
    default:
      if (answer.status >= 300 && answer.status < 400) {
        means = "it has moved; redirects are not followed";
      } else if (answer.status >= 500) {
        means = "it cannot cosign now";
      } else {
        means = "that is no answer of a witness";
      }
  }
  return Error(Code::Denied, printable(witness.url) + " answered " + std::to_string(answer.status) +
                                 ": " + means + " (" + printable(answer.body, 200) + ")");
}

// One witness asked until it has cosigned or there is nothing more to try. Gives its lines.
Result<std::string> ask(ledger::LedgerReader& reader, const ledger::PolicyWitness& witness,
                        const std::string& note_bytes, const ledger::Checkpoint& head,
                        const Post& post, WitnessNews& news) {
  TreeSize old(0);
  for (int i = 0; i < kTries; ++i) {
    ledger::AddCheckpoint request{old, {}, note_bytes};
    if (old.get() > 0 && old != head.size) {
      request.path = TRY(reader.consistency(old, head.size));
    }
    const Answer answer = TRY(post(url_of(witness), ledger::encode_add_checkpoint(request)));
    if (answer.status == 200) return answer.body;
    if (answer.status == 422) {
      news.differs = true;
      return Error(Code::Denied, "it knows another history of this log");
    }
    if (answer.status != 409) {
      return refused(witness, head, answer);
    }
    std::string_view body = answer.body;
    const auto line = ledger::take_text_line(body);
    const auto size = line ? ledger::parse_plain_number(*line) : std::nullopt;
    if (!size || !body.empty()) return Error(Code::Malformed, "its answer 409 names no size");
    if (*size > head.size.get()) {
      news.differs = true;
      return Error(Code::Denied, "it has seen " + std::to_string(*size) +
                                     " entries of this log, which has " +
                                     std::to_string(head.size.get()) +
                                     ": the log here was replaced by an older one");
    }
    old = TreeSize(*size);
  }
  return Error(Code::Unavailable, "others keep moving it on");
}

// How far a cosignature's time is from ours; 0 when that is little. A stranger gave it.
std::int64_t clock_ahead(std::uint64_t theirs, UnixMillis now) {
  constexpr std::uint64_t kEnd = std::numeric_limits<std::int64_t>::max() / 2;
  const std::int64_t ahead = static_cast<std::int64_t>(std::min(theirs, kEnd)) - now.get() / 1000;
  return ahead > kClockSkewSeconds || ahead < -kClockSkewSeconds ? ahead : 0;
}

}  // namespace

Result<Asked> ask_witnesses(ledger::LedgerReader& reader, ledger::Store& store,
                            const ledger::TrustPolicy& policy, const Post& post, UnixMillis now) {
  const ByteVec bytes = TRY(reader.file("checkpoint", ledger::kMaxNote));
  const ledger::Note note = TRY(ledger::parse_note(bytes));
  Asked asked;
  asked.head = TRY(ledger::verify_checkpoint(bytes, reader.log_key()));
  // Witnesses get the log's own lines only, not each other's.
  const std::string bare = note.text + "\n";
  std::string to_send = bare;
  for (const ledger::NoteSignature& line : note.signatures) {
    if (line.name == asked.head.origin) {
      to_send += ledger::signature_line(line.name, line.id, line.bytes);
    }
  }
  std::vector<ledger::Cosigned> by;
  for (std::size_t i = 0; i < policy.witnesses.size(); ++i) {
    const ledger::PolicyWitness& witness = policy.witnesses[i];
    WitnessNews news;
    news.name = witness.name;
    if (witness.url.empty()) {
      news.why = "the policy has no URL for it";
    } else {
      Result<std::string> lines = ask(reader, witness, to_send, asked.head, post, news);
      const Result<ledger::Note> answered =
          lines ? ledger::parse_note(as_bytes(std::string_view(bare + *lines)))
                : Result<ledger::Note>(lines.error());
      const Result<std::vector<ledger::Cosigned>> cosigned =
          answered ? ledger::verify_cosignatures(*answered, {&witness.key, 1})
                   : Result<std::vector<ledger::Cosigned>>(answered.error());
      if (!cosigned) {
        news.why = (lines ? "its answer is no cosignature: " : "") + cosigned.error().message();
      } else if (cosigned->empty()) {
        news.why = "its answer holds no line by its key";
      } else {
        for (const ledger::NoteSignature& line : answered->signatures) {
          if (line.name != witness.key.name || line.id != witness.key.id) continue;
          TRY(store.add_cosignatures(note.text,
                                     ledger::signature_line(line.name, line.id, line.bytes)));
        }
        news.cosigned = true;
        news.clock_ahead = clock_ahead(cosigned->front().unix_seconds, now);
        by.push_back({i, cosigned->front().unix_seconds});
      }
    }
    asked.witnesses.push_back(std::move(news));
  }
  asked.met = ledger::quorum_met(policy, by);
  return asked;
}

}  // namespace writ::witness
