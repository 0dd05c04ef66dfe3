// ledger show: entries as lines or JSON, filtered and followed, or the story of runs as trees.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <map>
#include <set>

#include "base/config_text.h"
#include "ledger/store/reader.h"
#include "lineage/story.h"
#include "permit/permit.h"
#include "writ/event_json.h"
#include "writ/ledger_files.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

constexpr int kFollowMillis = 100;

std::string last_component(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// is_program: the run's first program has this name, as it was resolved or as it was asked for.
bool is_program(ledger::LedgerReader& reader, const ledger::Event& event, const std::string& name) {
  const std::string& command = event.as<ledger::Admission>()->command;
  if (command == name || last_component(command) == name) return true;
  const Result<ledger::Side> side = reader.side(event.id());
  const ByteVec* bytes = side ? side->get("argv") : nullptr;
  if (bytes == nullptr) return false;
  const Result<std::vector<std::string>> argv = ledger::decode_list(*bytes);
  return argv && !argv->empty() && ((*argv)[0] == name || last_component((*argv)[0]) == name);
}

// above_of names who stands above a run, as its permit says; nothing when the permit is not there.
lineage::Above above_of(ledger::LedgerReader& reader, const ledger::Event& event) {
  const ledger::Admission* admission = event.as<ledger::Admission>();
  if (admission == nullptr) return {};
  const Result<ByteVec> file = reader.object(admission->permit_file, permit::kMaxPermitFile);
  if (!file) return {};
  const permit::Read read = permit::read_permit(*file);
  const permit::Permit* permit = std::get_if<permit::Permit>(&read);
  if (permit == nullptr) return {};
  return {permit->claims.issuer, permit->claims.subject};
}

// A moment: RFC 3339 in UTC, or how long ago ("10m").
Result<std::int64_t> moment(const std::string& text, const Clock& clock) {
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (rest != nullptr && *rest == '\0') return std::int64_t{::timegm(&parts)} * 1000;
  const Result<std::uint64_t> ago = parse_duration_ms(text);
  if (!ago || *ago > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return Error(Code::InvalidArgument, "`" + printable(text) +
                                            "` is neither a time (2026-01-31T12:00:00Z) nor how "
                                            "long ago (10m)");
  }
  return clock.now().get() - static_cast<std::int64_t>(*ago);
}

std::string all_kinds() {
  std::string names;
  for (std::size_t i = 0; i < ledger::kEventKinds; ++i) {
    names += (i == 0 ? "" : " ");
    names += ledger::kind_name(static_cast<ledger::EventKind>(i));
  }
  return names;
}

// Which entries are wanted, by what stands in them.
struct Filter {
  std::optional<ledger::EventKind> kind;
  std::string permit;  // the start of its id in hex
  std::int64_t since = std::numeric_limits<std::int64_t>::min();
  std::int64_t until = std::numeric_limits<std::int64_t>::max();
  LeafIndex from = LeafIndex(0);
  LeafIndex to = LeafIndex(std::numeric_limits<std::uint64_t>::max());

  bool takes(LeafIndex index, const ledger::Event& event) const {
    if (index < from || index > to) return false;
    if (kind && event.kind() != *kind) return false;
    if (event.time().get() < since || event.time().get() > until) return false;
    if (permit.empty()) return true;
    const auto* authority = std::get_if<ledger::PermitAuthority>(&event.authority());
    return authority != nullptr && to_hex(authority->permit).starts_with(permit);
  }
};

Result<Filter> filter_of(const LedgerOptions& options, const Clock& clock) {
  Filter filter;
  if (!options.kind.empty()) {
    filter.kind = ledger::find_kind(options.kind);
    if (!filter.kind) {
      return Error(Code::InvalidArgument, "`" + printable(options.kind) +
                                              "` is no kind of event; these are: " + all_kinds());
    }
  }
  filter.permit = options.permit;
  if (filter.permit.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return Error(Code::InvalidArgument,
                 "`" + printable(filter.permit) + "` is not the start of a permit id");
  }
  if (!options.since.empty()) filter.since = TRY(moment(options.since, clock));
  if (!options.until.empty()) filter.until = TRY(moment(options.until, clock));
  if (const auto range = TRY(entry_range(options))) {
    filter.from = range->first;
    filter.to = range->second;
  }
  return filter;
}

// Which runs are wanted. Entries come in their order, a run's admission before all else of it.
class Runs {
 public:
  Runs(ledger::LedgerReader& reader, const std::string& program, std::optional<RunId> only)
      : reader_(reader), program_(program), only_(only) {}

  bool all() const { return !only_ && program_.empty(); }
  bool takes(const ledger::Event& event) {
    if (all()) return true;
    const RunId& run = event.id().run;
    if (only_ && run != *only_) return false;
    if (event.kind() == ledger::EventKind::Admission &&
        (program_.empty() || is_program(reader_, event, program_))) {
      seen_.insert(run);
    }
    return seen_.contains(run);
  }
  bool none() const { return !all() && seen_.empty(); }

 private:
  ledger::LedgerReader& reader_;
  const std::string program_;
  const std::optional<RunId> only_;
  std::set<RunId> seen_;
};

// The last run; of this program, when one is named.
Result<std::optional<RunId>> last_run(ledger::LedgerReader& reader, const std::string& program) {
  std::optional<RunId> last;
  const auto look = [&](LeafIndex, Bytes entry) -> Result<bool> {
    const ledger::Event event = TRY(ledger::decode_event(entry));
    if (event.kind() == ledger::EventKind::Admission &&
        (program.empty() || is_program(reader, event, program))) {
      last = event.id().run;
    }
    return true;
  };
  TRY(reader.for_each(LeafIndex(0), look));
  return last;
}

// Whoever read standard output has gone. Waits a moment for it: the pace of --follow.
bool reader_gone() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, kFollowMillis) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

std::optional<ledger::Side> side_of(ledger::LedgerReader& reader, const ledger::EventId& id) {
  Result<ledger::Side> kept = reader.side(id);
  if (!kept) return {};
  return std::move(*kept);
}

Result<int> no_such_run(const Options& options) {
  if (!options.quiet) say("writ: the ledger holds no such run");
  if (options.json && !options.ledger.follow) answer("{\"schema\":0,\"entries\":[]}");
  return kNo;
}

Result<int> show_trees(ledger::LedgerReader& reader, Runs& runs, const Options& options) {
  std::vector<RunId> order;
  std::map<RunId, std::vector<lineage::Step>> steps;
  const auto take = [&](LeafIndex, Bytes entry) -> Result<bool> {
    const ledger::Event event = TRY(ledger::decode_event(entry));
    if (!event.in_run() || !runs.takes(event)) return true;
    const auto [at, added] = steps.try_emplace(event.id().run);
    if (added) order.push_back(event.id().run);
    at->second.push_back({event, side_of(reader, event.id())});
    return true;
  };
  TRY(reader.for_each(LeafIndex(0), take));
  if (runs.none() || order.empty()) return no_such_run(options);
  for (const RunId& run : order) {
    std::vector<lineage::Step>& of_run = steps[run];
    lineage::Above above = above_of(reader, of_run.front().event);
    const lineage::Story story = TRY(lineage::Story::build(std::move(of_run), std::move(above)));
    for (const std::string& line : story.lines()) answer(line);
  }
  return kYes;
}

}  // namespace

Result<int> ledger_show(const Options& options, Machine& machine) {
  const LedgerOptions& asked = options.ledger;
  const Filter filter = TRY(filter_of(asked, machine.clock));
  const bool filtered = filter.kind || !filter.permit.empty() || !asked.since.empty() ||
                        !asked.until.empty() || asked.from || asked.to;
  if (options.tree && (filtered || asked.follow || options.json)) {
    return Error(Code::InvalidArgument,
                 "--tree draws whole runs: it goes with a run, --last and --command only");
  }
  if (options.last && (asked.follow || !options.target.empty())) {
    return Error(Code::InvalidArgument, "--last is one run that is known; name it, or follow");
  }
  std::optional<RunId> only;
  if (!options.target.empty()) only = TRY(parse_run_id(options.target));
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  if (options.last) {
    only = TRY(last_run(*reader, options.program));
    if (!only) return no_such_run(options);
  }
  Runs runs(*reader, options.program, only);
  if (options.tree) return show_trees(*reader, runs, options);

  // A run's entries are known by its admission, which may stand before the first entry wanted.
  LeafIndex next = runs.all() ? filter.from : LeafIndex(0);
  std::string entries;
  const auto take = [&](LeafIndex index, Bytes entry) -> Result<bool> {
    if (index > filter.to) return false;
    next = LeafIndex(index.get() + 1);
    const ledger::Event event = TRY(ledger::decode_event(entry));
    if (!runs.takes(event) || !filter.takes(index, event)) return true;
    if (!options.json) {
      answer(fmt::format("{:>6}  {}  {}", index.get(), to_rfc3339(event.time()),
                         ledger::describe(event)));
      return true;
    }
    const std::optional<ledger::Side> side = side_of(*reader, event.id());
    const std::string line = json_line(event_json(index, event, side ? &*side : nullptr));
    if (asked.follow) {
      answer(line);
    } else {
      entries += (entries.empty() ? "" : ",") + line;
    }
    return true;
  };
  TRY(reader->for_each(next, take));
  while (asked.follow && next <= filter.to && !reader_gone()) {
    TRY(reader->for_each(next, take));
  }
  if (runs.none()) return no_such_run(options);
  if (options.json && !asked.follow) answer("{\"schema\":0,\"entries\":[" + entries + "]}");
  return kYes;
}

}  // namespace writ::cli
