// What is asked: may `principal` do `action` on `resource`, given `context` (a record)?
// (Formal specification: Request.)
//
// Thread safety: values.
#pragma once

#include <string>
#include <string_view>

#include "policy/value.h"

namespace writ::policy {

struct Request {
  EntityUid principal;
  EntityUid action;
  EntityUid resource;
  Value context = Value::record({});

  // parse_json reads {"principal": {"type", "id"}, "action", "resource", "context": {…}}; exactly
  // these four keys.
  static Result<Request> parse_json(std::string_view text);
};

// to_json is the canonical form of a request: equal requests give equal bytes.
Result<std::string> to_json(const Request& request);

}  // namespace writ::policy
