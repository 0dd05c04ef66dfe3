// policy test: requests with the decisions they are to get, from a file.
#include "writ/policy_cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/config_text.h"
#include "policy/authorizer.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

json::Value as_json(const ConfigValue& value) {
  switch (value.kind()) {
    case ConfigValue::Kind::Text: return value.as_text().value();
    case ConfigValue::Kind::Integer: return value.as_integer().value();
    case ConfigValue::Kind::Boolean: return value.as_boolean().value();
    case ConfigValue::Kind::Array: {
      json::Value out = json::Value::array();
      for (const ConfigValue& item : *value.as_array().value()) out.push(as_json(item));
      return out;
    }
    case ConfigValue::Kind::Table: break;
  }
  json::Value out = json::Value::object();
  for (const auto& [key, member] : value.members()) out.set(key, as_json(member));
  return out;
}

Result<policy::EntityUid> uid_member(const ConfigValue& table, const char* key) {
  const ConfigValue* found = TRY(table.require(key));
  auto uid = policy::EntityUid::parse(TRY(found->as_text()));
  if (!uid) return found->wrong("expected an entity, as text: 'User::\"ann\"'");
  return uid;
}

Result<PolicyCase> read_case(const ConfigValue& table, const json::Value& common) {
  TRY(table.check_table());
  TRY(table.only_keys(
      {"name", "principal", "action", "resource", "context", "decision", "reasons", "errors"}));
  Question question{TRY(uid_member(table, "principal")), TRY(uid_member(table, "action")),
                    TRY(uid_member(table, "resource")), common};
  if (const ConfigValue* context = table.find("context")) {
    TRY(context->check_table());
    for (const auto& [key, member] : context->members()) question.context.set(key, as_json(member));
  }
  PolicyCase out{{}, table.place(), std::move(question), false, std::nullopt, {}};
  const ConfigValue* decision = TRY(table.require("decision"));
  const std::string text = TRY(decision->as_text());
  if (text != "allow" && text != "deny") return decision->wrong("expected \"allow\" or \"deny\"");
  out.allow = text == "allow";
  if (const ConfigValue* reasons = table.find("reasons")) {
    out.reasons = TRY(reasons->as_text_list());
  }
  if (const ConfigValue* errors = table.find("errors")) out.errors = TRY(errors->as_text_list());
  if (const ConfigValue* name = table.find("name")) {
    out.name = TRY(name->as_text());
  } else {
    out.name = fmt::format("{} {} {}", out.question.principal.text(), out.question.action.text(),
                           out.question.resource.text());
  }
  return out;
}

std::string beside(const std::string& file, const std::string& path) {
  const std::size_t slash = file.rfind('/');
  if (path.empty() || path[0] == '/' || slash == std::string::npos) return path;
  return file.substr(0, slash + 1) + path;
}

// expected is a name that the test gives; it may be the policy's `@id` or its id.
std::string compare_names(const char* what, const std::vector<std::string>& expected,
                          const std::vector<const policy::Policy*>& found) {
  const auto is = [](const std::string& name, const policy::Policy* policy) {
    return name == policy->id || name == policy->annotation("id");
  };
  bool same = expected.size() == found.size();
  for (const std::string& name : expected) {
    same = same && std::any_of(found.begin(), found.end(),
                               [&](const policy::Policy* one) { return is(name, one); });
  }
  for (const policy::Policy* one : found) {
    same = same && std::any_of(expected.begin(), expected.end(),
                               [&](const std::string& name) { return is(name, one); });
  }
  if (same) return "";
  const auto list = [](const auto& items, const auto& text) {
    std::string out;
    for (const auto& item : items) out += (out.empty() ? "" : ", ") + text(item);
    return out.empty() ? std::string("none") : out;
  };
  return fmt::format("expected the {} {}, got {}", what,
                     list(expected, [](const std::string& name) { return printable(name, 80); }),
                     list(found, [](const policy::Policy* one) { return policy_label(*one); }));
}

// run_case says what differs; nothing when the test passes.
std::string run_case(const PolicyCase& test, const PolicyFiles& files, policy::OnError on_error) {
  const auto request = to_request(test.question, files.typed());
  if (!request) return "the request does not fit: " + request.error().message();
  const policy::Response response =
      policy::authorize(files.set, files.entities, *request, on_error);
  std::vector<const policy::Policy*> reasons;
  for (const auto& ref : response.reasons) reasons.push_back(files.set.find(ref.id));
  std::vector<const policy::Policy*> errors;
  for (const auto& error : response.errors) errors.push_back(files.set.find(error.policy.id));
  std::string out;
  const bool allow = response.decision == policy::Decision::Allow;
  if (allow != test.allow) {
    out =
        fmt::format("expected {}, got {}", test.allow ? "allow" : "deny", allow ? "allow" : "deny");
    for (const policy::Policy* reason : reasons) out += "\nby " + policy_label(*reason);
  } else if (test.reasons) {
    out = compare_names("reasons", *test.reasons, reasons);
  }
  const std::string failing = compare_names("failing policies", test.errors, errors);
  if (!failing.empty()) {
    out += (out.empty() ? "" : "\n") + failing;
    for (const auto& error : response.errors) out += "\n" + printable(error.message, 300);
  }
  return out;
}

}  // namespace

Result<PolicyCases> read_policy_cases(std::string_view text, const std::string& name) {
  const ConfigValue root = TRY(parse_config(text, name));
  TRY(root.only_keys({"policies", "schema", "entities", "rule", "context", "test"}));
  PolicyCases out;
  const auto path = [&](const char* key, std::string& into) -> Result<void> {
    if (const ConfigValue* found = root.find(key)) into = beside(name, TRY(found->as_text()));
    return {};
  };
  (void)TRY(root.require("policies"));
  TRY(path("policies", out.policies));
  TRY(path("schema", out.schema));
  TRY(path("entities", out.entities));
  if (const ConfigValue* rule = root.find("rule")) {
    const std::string which = TRY(rule->as_text());
    if (which != "cedar" && which != "writ") return rule->wrong("expected \"writ\" or \"cedar\"");
    out.cedar_rule = which == "cedar";
  }
  json::Value common = json::Value::object();
  if (const ConfigValue* context = root.find("context")) {
    TRY(context->check_table());
    common = as_json(*context);
  }
  const ConfigValue* tests = TRY(root.require("test"));
  for (const ConfigValue& test : *TRY(tests->as_array())) {
    out.cases.push_back(TRY(read_case(test, common)));
  }
  if (out.cases.empty()) return tests->wrong("there is no [[test]]");
  return out;
}

Result<int> policy_test(const Options& options, Machine&) {
  std::size_t passed = 0;
  std::size_t failed = 0;
  json::Value list = json::Value::array();
  for (const std::string& name : options.policy.files) {
    const SourceFile file = TRY(read_source(name, kMaxConfigText));
    const PolicyCases cases = TRY(read_policy_cases(file.text, file.name));
    const PolicyFiles files = TRY(load_files(cases.policies, cases.schema, cases.entities));
    const auto on_error = cases.cedar_rule ? policy::OnError::Skip : policy::OnError::Deny;
    for (const PolicyCase& test : cases.cases) {
      const std::string differs = run_case(test, files, on_error);
      (differs.empty() ? passed : failed) += 1;
      if (options.json) {
        json::Value one = json::Value::object();
        one.set("name", test.name).set("at", test.place).set("ok", differs.empty());
        if (!differs.empty()) one.set("differs", differs);
        list.push(std::move(one));
      } else if (!differs.empty()) {
        answer(fmt::format("FAIL  {}   {}", printable(test.name), test.place));
        for (std::size_t at = 0; at < differs.size();) {
          const std::size_t end = std::min(differs.find('\n', at), differs.size());
          answer("      " + differs.substr(at, end - at));
          at = end + 1;
        }
      } else if (!options.quiet) {
        answer("ok    " + printable(test.name));
      }
    }
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("ok", failed == 0).set("passed", passed).set("failed", failed);
    value.set("tests", std::move(list));
    put_answer(value);
  } else {
    answer(fmt::format("{} passed, {} failed", passed, failed));
  }
  return failed == 0 ? kYes : kNo;
}

}  // namespace writ::cli
