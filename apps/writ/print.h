// What `writ` says: answers on standard output, its own lines on standard error.
//
// Every text of a stranger goes through printable(). JSON answers are one compact line with
// "schema" (version of the shape, 0) first. Thread safety: one line is one write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/reason.h"
#include "base/result.h"
#include "governor/gate_verdicts.h"
#include "json/value.h"

namespace writ::cli {

// answer and say write one text and a line feed to standard output and standard error.
void answer(const std::string& text);
void say(const std::string& text);

// new_answer is a JSON object with the schema's version; put_answer writes it.
json::Value new_answer();
void put_answer(const json::Value& value);
std::string json_line(const json::Value& value);
json::Value as_json(const Denial& denial);

// report prints an error once and gives the exit status for it.
int report(const Error& error, bool json);

// lines_of is a denial for people: "writ: denied: …  (code)" and its indented lines.
struct DenialMore {
  std::string asked_by;  // empty: not shown
  std::string record;    // "entry 1042          writ explain 1042"
};
std::string lines_of(const Denial& denial, const DenialMore& more = {},
                     const std::string& head = "denied");
// refused prints the denial of a permit or a domain, and gives the exit status for "no".
int refused(const Denial& denial, bool json);

// lines_of what a run was told of a refusal; `where` names the run and its permit.
std::string lines_of(const governor::Told& told, const std::string& where);
std::string run_and_permit(const RunId& run, const PermitId& permit);
json::Value as_json(const governor::Told& told);

// seconds is "3.2 s", "0.41 s", "6.1 ms".
std::string seconds(std::int64_t nanos);
// left is "1h52m", "14m", "9s".
std::string left(std::int64_t seconds);

}  // namespace writ::cli
