#include "writ/witness_report.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/fd.h"
#include "json/read.h"

namespace writ::cli {
namespace {

std::string ago(UnixMillis then, UnixMillis now) {
  const std::int64_t seconds = now.get() / 1000 - then.get() / 1000;
  if (seconds < 0) return "at " + to_rfc3339(then) + ", which is yet to come";
  if (seconds < 120) return fmt::format("{} s ago", seconds);
  if (seconds < 7'200) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} h ago", seconds / 3'600);
  return fmt::format("{} days ago", seconds / 86'400);
}

std::optional<AskedWitness> witness_in(const json::Value& value) {
  const json::Value* name = value.find("name");
  const json::Value* cosigned = value.find("cosigned");
  const json::Value* differs = value.find("differs");
  const json::Value* why = value.find("why");
  const json::Value* ahead = value.find("clock_ahead");
  if (name == nullptr || name->as_string() == nullptr || cosigned == nullptr ||
      !cosigned->as_bool() || differs == nullptr || !differs->as_bool() || why == nullptr ||
      why->as_string() == nullptr || ahead == nullptr || !ahead->as_int64()) {
    return {};
  }
  return AskedWitness{*name->as_string(), *cosigned->as_bool(), *differs->as_bool(),
                      *why->as_string(), *ahead->as_int64()};
}

}  // namespace

json::Value to_json(const WitnessReport& report) {
  json::Value list = json::Value::array();
  for (const AskedWitness& witness : report.witnesses) {
    json::Value one = json::Value::object();
    one.set("name", printable(witness.name)).set("cosigned", witness.cosigned);
    one.set("differs", witness.differs).set("why", printable(witness.why, 500));
    one.set("clock_ahead", witness.clock_ahead);
    list.push(std::move(one));
  }
  json::Value value = json::Value::object();
  value.set("schema", 0).set("ok", report.met).set("size", report.size);
  value.set("quorum", report.quorum).set("asked", report.asked.get());
  value.set("witnesses", std::move(list));
  if (report.met_at) value.set("met_at", report.met_at->get()).set("met_size", report.met_size);
  return value;
}

Result<WitnessReport> parse_witness_report(Bytes bytes) {
  const json::Value value = TRY(json::read(as_text(bytes), {.bytes = kMaxWitnessReport}));
  const json::Value* met = value.find("ok");
  const json::Value* size = value.find("size");
  const json::Value* quorum = value.find("quorum");
  const json::Value* asked = value.find("asked");
  const json::Value* witnesses = value.find("witnesses");
  if (met == nullptr || !met->as_bool() || size == nullptr || !size->as_uint64() ||
      quorum == nullptr || !quorum->as_bool() || asked == nullptr || !asked->as_int64() ||
      witnesses == nullptr || witnesses->as_array() == nullptr) {
    return Error(Code::Malformed, "no report of asking witnesses");
  }
  WitnessReport report;
  report.asked = UnixMillis(*asked->as_int64());
  report.size = *size->as_uint64();
  report.met = *met->as_bool();
  report.quorum = *quorum->as_bool();
  for (const json::Value& one : *witnesses->as_array()) {
    std::optional<AskedWitness> witness = witness_in(one);
    if (!witness) return Error(Code::Malformed, "no report of asking witnesses");
    report.witnesses.push_back(std::move(*witness));
  }
  const json::Value* met_at = value.find("met_at");
  const json::Value* met_size = value.find("met_size");
  if (met_at != nullptr && met_at->as_int64() && met_size != nullptr && met_size->as_uint64()) {
    report.met_at = UnixMillis(*met_at->as_int64());
    report.met_size = *met_size->as_uint64();
  }
  return report;
}

std::string sentence_of(const WitnessReport& report, std::uint64_t size, UnixMillis now) {
  std::string by, not_by;
  for (const AskedWitness& witness : report.witnesses) {
    std::string& list = witness.cosigned ? by : not_by;
    list += (list.empty() ? "" : "; ") + printable(witness.name);
    if (!witness.cosigned) list += ": " + printable(witness.why, 300);
    if (witness.clock_ahead != 0) {
      const bool behind = witness.clock_ahead < 0;
      const auto seconds = static_cast<std::uint64_t>(witness.clock_ahead);
      list += fmt::format(" (its clock is {} s {} ours)", behind ? 0 - seconds : seconds,
                          behind ? "behind" : "ahead of");
    }
  }
  std::string text = fmt::format("head {} asked {}: {}", report.size, ago(report.asked, now),
                                 !report.met     ? "not cosigned as the policy asks"
                                 : report.quorum ? "cosigned as the policy asks"
                                                 : "the policy goes on without");
  if (!by.empty()) text += ", by " + by;
  if (!not_by.empty()) text += "; not by " + not_by;
  if (!report.met) {
    text += report.met_at ? fmt::format("; last as it asks: head {}, {}", report.met_size,
                                        ago(*report.met_at, now))
                          : "; never yet";
  }
  if (size > report.size) text += fmt::format("; {} entries since", size - report.size);
  return text;
}

}  // namespace writ::cli
