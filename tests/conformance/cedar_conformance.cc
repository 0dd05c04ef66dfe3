// cedar-conformance: runs Cedar test cases (the format of Cedar's integration tests) against this
// engine and compares decision, reasons and errors of every request, and the verdict of strict
// validation.
//
//   cedar-conformance DIR|ARCHIVE.tar.xz...
//
// Prints each difference and the counts. Exit status: 0 none, 1 differences, unused fields or no
// cases, 2 wrong use, 125 the data cannot be read.

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "cases.h"
#include "json/read.h"
#include "json/write.h"
#include "policy/authorizer.h"
#include "policy/schema.h"
#include "policy/validator.h"

namespace writ::conformance {
namespace {

namespace fs = std::filesystem;
using policy::Decision;
using policy::Entities;
using policy::EntityUid;
using policy::PolicySet;
using policy::Request;
using policy::Schema;
using policy::Value;

struct Counts {
  std::size_t cases = 0;
  std::size_t valid = 0;
  std::size_t invalid = 0;
  std::size_t requests = 0;
  std::size_t allow = 0;
  std::size_t deny = 0;
  std::size_t with_errors = 0;
  std::size_t differences = 0;
};

constexpr std::array kCaseFields = {"policies", "entities", "schema", "shouldValidate", "requests"};
constexpr std::array kRequestFields = {"description", "principal", "action",
                                       "resource",    "context",   "validateRequest",
                                       "decision",    "reason",    "errors"};

class Runner {
 public:
  explicit Runner(const Source& source) : source_(source) {}

  Result<Counts> run() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(source_.root())) {
      const std::string name = entry.path().filename().string();
      if (entry.is_regular_file() && name.ends_with(".json") && !name.ends_with(".entities.json")) {
        files.push_back(entry.path());
      }
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      file_ = fs::relative(file, source_.root()).string();
      const std::string text = TRY(source_.read(file_));
      auto json = json::read(text, {.bytes = 64U << 20U, .depth = 200, .values = 4'000'000});
      if (!json) return std::move(json).error().context(file_);
      if (json->find("requests") == nullptr) continue;
      auto done = run_case(*json);
      if (!done) return std::move(done).error().context(file_);
    }
    return counts_;
  }

 private:
  void differ(const std::string& what) {
    ++counts_.differences;
    std::printf("%s: %s\n", file_.c_str(), what.c_str());
  }

  template <std::size_t N>
  void check_fields(const json::Value& object, const std::array<const char*, N>& known) {
    for (const json::Member& member : *object.as_object()) {
      if (std::find(known.begin(), known.end(), member.name) == known.end()) {
        differ("the field `" + member.name + "` was not used");
      }
    }
  }

  static Result<std::string> text_field(const json::Value& object, const char* name) {
    const json::Value* field = object.find(name);
    if (field == nullptr || field->as_string() == nullptr) {
      return Error(Code::Malformed, std::string("the case lacks `") + name + "`");
    }
    return *field->as_string();
  }

  Result<void> run_case(const json::Value& json) {
    ++counts_.cases;
    check_fields(json, kCaseFields);
    const std::string policy_file = TRY(text_field(json, "policies"));
    const std::string policy_text = TRY(source_.read(policy_file));
    const std::string entity_file = TRY(text_field(json, "entities"));
    const std::string entity_text = TRY(source_.read(entity_file));
    auto policies = PolicySet::parse(policy_text);
    if (!policies) {
      differ("the policies do not parse: " + policies.error().message());
      return {};
    }
    const std::string schema_file = TRY(text_field(json, "schema"));
    const std::string schema_text = TRY(source_.read(schema_file));
    auto schema = Schema::parse(schema_text);
    if (!schema) {
      differ("the schema does not parse: " + schema.error().message());
      return {};
    }
    auto entities = schema->parse_entities(entity_text);
    if (!entities) {
      differ("the entities do not parse: " + entities.error().message());
      return {};
    }
    const json::Value* should_validate = json.find("shouldValidate");
    if (should_validate == nullptr || !should_validate->as_bool()) {
      return Error(Code::Malformed, "the case lacks `shouldValidate`");
    }
    const policy::Validation verdict = TRY(policy::validate(*schema, *policies));
    (verdict.valid() ? counts_.valid : counts_.invalid) += 1;
    if (verdict.valid() != *should_validate->as_bool()) {
      differ(verdict.valid() ? std::string("validates, but should not")
                             : "does not validate: " + verdict.errors[0].message);
    }
    const json::Value* requests = json.find("requests");
    if (requests->as_array() == nullptr) {
      return Error(Code::Malformed, "`requests` must be a list");
    }
    for (const json::Value& request : *requests->as_array()) {
      TRY(run_request(request, *schema, *policies, *entities));
    }
    return {};
  }

  Result<EntityUid> uid_field(const json::Value& request, const char* name) {
    const json::Value* field = request.find(name);
    if (field == nullptr || field->as_object() == nullptr) {
      return Error(Code::Malformed, std::string("a request lacks `") + name + "`");
    }
    check_fields(*field, std::array{"type", "id"});
    return EntityUid::create(TRY(text_field(*field, "type")), TRY(text_field(*field, "id")));
  }

  static Result<std::vector<std::string>> names(const json::Value& request, const char* field) {
    std::vector<std::string> out;
    const json::Value* list = request.find(field);
    if (list == nullptr || list->as_array() == nullptr) {
      return Error(Code::Malformed, std::string("a request lacks `") + field + "`, a list of ids");
    }
    for (const json::Value& item : *list->as_array()) {
      if (item.as_string() == nullptr) {
        return Error(Code::Malformed, std::string("an id in `") + field + "` is no string");
      }
      out.push_back(*item.as_string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  static std::string list(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) out += (out.size() > 1 ? " " : "") + item;
    return out + "]";
  }

  Result<void> run_request(const json::Value& json, const Schema& schema, const PolicySet& policies,
                           const Entities& entities) {
    ++counts_.requests;
    check_fields(json, kRequestFields);
    const std::string description = TRY(text_field(json, "description"));
    const EntityUid action = TRY(uid_field(json, "action"));
    const json::Value* given_context = json.find("context");
    if (given_context == nullptr) return Error(Code::Malformed, "a request lacks `context`");
    auto context = schema.parse_context(action, json::write(*given_context));
    if (!context) {
      differ(description + ": the context does not parse: " + context.error().message());
      return {};
    }
    const Request request{TRY(uid_field(json, "principal")), action,
                          TRY(uid_field(json, "resource")), std::move(context).value()};
    const json::Value* validate = json.find("validateRequest");
    if (validate == nullptr || validate->as_bool() != false) {
      auto checked = schema.check_request(request);
      if (!checked) differ(description + ": the request is refused: " + checked.error().message());
    }
    const policy::Response answer =
        policy::authorize(policies, entities, request, policy::OnError::Skip);
    const std::string decision = answer.decision == Decision::Allow ? "allow" : "deny";
    std::vector<std::string> reasons;
    for (const auto& reason : answer.reasons) reasons.push_back(reason.id);
    std::sort(reasons.begin(), reasons.end());
    std::vector<std::string> errors;
    for (const auto& error : answer.errors) errors.push_back(error.policy.id);
    std::sort(errors.begin(), errors.end());

    const std::string expected = TRY(text_field(json, "decision"));
    if (expected != "allow" && expected != "deny") {
      return Error(Code::Malformed, "the decision `" + expected + "` is neither allow nor deny");
    }
    const std::vector<std::string> expected_reasons = TRY(names(json, "reason"));
    const std::vector<std::string> expected_errors = TRY(names(json, "errors"));
    (expected == "allow" ? counts_.allow : counts_.deny) += 1;
    if (!expected_errors.empty()) ++counts_.with_errors;
    if (decision != expected) {
      differ(description + ": decision " + decision + ", expected " + expected);
    }
    if (reasons != expected_reasons) {
      differ(description + ": reasons " + list(reasons) + ", expected " + list(expected_reasons));
    }
    if (errors != expected_errors) {
      std::string why;
      for (const auto& error : answer.errors) why += " (" + error.message + ")";
      differ(description + ": errors " + list(errors) + why + ", expected " +
             list(expected_errors));
    }
    return {};
  }

  const Source& source_;
  std::string file_;
  Counts counts_;
};

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: cedar-conformance DIR|ARCHIVE.tar.xz...\n");
    return 2;
  }
  bool good = true;
  for (int i = 1; i < argc; ++i) {
    const auto source = Source::open(argv[i]);
    const auto counts = source ? Runner(*source).run() : Result<Counts>(Error(source.error()));
    if (!counts) {
      std::fprintf(stderr, "cedar-conformance: %s\n", counts.error().message().c_str());
      return 125;
    }
    std::printf(
        "%s: %zu cases (%zu valid, %zu invalid), %zu requests (%zu allow, %zu deny, %zu with "
        "errors): "
        "%zu differences\n",
        argv[i], counts->cases, counts->valid, counts->invalid, counts->requests, counts->allow,
        counts->deny, counts->with_errors, counts->differences);
    good = good && counts->cases > 0 && counts->differences == 0;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace writ::conformance

int main(int argc, char** argv) {
  return writ::conformance::run(argc, argv);
}
