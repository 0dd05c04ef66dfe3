// Tests of policies, as a file: requests with the decisions they are to get (TOML, format in
// docs/reference/policy-tests.md).
//
//   policies = "starter.cedar"            # paths are relative to this file
//   schema   = "writ.cedarschema"
//
//   [context]                             # what every request has, unless it says otherwise
//   depth = 0
//
//   [[test]]
//   name      = "a chain of nine is too long"
//   principal = 'Agent::"builder"'
//   action    = 'Action::"admit"'
//   resource  = 'Domain::"default"'
//   context   = { depth = 9 }
//   decision  = "deny"
//   reasons   = ["short-chains"]          # exactly these, by @id or id
//
// The file may be a stranger's (base/config_text.h has its bounds). Errors: Malformed at
// FILE:LINE:COLUMN. Thread safety: values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "writ/policy_input.h"

namespace writ::cli {

struct PolicyCase {
  std::string name;
  std::string place;  // FILE:LINE:COLUMN
  Question question;
  bool allow = false;
  std::optional<std::vector<std::string>> reasons;  // nothing: not compared
  std::vector<std::string> errors;                  // policies whose evaluation is to fail
};

struct PolicyCases {
  std::string policies;  // paths, as they are to be opened
  std::string schema;
  std::string entities;
  bool cedar_rule = false;  // a policy that fails takes no part; otherwise it denies
  std::vector<PolicyCase> cases;
};

// read_policy_cases reads the text of the file `name`. A file without a test is Malformed.
Result<PolicyCases> read_policy_cases(std::string_view text, const std::string& name);

}  // namespace writ::cli
