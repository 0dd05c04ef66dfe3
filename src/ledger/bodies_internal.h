// One list of the fields of each body: number on the wire and member. The encoder, the decoder,
// the limits and the objects an event names are all visitors of it (event.cc).
#pragma once

#include "ledger/bodies.h"

namespace writ::ledger {

template <typename V, typename B>
void visit_counts(V& v, int first, B& c) {
  v.field(first, c.asked);
  v.field(first + 1, c.refused);
  v.field(first + 2, c.failed);
  v.field(first + 3, c.vanished);
  v.field(first + 4, c.violated);
  v.field(first + 5, c.released);
  v.field(first + 6, c.exec_stops);
}

// B is a body type or its const.
template <typename V, typename B>
void visit_fields(V& v, B& b) {
  using T = std::remove_const_t<B>;
  if constexpr (std::is_same_v<T, Genesis>) {
    v.field(0, b.origin);
    v.field(1, b.vkey);
    v.field(2, b.nonce);
  } else if constexpr (std::is_same_v<T, Key>) {
    v.choice(0, b.act, 1);
    v.field(1, b.role);
    v.field(2, b.name);
    v.field(3, b.key);
  } else if constexpr (std::is_same_v<T, Trust>) {
    v.choice(0, b.act, 1);
    v.field(1, b.name);
    v.field(2, b.key);
    v.object(3, b.ceiling);
  } else if constexpr (std::is_same_v<T, Domain>) {
    v.field(0, b.name);
    v.object(1, b.definition);
  } else if constexpr (std::is_same_v<T, Policy>) {
    v.field(0, b.domain);
    v.object(1, b.bundle);
    v.field(2, b.generation);
  } else if constexpr (std::is_same_v<T, Admission>) {
    v.field(0, b.domain);
    v.field(1, b.chain);
    v.object(2, b.permit_file);
    v.object(3, b.possession);
    v.object(4, b.plan);
    v.object(5, b.domain_definition);
    v.object(6, b.policy);
    v.object(7, b.inputs);
    v.field(8, b.tier);
    v.field(9, b.mechanisms);
    v.field(10, b.host);
    v.field(11, b.command);
    v.field(12, b.argv);
    v.field(13, b.env);
    v.field(14, b.cwd);
  } else if constexpr (std::is_same_v<T, Denial>) {
    v.field(0, b.domain);
    v.field(1, b.reason);
    v.field(2, b.permit);
    v.field(3, b.decision);
    v.object(4, b.inputs);
    v.field(5, b.asked);
    v.field(6, b.sentence);
  } else if constexpr (std::is_same_v<T, Exec>) {
    v.field(0, b.pid);
    v.field(1, b.path);
    v.field(2, b.file);
    v.field(3, b.script);
    v.field(4, b.produced);
    v.field(5, b.ancestry_lost);
    v.field(6, b.argv);
    v.field(7, b.env);
    v.field(8, b.cwd);
  } else if constexpr (std::is_same_v<T, Refusal>) {
    v.field(0, b.reason);
    v.field(1, b.gate);
    v.field(2, b.pid);
    v.field(3, b.asked);
    v.field(4, b.file);
  } else if constexpr (std::is_same_v<T, Connect> || std::is_same_v<T, Listen>) {
    v.field(0, b.pid);
    v.field(1, b.protocol);
    v.field(2, b.endpoint);
  } else if constexpr (std::is_same_v<T, Call>) {
    v.field(0, b.server);
    v.field(1, b.tool);
    v.field(2, b.arguments);
  } else if constexpr (std::is_same_v<T, Approval>) {
    v.field(0, b.approver);
    v.field(1, b.action);
    v.object(2, b.signature);
    v.field(3, b.allowed);
  } else if constexpr (std::is_same_v<T, Delegation>) {
    v.field(0, b.child);
    v.object(1, b.permit_file);
  } else if constexpr (std::is_same_v<T, Revocation>) {
    v.choice(0, b.what, 2);
    v.field(1, b.target);
    v.field(2, b.sentence);
  } else if constexpr (std::is_same_v<T, Continuity>) {
    visit_counts(v, 0, b.counts);
    v.field(7, b.policy_generation);
    v.field(8, b.processes);
    v.field(9, b.checks);
  } else if constexpr (std::is_same_v<T, End>) {
    visit_counts(v, 0, b.counts);
    v.field(7, b.reason);
    v.field(8, b.status);
    v.field(9, b.wall_millis);
    v.field(10, b.cpu_millis);
    v.field(11, b.kill_micros);
  } else if constexpr (std::is_same_v<T, Interrupted>) {
    v.field(0, b.reason);
    v.field(1, b.last_durable);
    v.field(2, b.unproven_millis);
  } else if constexpr (std::is_same_v<T, Erase>) {
    v.field(0, b.run);
    v.field(1, b.seq);
    v.field(2, b.sentence);
  } else {
    static_assert(std::is_same_v<T, Rotate>);
    v.field(0, b.vkey);
    v.field(1, b.proof);
  }
}

}  // namespace writ::ledger
