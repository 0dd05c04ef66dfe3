// doctor: what this machine offers, found by really trying, and what is missing; version.
#include <fmt/format.h>

#include "base/fd.h"
#include "enforce/probe.h"
#include "governor/config.h"
#include "governor/keystore.h"
#include "governor/standing.h"
#include "ledger/store/reader.h"
#include "permit/claims.h"
#include "writ/print.h"
#include "writ/verbs.h"
#include "writ/witness_report.h"

namespace writ::cli {
namespace {

struct Line {
  std::string what;
  bool good = true;
  std::string how;
};

// How witnesses answered when they were last asked; nothing when they never were. Good as far as
// the policy they were asked under says so.
std::optional<Line> look_at_witnesses(const Machine& machine, std::uint64_t size) {
  const Result<ByteVec> bytes =
      read_file(machine.home.state + "/" + kWitnessReport, kMaxWitnessReport);
  if (!bytes && bytes.error().code() == Code::NotFound) return {};
  if (!bytes) return Line{"witnesses", false, bytes.error().message()};
  const Result<WitnessReport> report = parse_witness_report(*bytes);
  if (!report) {
    return Line{"witnesses", false,
                std::string("`") + kWitnessReport + "`: " + report.error().message() +
                    "; writ witness ask writes it anew"};
  }
  return Line{"witnesses", report->met, sentence_of(*report, size, machine.clock.now())};
}

std::vector<Line> look(const Machine& machine, const enforce::Capabilities& kernel) {
  std::vector<Line> lines;
  std::string missing;
  for (const std::string& name : kernel.missing()) missing += (missing.empty() ? "" : ", ") + name;
  lines.push_back({"tier sandbox", kernel.sandbox_ready(),
                   kernel.sandbox_ready() ? "ready" : "not here: missing " + missing});
  lines.push_back({"tier kernel", true, "not offered by this version"});
  lines.push_back(
      {"limits", true, "memory: no (use process_memory)   tasks: yes   wall: yes   cpu: yes"});
  const Result<governor::Config> config = governor::load_config(machine.home);
  if (!config) {
    lines.push_back({"configuration", false, config.error().message()});
    return lines;
  }
  lines.push_back({"configuration", true, machine.home.config});
  for (const std::string_view key :
       {governor::kAuthorityKey, governor::kRunnerKey, governor::kLogKey}) {
    const Result<bool> sealed = governor::key_is_sealed(machine.home, key);
    const Result<void> own = governor::check_private(machine.home.key_file(key), true);
    const std::string name = fmt::format("key {}", key);
    if (!own) {
      lines.push_back({name, false, own.error().message()});
    } else if (!sealed) {
      lines.push_back({name, false, sealed.error().message()});
    } else if (key == governor::kAuthorityKey && !*sealed) {
      lines.push_back({name, true, "open: any process of this account can sign permits with it"});
    } else {
      lines.push_back({name, true, *sealed ? "sealed" : "open"});
    }
  }
  const Result<std::vector<std::string>> domains = governor::list_domains(machine.home);
  if (domains) {
    for (const std::string& domain : *domains) {
      const Result<governor::MaybeStanding> standing =
          governor::load_standing(machine.home, domain);
      const Denial* no = standing ? std::get_if<Denial>(&*standing) : nullptr;
      lines.push_back(
          {"domain " + domain, standing && no == nullptr,
           !standing ? standing.error().message()
           : no != nullptr
               ? no->because
               : "policy generation " +
                     std::to_string(std::get<governor::Standing>(*standing).generation)});
    }
  }
  const auto reader = ledger::LedgerReader::open(machine.storage, machine.home.state);
  if (!reader) {
    lines.push_back({"ledger", false, reader.error().message()});
  } else {
    const Result<ledger::Checkpoint> head = (*reader)->head();
    std::string room = "?";
    if (Result<UniqueFd> dir = machine.storage.open_dir(FdRef::cwd(), machine.home.state); dir) {
      if (Result<std::uint64_t> free = machine.storage.free_bytes(dir->borrow()); free) {
        room = fmt::format("{:.1f} GB", static_cast<double>(*free) / 1e9);
      }
    }
    const std::optional<Line> witnesses = look_at_witnesses(machine, head ? head->size.get() : 0);
    lines.push_back({"ledger", head.has_value(),
                     head ? fmt::format("\"{}\", head {} signed, {} free{}", head->origin,
                                        head->size.get(), room, witnesses ? "" : ", no witness")
                          : head.error().message()});
    if (witnesses) lines.push_back(*witnesses);
  }
  return lines;
}

}  // namespace

Result<int> doctor(const Options& options, Machine& machine) {
  const enforce::Capabilities kernel = enforce::probe();
  const std::vector<Line> lines = look(machine, kernel);
  bool good = true;
  json::Value list = json::Value::array();
  for (const Line& line : lines) {
    good = good && line.good;
    if (options.json) {
      json::Value one = json::Value::object();
      one.set("what", line.what).set("ok", line.good).set("how", line.how);
      list.push(std::move(one));
    } else if (!options.quiet) {
      answer(fmt::format("{:<14} {}", line.what, printable(line.how, 500)));
    }
  }
  json::Value mechanisms = json::Value::array();
  for (const enforce::Mechanism& mechanism : kernel.mechanisms) {
    if (options.json) {
      json::Value one = json::Value::object();
      one.set("name", mechanism.name).set("present", mechanism.present);
      one.set("detail", mechanism.detail);
      mechanisms.push(std::move(one));
    } else if (!options.quiet) {
      answer(fmt::format("  {:<26} {:<4} {}", mechanism.name, mechanism.present ? "yes" : "no",
                         printable(mechanism.detail, 300)));
    }
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("ok", good).set("checks", std::move(list));
    value.set("mechanisms", std::move(mechanisms));
    put_answer(value);
  }
  return good ? kYes : kNo;
}

Result<int> version(const Options& options) {
  if (options.json) {
    json::Value value = new_answer();
    value.set("version", WRIT_VERSION).set("permit", permit::kPermitVersion);
    value.set("ledger", 0).set("plan", 0).set("control", 0);
    put_answer(value);
    return kYes;
  }
  answer(std::string("writ ") + WRIT_VERSION);
  answer("formats: permit 0, policy bundle 0, ledger entry 0, plan 0, records 0, control 0");
  return kYes;
}

}  // namespace writ::cli
