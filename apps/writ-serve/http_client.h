// One HTTP exchange: libcurl behind two functions. http and https only, no redirects, 10 s in all,
// answers of at most 64 KiB (post) or 1 MiB (get). The other side may be anyone.
// Thread safety: functions may be called from any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "witness/witness.h"

namespace writ::serve {

// http_post, http_get: Unavailable, with the reason, when no whole answer came.
Result<witness::Answer> http_post(const std::string& url, const std::string& body);
Result<witness::Answer> http_get(const std::string& url);

}  // namespace writ::serve
