// From errors to denials: on the way to a run every failure that has a reason code becomes one.
//
// Thread safety: pure functions.
#pragma once

#include <string>

#include "base/reason.h"
#include "base/result.h"

namespace writ::governor {

// deny fills a Denial.
Denial deny(Reason reason, std::string asked, std::string because, std::string allow);
// ledger_denial says why a record could not be written (ledger/store reason_of).
Denial ledger_denial(const Error& error, const std::string& doing);
// key_denial: key_unavailable.
Denial key_denial(const Error& error, const std::string& which);

}  // namespace writ::governor
