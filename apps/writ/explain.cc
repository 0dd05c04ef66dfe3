// explain: why something was refused or how it came to be, from the ledger and its clear text.
#include <fmt/format.h>

#include "governor/inquiry.h"
#include "ledger/store/reader.h"
#include "writ/event_json.h"
#include "writ/ledger_files.h"
#include "writ/log_search.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

struct Found {
  LeafIndex index;
  ledger::Event event;
};

Result<Found> find(const Options& options, Machine& machine, ledger::LedgerReader& reader) {
  LogSearch search(options, machine, reader);
  LeafIndex index;
  if (options.last) {
    const auto last = TRY(
        search->newest({.refused = true}, [](LeafIndex, const ledger::Event&) { return true; }));
    if (!last) return Error(Code::NotFound, "nothing was refused, as far as the ledger goes");
    index = *last;
  } else {
    index = TRY(find_entry(*search, options.target));
  }
  const ByteVec entry = TRY(reader.entry(index));
  return Found{index, TRY(ledger::decode_event(entry))};
}

// The clear text of one name, when it is kept and is what the entry commits to.
std::string kept(const std::optional<ledger::Side>& side, const char* name) {
  const ByteVec* bytes = side ? side->get(name) : nullptr;
  return bytes == nullptr ? "" : std::string(as_text(*bytes));
}

int all_codes(const Options& options) {
  json::Value list = json::Value::array();
  for (const ReasonRow& row : all_reasons()) {
    if (options.json) {
      json::Value one = json::Value::object();
      one.set("code", row.code).set("group", group_name(row.group));
      one.set("meaning", row.meaning).set("remedy", row.remedy);
      list.push(std::move(one));
    } else {
      answer(fmt::format("{:<9} {:<22} {}", group_name(row.group), row.code, row.meaning));
      if (!row.remedy.empty()) answer(fmt::format("{:<32} to allow: {}", "", row.remedy));
    }
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("codes", std::move(list));
    put_answer(value);
  }
  return kYes;
}

}  // namespace

Result<int> explain(const Options& options, Machine& machine) {
  if (options.codes) return all_codes(options);
  if (options.target.empty() && !options.last) {
    return Error(Code::InvalidArgument, "explain what?  writ explain EVENT | --last | --codes");
  }
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  const Found found = TRY(find(options, machine, *reader));
  const ledger::Event& event = found.event;
  std::optional<ledger::Side> side;
  if (Result<ledger::Side> read = reader->side(event.id()); read) side = std::move(*read);
  if (options.json) {
    json::Value value = new_answer();
    value.set("event", event_json(found.index, event, side ? &*side : nullptr));
    put_answer(value);
    return kYes;
  }
  Denial denial;
  DenialMore more;
  more.record = fmt::format("entry {}, {}, {}", found.index.get(), ledger::to_string(event.id()),
                            to_rfc3339(event.time()));
  denial.asked = kept(side, "asked");
  denial.allow = kept(side, "allow");
  std::string head = "denied";
  if (const auto* body = event.as<ledger::Denial>()) {
    denial.reason = body->reason;
    denial.because = kept(side, "sentence");
  } else if (const auto* refusal = event.as<ledger::Refusal>()) {
    denial.reason = refusal->reason;
    denial.because = kept(side, "because");
  } else {
    answer(ledger::describe(event));
    if (const auto* end = event.as<ledger::End>()) {
      answer(fmt::format("  {:<9}  {}", "meaning", describe(end->reason).meaning));
      const std::string detail = kept(side, "detail");
      if (!detail.empty()) answer(fmt::format("  {:<9}  {}", "because", printable(detail, 1000)));
    }
    if (event.parent()) {
      answer(fmt::format("  {:<9}  {}", "cause", ledger::to_string(*event.parent())));
    }
    answer(fmt::format("  {:<9}  {}", "record", more.record));
    return kYes;
  }
  if (denial.asked.empty()) denial.asked = "(its text was erased)";
  if (denial.because.empty()) denial.because = describe(denial.reason).meaning;
  if (denial.allow.empty()) denial.allow = describe(denial.reason).remedy;
  answer(lines_of(denial, more, head).substr(std::string("writ: ").size()));
  return kYes;
}

Result<int> explain_inside(const Options& options) {
  if (options.codes) return all_codes(options);
  if (options.target.empty() && !options.last) {
    return Error(Code::InvalidArgument, "explain what?  writ explain EVENT | --last | --codes");
  }
  const governor::InquiryAnswer told = TRY(governor::inquire(governor::AskRefusals{}));
  for (const governor::Told& one : told.refusals) {
    const bool meant = options.last || options.target == std::to_string(one.leaf.get()) ||
                       options.target == ledger::to_string(one.event);
    if (!meant) continue;
    if (options.json) {
      put_answer(as_json(one));
    } else {
      answer(lines_of(one, run_and_permit(told.run, told.permit))
                 .substr(std::string("writ: ").size()));
    }
    return kYes;
  }
  return Error(Code::NotFound, options.last ? "nothing of this run was refused so far"
                                            : "it is none of the last " +
                                                  std::to_string(told.refusals.size()) +
                                                  " refusals of this run");
}

}  // namespace writ::cli
