// A request as text again: what parse_request reads, and the request that a permit could have come
// from (`writ draft`).
//
//   Request request = request_of(claims);          // paths and patterns as the grant has them
//   std::string text = print_request(request);     // parse_request(text) == request, but for `at`
//
// request_of leaves digests out: they are taken anew when the request is issued. Sets are gone from
// a grant; what they gave stands in the request itself. A place that was named by symlinks is named
// by them again.
// Hostile: claims may be a stranger's; texts are quoted, never pasted. Thread safety: pure
// functions. Not promised: comments, order of keys, or spelling of the original.
#pragma once

#include <string>

#include "permit/claims.h"
#include "permit/request.h"

namespace writ::permit {

Request request_of(const Claims& claims);
std::string print_request(const Request& request);
// print_exec is one [[exec]] rule, as print_request writes it.
std::string print_exec(const WantedExec& rule);

}  // namespace writ::permit
