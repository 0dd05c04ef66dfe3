#include "writ/event_json.h"

#include "base/clock.h"

namespace writ::cli {
namespace {

using json::Value;

Value counts_json(const ledger::GateCounts& counts) {
  Value value = Value::object();
  value.set("asked", counts.asked).set("refused", counts.refused).set("failed", counts.failed);
  value.set("vanished", counts.vanished).set("violated", counts.violated);
  value.set("released", counts.released).set("exec_stops", counts.exec_stops);
  return value;
}

// One overload a kind: what its body says in the clear. Salted digests say nothing to people.
struct BodyJson {
  Value& out;
  void operator()(const ledger::Genesis& body) {
    out.set("origin", body.origin).set("vkey", body.vkey);
  }
  void operator()(const ledger::Key& body) {
    out.set("role", body.role).set("name", body.name).set("key", to_hex(body.key));
    out.set("act", body.act == ledger::Key::Act::Added ? "added" : "retired");
  }
  void operator()(const ledger::Trust& body) {
    out.set("name", body.name).set("key", to_hex(body.key)).set("ceiling", to_hex(body.ceiling));
    out.set("act", body.act == ledger::Trust::Act::Added ? "added" : "removed");
  }
  void operator()(const ledger::Domain& body) {
    out.set("domain", body.name).set("definition", to_hex(body.definition));
  }
  void operator()(const ledger::Policy& body) {
    out.set("domain", body.domain).set("bundle", to_hex(body.bundle));
    out.set("generation", body.generation);
  }
  void operator()(const ledger::Admission& body) {
    out.set("domain", body.domain).set("tier", body.tier).set("host", body.host);
    Value mechanisms = Value::array();
    for (const std::string& name : body.mechanisms) mechanisms.push(name);
    out.set("mechanisms", std::move(mechanisms)).set("command", body.command);
    out.set("permit_file", to_hex(body.permit_file)).set("plan", to_hex(body.plan));
    out.set("policy", to_hex(body.policy)).set("inputs", to_hex(body.inputs));
  }
  void operator()(const ledger::Denial& body) {
    out.set("domain", body.domain).set("reason", code_of(body.reason));
    if (body.permit) out.set("permit", to_hex(*body.permit));
  }
  void operator()(const ledger::Exec& body) {
    out.set("pid", body.pid).set("path", body.path).set("file", to_hex(body.file));
    if (body.script) out.set("script", to_hex(*body.script));
    out.set("produced", body.produced).set("ancestry_lost", body.ancestry_lost);
  }
  void operator()(const ledger::Refusal& body) {
    out.set("reason", code_of(body.reason)).set("gate", body.gate).set("pid", body.pid);
    if (body.file) out.set("file", to_hex(*body.file));
  }
  void operator()(const ledger::Connect& body) {
    out.set("pid", body.pid).set("protocol", body.protocol);
  }
  void operator()(const ledger::Listen& body) {
    out.set("pid", body.pid).set("protocol", body.protocol);
  }
  void operator()(const ledger::Call& body) {
    out.set("server", body.server).set("tool", body.tool);
  }
  void operator()(const ledger::Approval& body) {
    out.set("approver", to_hex(body.approver)).set("allowed", body.allowed);
  }
  void operator()(const ledger::Delegation& body) { out.set("child", to_hex(body.child)); }
  void operator()(const ledger::Revocation& body) {
    using What = ledger::Revocation::What;
    out.set("what", body.what == What::Permit ? "permit" : body.what == What::Key ? "key" : "run");
    out.set("target", to_hex(Bytes(body.target)));
  }
  void operator()(const ledger::Continuity& body) {
    out.set("counts", counts_json(body.counts)).set("processes", body.processes);
    out.set("policy_generation", body.policy_generation).set("checks", body.checks);
  }
  void operator()(const ledger::End& body) {
    out.set("reason", code_of(body.reason)).set("status", body.status);
    out.set("counts", counts_json(body.counts)).set("wall_millis", body.wall_millis);
    out.set("cpu_millis", body.cpu_millis).set("kill_micros", body.kill_micros);
  }
  void operator()(const ledger::Interrupted& body) {
    out.set("reason", code_of(body.reason)).set("last_durable", body.last_durable.get());
    out.set("unproven_millis", body.unproven_millis);
  }
  void operator()(const ledger::Erase& body) {
    out.set("of", to_string(body.run));
    if (body.seq) out.set("of_seq", body.seq->get());
  }
  void operator()(const ledger::Rotate& body) { out.set("vkey", body.vkey); }
};

// Lists (argv, env) as arrays, the rest as text; bytes that are no UTF-8 are escaped.
Value side_json(const ledger::Side& side) {
  Value value = Value::object();
  for (const auto& [name, bytes] : side.values()) {
    Result<std::vector<std::string>> list = ledger::decode_list(bytes);
    if ((name == "argv" || name == "env") && list) {
      Value items = Value::array();
      for (const std::string& item : *list) items.push(printable(item, item.size() * 4));
      value.set(name, std::move(items));
    } else {
      value.set(name, printable(as_text(bytes), bytes.size() * 4));
    }
  }
  return value;
}

}  // namespace

json::Value event_json(LeafIndex index, const ledger::Event& event, const ledger::Side* side) {
  Value value = Value::object();
  value.set("entry", index.get()).set("kind", ledger::kind_name(event.kind()));
  value.set("event", ledger::to_string(event.id()));
  if (event.in_run()) value.set("run", to_string(event.id().run));
  value.set("seq", event.seq().get()).set("time", to_rfc3339(event.time()));
  if (event.parent()) value.set("parent", ledger::to_string(*event.parent()));
  Value authority = Value::object();
  if (const auto* permit = std::get_if<ledger::PermitAuthority>(&event.authority())) {
    authority.set("permit", to_hex(permit->permit)).set("decision", to_hex(permit->decision));
  } else {
    authority.set("key", to_hex(std::get<ledger::KeyAuthority>(event.authority()).key));
  }
  value.set("authority", std::move(authority));
  std::visit(BodyJson{value}, event.body());
  if (side != nullptr) value.set("text", side_json(*side));
  return value;
}

}  // namespace writ::cli
