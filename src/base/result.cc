#include "base/result.h"

namespace writ {

const char* code_name(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "invalid_argument";
    case Code::Malformed: return "malformed";
    case Code::NotFound: return "not_found";
    case Code::Denied: return "denied";
    case Code::Expired: return "expired";
    case Code::Conflict: return "conflict";
    case Code::Exhausted: return "exhausted";
    case Code::Unsupported: return "unsupported";
    case Code::Unavailable: return "unavailable";
    case Code::Internal: return "internal";
  }
  return "internal";
}

}  // namespace writ
