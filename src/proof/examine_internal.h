// One pass over a bundle's entries for check_proof and gather_proof: everything but the objects is
// in the bundle, the objects come from `objects`.
#pragma once

#include "proof/checklist.h"

namespace writ::proof {

Checklist examine(const ProofBundle& bundle, const Trusted& trusted, ledger::LogSource& objects,
                  const ProofProgress& progress);

// What the clear text of an event of a run may hold: each name with the salted digest in the entry.
// Besides these only the `request` of a gate, which the decision's digest covers.
std::vector<std::pair<std::string_view, Digest32>> committed_names(const ledger::Event& event);
bool has_request(const ledger::Event& event);

}  // namespace writ::proof
