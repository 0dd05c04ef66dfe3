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
#include "writ/log_search.h"
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

Result<ledger::EntryQuery> query_of(const LedgerOptions& options, const Clock& clock) {
  ledger::EntryQuery query;
  if (!options.kind.empty()) {
    query.kind = ledger::find_kind(options.kind);
    if (!query.kind) {
      return Error(Code::InvalidArgument, "`" + printable(options.kind) +
                                              "` is no kind of event; these are: " + all_kinds());
    }
  }
  query.permit = options.permit;
  if (query.permit.find_first_not_of("0123456789abcdef") != std::string::npos ||
      query.permit.size() > 64) {
    return Error(Code::InvalidArgument,
                 "`" + printable(query.permit) + "` is not the start of a permit id");
  }
  query.reason = options.reason;
  if (!query.reason.empty() && !find_reason(query.reason) && !find_end(query.reason)) {
    return Error(Code::InvalidArgument, "`" + printable(query.reason) +
                                            "` is no reason code: writ explain --codes lists them");
  }
  if (!options.since.empty()) query.since = TRY(moment(options.since, clock));
  if (!options.until.empty()) query.until = TRY(moment(options.until, clock));
  if (const auto range = TRY(entry_range(options))) {
    query.from = range->first;
    query.to = range->second;
  }
  return query;
}

// Which runs are wanted: all, one, or those of a program.
class Runs {
 public:
  Runs(ledger::LedgerReader& reader, const std::string& program, std::optional<RunId> only)
      : reader_(reader), program_(program), only_(only) {}

  // look finds those that the ledger holds now.
  Result<void> look(ledger::Search& search) {
    if (all()) return {};
    const auto take = [&](LeafIndex, const ledger::Event& event, Bytes) -> Result<bool> {
      (void)takes(event);
      return true;
    };
    return search.each({.kind = ledger::EventKind::Admission, .run = only_}, take);
  }
  bool all() const { return !only_ && program_.empty(); }
  bool takes(const ledger::Event& event) {
    if (all()) return true;
    const RunId& run = event.id().run;
    if (only_ && run != *only_) return false;
    if (event.kind() == ledger::EventKind::Admission && !seen_.contains(run) &&
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
Result<std::optional<RunId>> last_run(ledger::Search& search, ledger::LedgerReader& reader,
                                      const std::string& program) {
  std::optional<RunId> last;
  const auto accept = [&](LeafIndex, const ledger::Event& event) {
    if (!program.empty() && !is_program(reader, event, program)) return false;
    last = event.id().run;
    return true;
  };
  (void)TRY(search.newest({.kind = ledger::EventKind::Admission}, accept));
  return last;
}

// Whoever read standard output has gone. Waits a moment for it: the pace of --follow.
bool reader_gone() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, kFollowMillis) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

// Shows what is there and stays for what comes, until the last entry that is wanted.
Result<void> follow(ledger::LedgerReader& reader, const ledger::EntryQuery& query,
                    const ledger::Search::Visit& visit) {
  LeafIndex next = query.from;
  const auto take = [&](LeafIndex index, Bytes entry) -> Result<bool> {
    if (index > query.to) return false;
    next = LeafIndex(index.get() + 1);
    const ledger::Event event = TRY(ledger::decode_event(entry));
    return query.takes(index, event) ? visit(index, event, entry) : Result<bool>(true);
  };
  do {
    TRY(reader.for_each(next, take));
  } while (next <= query.to && !reader_gone());
  return {};
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

Result<int> show_trees(ledger::Search& search, ledger::LedgerReader& reader, Runs& runs,
                       std::optional<RunId> only, const Options& options) {
  std::vector<RunId> order;
  std::map<RunId, std::vector<lineage::Step>> steps;
  const auto take = [&](LeafIndex, const ledger::Event& event, Bytes) -> Result<bool> {
    if (!event.in_run() || !runs.takes(event)) return true;
    const auto [at, added] = steps.try_emplace(event.id().run);
    if (added) order.push_back(event.id().run);
    at->second.push_back({event, side_of(reader, event.id())});
    return true;
  };
  TRY(search.each({.run = only}, take));
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
  ledger::EntryQuery query = TRY(query_of(asked, machine.clock));
  const bool filtered = query.narrow() || asked.from || asked.to;
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
  LogSearch search(options, machine, *reader);
  if (options.last) {
    only = TRY(last_run(*search, *reader, options.program));
    if (!only) return no_such_run(options);
  }
  Runs runs(*reader, options.program, only);
  TRY(runs.look(*search));
  if (options.tree) return show_trees(*search, *reader, runs, only, options);
  query.run = only;
  std::string entries;
  const auto take = [&](LeafIndex index, const ledger::Event& event, Bytes) -> Result<bool> {
    if (!runs.takes(event)) return true;
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
  if (asked.follow) {
    TRY(follow(*reader, query, take));
  } else {
    TRY(search->each(query, take));
  }
  if (runs.none()) return no_such_run(options);
  if (options.json && !asked.follow) answer("{\"schema\":0,\"entries\":[" + entries + "]}");
  return kYes;
}

}  // namespace writ::cli
