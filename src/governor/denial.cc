#include "governor/denial.h"

#include <utility>

#include "ledger/store/store.h"

namespace writ::governor {

Denial deny(Reason reason, std::string asked, std::string because, std::string allow) {
  Denial no;
  no.reason = reason;
  no.asked = std::move(asked);
  no.because = std::move(because);
  no.allow = std::move(allow);
  return no;
}

Denial ledger_denial(const Error& error, const std::string& doing) {
  const Reason reason = ledger::reason_of(error);
  return deny(reason, doing, error.message(), std::string(describe(reason).remedy));
}

Denial key_denial(const Error& error, const std::string& which) {
  return deny(Reason::KeyUnavailable, "use the " + which + " key", error.message(),
              std::string(describe(Reason::KeyUnavailable).remedy));
}

}  // namespace writ::governor
