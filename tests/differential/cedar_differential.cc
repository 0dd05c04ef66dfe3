// cedar-differential: this engine's side of the differential tests. Reads one case a line from
// standard input, writes one answer a line; run.mjs compares them with the official engine's.
//
// A case is {schema, policies, entities, requests}: what generate.mjs makes. An answer says what
// was accepted, what validation found, how each request was decided, and the other written form of
// each policy and of the schema.

#include <iostream>
#include <string>

#include "json/read.h"
#include "json/write.h"
#include "policy/authorizer.h"
#include "policy/policy_json.h"
#include "policy/printer.h"
#include "policy/schema.h"
#include "policy/schema_forms.h"
#include "policy/validator.h"
#include "policy/value_json.h"

namespace writ::differential {
namespace {

using policy::Entities;
using policy::EntityUid;
using policy::PolicySet;
using policy::Request;
using policy::Schema;

constexpr json::Limits kLimits = {.bytes = 64U << 20U, .depth = 400, .values = 4'000'000};

Result<EntityUid> uid_of(const json::Value& json) {
  const json::Value* type = json.find("type");
  const json::Value* id = json.find("id");
  if (type == nullptr || id == nullptr || !type->as_string() || !id->as_string()) {
    return Error(Code::Malformed, "an entity id needs `type` and `id`");
  }
  return EntityUid::create(*type->as_string(), *id->as_string());
}

// The static policies are one text, or a JSON policy set as it is.
Result<PolicySet> policies_of(const json::Value& json) {
  const json::Value* fixed = json.find("staticPolicies");
  if (fixed == nullptr || fixed->as_string() == nullptr) {
    return policy::parse_policy_set_json(json::write(json));
  }
  PolicySet set = TRY(PolicySet::parse(*fixed->as_string()));
  if (!set.templates().empty()) {
    return Error(Code::InvalidArgument, "a template among the static policies");
  }
  json::Value rest = json;
  rest.set("staticPolicies", json::Value::object());
  const PolicySet more = TRY(policy::parse_policy_set_json(json::write(rest)));
  for (const policy::Policy& one : more.templates()) TRY(set.add(one.id, one.body));
  for (const policy::Policy& one : more.policies()) {
    TRY(set.link(one.template_id, one.id, one.principal, one.resource));
  }
  return set;
}

Result<Schema> schema_of(const json::Value& json) {
  if (json.as_string() != nullptr) return Schema::parse(*json.as_string());
  return Schema::parse_json(json::write(json));
}

Result<Request> request_of(const json::Value& json, const Schema* schema) {
  Request out{TRY(uid_of(*json.find("principal"))), TRY(uid_of(*json.find("action"))),
              TRY(uid_of(*json.find("resource")))};
  const std::string context = json::write(*json.find("context"));
  if (schema == nullptr) {
    out.context = TRY(policy::parse_record_json(context));
    return out;
  }
  out.context = TRY(schema->parse_context(out.action, context));
  if (json.find("validateRequest")->as_bool() == true) TRY(schema->check_request(out));
  return out;
}

json::Value decided(const policy::Response& response, json::Value& why) {
  json::Value reasons = json::Value::array();
  for (const policy::PolicyRef& reason : response.reasons) reasons.push(reason.id);
  json::Value errors = json::Value::array();
  for (const policy::PolicyError& error : response.errors) {
    errors.push(error.policy.id);
    why.push(error.message);
  }
  json::Value out = json::Value::object();
  out.set("decision", response.decision == policy::Decision::Allow ? "allow" : "deny");
  out.set("reasons", std::move(reasons)).set("errors", std::move(errors));
  return out;
}

json::Value validated(const Schema& schema, const PolicySet& set, json::Value& why) {
  const auto verdict = policy::validate(schema, set);
  if (!verdict) {
    why.set("validation", verdict.error().message());
    return {};
  }
  const auto ids = [](const std::vector<policy::Finding>& findings) {
    json::Value out = json::Value::array();
    for (const policy::Finding& finding : findings) out.push(finding.policy);
    return out;
  };
  json::Value messages = json::Value::array();
  for (const policy::Finding& finding : verdict->errors) {
    messages.push(finding.policy + ": " + finding.message);
  }
  why.set("validationErrors", std::move(messages));
  json::Value out = json::Value::object();
  out.set("errors", ids(verdict->errors)).set("warnings", ids(verdict->warnings));
  return out;
}

// A written form, or null with the reason in `why`.
json::Value form(const Result<std::string>& text, const std::string& name, json::Value& why) {
  if (text) return *text;
  why.set(name, text.error().message());
  return {};
}

json::Value answer(const json::Value& one) {
  json::Value why = json::Value::object();
  json::Value out = json::Value::object();
  const auto good = [&](const auto& result, const char* name) {
    out.set(name, result.has_value());
    if (!result) why.set(name, result.error().message());
    return result.has_value();
  };
  const json::Value& schema_json = *one.find("schema");
  const bool typed = !schema_json.is_null();
  const Result<Schema> schema = typed ? schema_of(schema_json) : Schema();
  const bool schema_good = good(schema, "schema");
  const Schema* used = typed && schema_good ? &*schema : nullptr;
  const Result<PolicySet> policies = policies_of(*one.find("policies"));
  const bool policies_good = good(policies, "policies");
  const std::string entity_text = json::write(*one.find("entities"));
  Result<Entities> entities = Entities();
  if (used != nullptr) {
    entities = used->parse_entities(entity_text);
  } else if (!typed) {
    entities = Entities::parse_json(entity_text);
  }
  const bool entities_good = good(entities, "entities");

  out.set("validation",
          used != nullptr && policies_good ? validated(*used, *policies, why) : json::Value());
  json::Value requests = json::Value::array();
  for (const json::Value& asked : *one.find("requests")->as_array()) {
    const std::string number = std::to_string(requests.as_array()->size());
    if (!schema_good || !policies_good || !entities_good) {
      requests.push("failure");
      continue;
    }
    const Result<Request> request = request_of(asked, used);
    if (!request) {
      requests.push("failure");
      why.set("request " + number, request.error().message());
      continue;
    }
    json::Value errors = json::Value::array();
    requests.push(
        decided(policy::authorize(*policies, *entities, *request, policy::OnError::Skip), errors));
    why.set("errors " + number, std::move(errors));
  }
  out.set("requests", std::move(requests));

  json::Value as_json = json::Value::object();
  json::Value as_text = json::Value::object();
  if (policies_good) {
    for (const policy::Policy* one_policy : policies->in_order()) {
      if (!one_policy->template_id.empty()) continue;
      as_json.set(one_policy->id,
                  form(policy::to_json(*one_policy), "json " + one_policy->id, why));
      as_text.set(one_policy->id,
                  form(policy::to_text(*one_policy), "text " + one_policy->id, why));
    }
  }
  out.set("policyJson", std::move(as_json)).set("policyText", std::move(as_text));
  if (used != nullptr) {
    const std::string* text = schema_json.as_string();
    out.set("schemaOther",
            form(text != nullptr ? policy::schema_text_to_json(*text)
                                 : policy::schema_json_to_text(json::write(schema_json)),
                 "schemaOther", why));
  }
  out.set("why", std::move(why));
  return out;
}

int run() {
  for (std::string line; std::getline(std::cin, line);) {
    const Result<json::Value> one = json::read(line, kLimits);
    if (!one) {
      std::cerr << "cedar-differential: " << one.error().message() << "\n";
      return 125;
    }
    std::cout << json::write(answer(*one)) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace writ::differential

int main() {
  return writ::differential::run();
}
