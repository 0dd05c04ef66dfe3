#include "writ/ledger_files.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "base/fd.h"

namespace writ::cli {

namespace {

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

// An event's name, in exactly its form.
std::optional<ledger::EventId> event_named(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return {};
  const std::string run = text.substr(0, slash);
  const std::string rest = text.substr(slash + 1);
  const std::optional<std::uint64_t> seq = number_in(rest);
  if (!seq || std::to_string(*seq) != rest) return {};
  if (run == "-" || run == "outside") return ledger::EventId{ledger::kNoRun, Seq(*seq)};
  const Result<RunId> id = parse_run_id(run);
  if (!id || *id == ledger::kNoRun) return {};
  return ledger::EventId{*id, Seq(*seq)};
}

}  // namespace

Result<LeafIndex> find_entry(ledger::Search& search, const std::string& text) {
  if (const auto number = number_in(text)) return LeafIndex(*number);
  if (const auto event = event_named(text)) {
    std::optional<LeafIndex> found;
    const auto take = [&](LeafIndex index, const ledger::Event&, Bytes) -> Result<bool> {
      found = index;
      return false;
    };
    TRY(search.each({.run = event->run, .seq = event->seq}, take));
    if (found) return *found;
  }
  return Error(Code::NotFound, "the ledger has no event `" + printable(text) + "`");
}

Result<std::optional<std::pair<LeafIndex, LeafIndex>>> entry_range(const LedgerOptions& options) {
  if (!options.from && !options.to) return std::optional<std::pair<LeafIndex, LeafIndex>>{};
  const std::uint64_t from = options.from.value_or(0);
  const std::uint64_t to = options.to.value_or(std::numeric_limits<std::uint64_t>::max());
  if (from > to) {
    return Error(Code::InvalidArgument,
                 "there is no entry from " + std::to_string(from) + " to " + std::to_string(to));
  }
  return std::optional(std::pair(LeafIndex(from), LeafIndex(to)));
}

Result<std::optional<ledger::VerifierKey>> log_key_given(const Options& options) {
  if (options.log_key.empty()) return std::optional<ledger::VerifierKey>{};
  Result<ledger::VerifierKey> key = ledger::parse_vkey(options.log_key);
  if (!key) return Error(Code::InvalidArgument, "--log-key: " + key.error().message());
  return std::optional(std::move(*key));
}

Result<ledger::TrustPolicy> policy_given(const Options& options) {
  if (!options.ledger.policy.empty()) {
    const ByteVec text = TRY(read_file(options.ledger.policy, ledger::kMaxTrustPolicy));
    Result<ledger::TrustPolicy> policy = ledger::parse_trust_policy(as_text(text));
    if (!policy) return std::move(policy).error().context(printable(options.ledger.policy));
    return policy;
  }
  if (const auto key = TRY(log_key_given(options))) return ledger::policy_of(*key);
  return Error(Code::InvalidArgument, "whom to trust?  --log-key VKEY or --policy FILE");
}

Result<std::optional<KeptHead>> kept_head_given(const Options& options) {
  const std::string& path = options.ledger.head;
  if (path.empty()) return std::optional<KeptHead>{};
  ByteVec bytes = TRY(read_file(path, ledger::kMaxNote));
  const auto read = [&]() -> Result<ledger::Checkpoint> {
    const ledger::Note note = TRY(ledger::parse_note(bytes));
    return ledger::parse_checkpoint(note.text);
  };
  Result<ledger::Checkpoint> checkpoint = read();
  if (!checkpoint) return std::move(checkpoint).error().context(printable(path));
  return std::optional(KeptHead{std::move(bytes), std::move(*checkpoint)});
}

Result<RunId> find_run(const Options& options, ledger::LedgerReader& reader, const char* verb) {
  if (options.last == !options.target.empty()) {
    return Error(Code::InvalidArgument,
                 std::string("which run?  writ ") + verb + " RUN, or --last");
  }
  if (const Result<RunId> whole = parse_run_id(options.target)) return *whole;
  std::vector<RunId> fit;
  TRY(reader.for_each(LeafIndex(0), [&](LeafIndex, Bytes entry) -> Result<bool> {
    const Result<ledger::Event> event = ledger::decode_event(entry);
    if (!event || event->kind() != ledger::EventKind::Admission) return true;
    if (options.last) fit.clear();
    if (to_string(event->id().run).starts_with(options.target)) fit.push_back(event->id().run);
    return true;
  }));
  const std::string named = options.last ? "" : " `" + printable(options.target, 40) + "`";
  if (fit.empty()) return Error(Code::NotFound, "the ledger has no run" + named);
  if (fit.size() == 1) return fit.front();
  return Error(Code::InvalidArgument, fmt::format("{} runs begin with{}: {}, {} …", fit.size(),
                                                  named, to_string(fit[0]), to_string(fit[1])));
}

}  // namespace writ::cli
