#include "proof/decision.h"

#include <algorithm>

#include "cbor/writer.h"
#include "policy/validator.h"

namespace writ::proof {
namespace {

using policy::EntityUid;
using policy::Field;
using policy::Value;

// Everything that may come from a stranger goes into Cedar as printable UTF-8, unshortened.
Value text_value(std::string_view text) {
  return Value::string(printable(text, text.size() * 4));
}

EntityUid path_uid(const char* type, std::string_view path) {
  return EntityUid::make(type, printable(path, path.size() * 4));
}

std::vector<Field> common(const Facts& facts, UnixMillis time) {
  return {{"authority", Value::entity(EntityUid::make("Authority", facts.authority))},
          {"domain", Value::entity(EntityUid::make("Domain", facts.domain))},
          {"permit", Value::string(to_hex(facts.permit))},
          {"depth", Value::integer(0)},
          {"bearer", Value::boolean(facts.bearer)},
          {"tier", Value::string(facts.tier)},
          {"time", Value::datetime(time.get())}};
}

EntityUid agent(const Facts& facts) {
  return EntityUid::make("Agent", facts.subject);
}
EntityUid action(const char* name) {
  return EntityUid::make("Action", name);
}

std::string policy_name(const policy::PolicyRef& ref) {
  return (ref.set == 0 ? "bundle/" : "when/") + ref.id;
}

Value limits_value(const permit::Limits& limits) {
  std::vector<Field> fields;
  const auto add = [&](const char* name, const std::optional<std::uint64_t>& value) {
    if (!value) return;
    const std::uint64_t most = std::uint64_t{INT64_MAX};
    fields.push_back({name, Value::integer(static_cast<std::int64_t>(std::min(*value, most)))});
  };
  add("wall_ms", limits.wall_ms);
  add("cpu_ms", limits.cpu_ms);
  add("memory", limits.memory);
  add("process_memory", limits.process_memory);
  add("tasks", limits.tasks);
  add("execs", limits.execs);
  add("events", limits.events);
  add("bytes", limits.bytes);
  return Value::record(std::move(fields));
}

// Programs and paths say where they are: ids cannot be compared with `like`, attributes can.
bool has_path(std::string_view type) {
  return type == "Path" || type == "Program";
}

// add_entity makes sure that what a request names is there; the bundle's own words stand.
Result<void> add_entity(policy::EntitiesBuilder& builder, const policy::Entities& below,
                        const EntityUid& uid) {
  if (below.find(uid) != nullptr) return {};
  policy::Entity entity{uid};
  if (has_path(uid.type())) {
    Value path = Value::string(std::string(uid.id()));
    entity.attrs = Value::record({{"path", std::move(path)}});
  }
  return builder.add(std::move(entity));
}

// check_paths refuses a bundle in which a place has another path than its name says.
Result<void> check_paths(const policy::Entities& entities) {
  for (const policy::Entity* entity : entities.all()) {
    if (!has_path(entity->uid.type())) continue;
    const std::optional<policy::ValueRef> path = entity->attrs.ref().find("path");
    if (path && (path->kind() != policy::Kind::String || path->as_string() != entity->uid.id())) {
      return Error(Code::Malformed,
                   "entity `" + printable(entity->uid.text(), 120) + "`: its `path` is not its id");
    }
  }
  return {};
}

// validated checks policies strictly; the error is the first finding.
Result<void> validated(const policy::Schema& schema, const policy::PolicySet& set) {
  const policy::Validation verdict = TRY(policy::validate(schema, set));
  if (verdict.valid()) return {};
  const policy::Finding& first = verdict.errors.at(0);
  std::string message = "policy `" + printable(first.policy, 60) + "`: " + first.message;
  if (verdict.errors.size() > 1) {
    message += " (and " + std::to_string(verdict.errors.size() - 1) + " more)";
  }
  return Error(Code::Malformed, std::move(message));
}

}  // namespace

Result<std::shared_ptr<const Policy>> Policy::parse(const domain::Bundle& bundle) {
  const auto wrong = [&](const char* part, Error error) {
    return std::move(error).context(std::string(part) + " of bundle `" + bundle.name + "`");
  };
  if (bundle.schema.empty()) {
    return wrong("schema", Error(Code::Malformed, "there is none, so nothing can be validated"));
  }
  Result<policy::Schema> schema = policy::Schema::parse(bundle.schema);
  if (!schema) return wrong("schema", std::move(schema).error());
  Result<policy::PolicySet> set = policy::PolicySet::parse(bundle.policies);
  if (!set) return wrong("policies", std::move(set).error());
  if (Result<void> valid = validated(*schema, *set); !valid) {
    return wrong("policies", std::move(valid).error());
  }
  const std::string_view listed = bundle.entities.empty() ? "[]" : as_text(bundle.entities);
  Result<policy::Entities> entities = schema->parse_entities(listed);
  if (!entities) return wrong("entities", std::move(entities).error());
  if (Result<void> own = check_paths(*entities); !own) {
    return wrong("entities", std::move(own).error());
  }
  return std::shared_ptr<const Policy>(
      new Policy(std::move(*schema), std::move(*set), std::move(*entities)));
}

Facts facts_of(const permit::Claims& claims, const PermitId& id, const std::string& authority,
               const std::string& domain, const std::string& tier) {
  Facts facts;
  facts.subject = claims.subject;
  facts.authority = authority;
  facts.domain = domain;
  facts.permit = id;
  facts.bearer = !claims.holder.has_value();
  facts.tier = tier;
  return facts;
}

Question place_question(const Facts& facts, permit::Access access, const permit::Place& place,
                        UnixMillis time) {
  const char* const verb = permit::access_name(access);
  std::vector<Field> fields = common(facts, time);
  fields.push_back({"tree", Value::boolean(place.tree)});
  return {
      {agent(facts), action(verb), path_uid("Path", place.path), Value::record(std::move(fields))},
      std::string(verb) + " " + printable(place.path)};
}

std::vector<Question> admission_questions(const Facts& facts, const permit::Grant& grant,
                                          const permit::Limits& limits, UnixMillis time) {
  std::vector<Question> questions;
  std::vector<Field> context = common(facts, time);
  context.push_back({"limits", limits_value(limits)});
  context.push_back({"programs", Value::integer(static_cast<std::int64_t>(grant.exec.size()))});
  questions.push_back({{agent(facts), action("admit"), EntityUid::make("Domain", facts.domain),
                        Value::record(std::move(context))},
                       "admit to domain " + facts.domain});
  for (const permit::Place& place : grant.read) {
    questions.push_back(place_question(facts, permit::Access::ToRead, place, time));
  }
  for (const permit::Place& place : grant.write) {
    questions.push_back(place_question(facts, permit::Access::ToWrite, place, time));
  }
  return questions;
}

Question exec_question(const Facts& facts, const permit::ExecFacts& exec, bool produced, bool first,
                       UnixMillis time) {
  std::vector<Field> context = common(facts, time);
  std::string line;
  std::vector<Value> arguments;
  for (std::size_t i = 0; i < exec.argv.size(); ++i) {
    if (i > 0) line.push_back(' ');
    line += exec.argv[i];
    if (i > 0) arguments.push_back(text_value(exec.argv[i]));
  }
  std::vector<Value> names;
  for (const std::string& variable : exec.environment) {
    names.push_back(text_value(std::string_view(variable).substr(0, variable.find('='))));
  }
  context.push_back({"digest", Value::string(to_hex(exec.digest))});
  context.push_back({"argv", text_value(line)});
  context.push_back({"arguments", Value::set(std::move(arguments))});
  context.push_back({"environment", Value::set(std::move(names))});
  context.push_back({"directory", text_value(exec.directory)});
  context.push_back({"produced", Value::boolean(produced)});
  context.push_back({"first", Value::boolean(first)});
  if (!exec.scripts.empty()) {
    context.push_back({"script", text_value(exec.scripts.back().path)});
  }
  return {{agent(facts), action("exec"), path_uid("Program", exec.program),
           Value::record(std::move(context))},
          "exec " + printable(exec.program)};
}

Question endpoint_question(const Facts& facts, permit::Way way,
                           const permit::EndpointFacts& endpoint, UnixMillis time) {
  const IpAddress address = plain(endpoint.address);
  policy::IpRange range{!address.v4, static_cast<std::uint8_t>(address.v4 ? 32 : 128), {}};
  std::transform(address.bytes.begin(), address.bytes.end(), range.address.begin(),
                 [](std::byte one) { return std::to_integer<std::uint8_t>(one); });
  const std::string verb = permit::way_name(way);
  std::vector<Field> context = common(facts, time);
  const std::string name = permit::endpoint_text(endpoint);
  if (endpoint.protocol == permit::Protocol::Unix) {
    context.push_back({"protocol", text_value("unix")});
    context.push_back({"host", text_value(endpoint.host)});
    return {{agent(facts), action(permit::way_name(way)), path_uid("Endpoint", name),
             Value::record(std::move(context))},
            verb + " " + printable(name)};
  }
  context.push_back({"protocol", text_value(name.substr(0, name.find(':')))});
  context.push_back(
      {"host", text_value(endpoint.host.empty() ? to_string(address) : endpoint.host)});
  context.push_back({"address", Value::ip(range)});
  context.push_back({"port", Value::integer(endpoint.port)});
  return {{agent(facts), action(permit::way_name(way)), EntityUid::make("Endpoint", name),
           Value::record(std::move(context))},
          verb + " " + name};
}

Result<std::string> questions_text(const std::vector<Question>& questions) {
  std::string out = "[";
  for (const Question& question : questions) {
    if (out.size() > 1) out.push_back(',');
    out += TRY(policy::to_json(question.request));
  }
  out.push_back(']');
  return out;
}

Result<Answer> ask(const Policy& policy, const policy::PolicySet* when, const Facts& facts,
                   const std::vector<Question>& questions) {
  std::vector<const policy::PolicySet*> sets = {&policy.set()};
  if (when != nullptr) sets.push_back(when);
  Answer answer;
  answer.allowed = !questions.empty();
  for (const Question& question : questions) {
    if (const Result<void> known = policy.schema().check_request(question.request); !known) {
      answer = Answer();
      answer.denial = Denial{Reason::PolicyError, question.asked,
                             "the bundle's schema has no such question: " + known.error().message(),
                             "mend the schema: writ domain check"};
      break;
    }
    policy::EntitiesBuilder builder(policy.entities());
    for (const EntityUid& uid :
         {question.request.principal, question.request.resource,
          EntityUid::make("Authority", facts.authority), EntityUid::make("Domain", facts.domain)}) {
      TRY(add_entity(builder, policy.entities(), uid));
    }
    const policy::Entities entities = TRY(std::move(builder).build());
    const policy::Response response =
        policy::authorize(sets, entities, question.request, policy::OnError::Deny);
    const bool allowed = response.decision == policy::Decision::Allow;
    if (!allowed) {
      // What denied is the answer; what allowed the questions before it does not matter.
      answer.policies.clear();
      answer.errors.clear();
    }
    for (const policy::PolicyRef& ref : response.reasons) {
      answer.policies.push_back(policy_name(ref));
    }
    for (const policy::PolicyError& error : response.errors) {
      answer.errors.push_back(policy_name(error.policy));
    }
    if (allowed) continue;
    answer.allowed = false;
    Denial denial;
    denial.asked = question.asked;
    if (response.denied_by_error || !response.errors.empty()) {
      denial.reason = Reason::PolicyError;
      denial.because = "policy " + policy_name(response.errors.at(0).policy) +
                       " failed: " + response.errors.at(0).message;
      denial.allow = "mend the policy: writ domain check";
    } else {
      denial.reason = Reason::PolicyDenied;
      if (response.reasons.empty()) {
        denial.because = "no policy permits it";
        denial.allow = "a policy of the bundle that permits it";
      } else {
        denial.because = "forbidden by " + policy_name(response.reasons.at(0));
        denial.allow = "another policy or another request";
      }
    }
    answer.denial = std::move(denial);
    break;
  }
  std::sort(answer.policies.begin(), answer.policies.end());
  answer.policies.erase(std::unique(answer.policies.begin(), answer.policies.end()),
                        answer.policies.end());
  std::sort(answer.errors.begin(), answer.errors.end());
  answer.errors.erase(std::unique(answer.errors.begin(), answer.errors.end()), answer.errors.end());
  return answer;
}

Result<std::shared_ptr<const policy::PolicySet>> parse_when(const std::string& text,
                                                            const Policy* policy) {
  std::shared_ptr<const policy::PolicySet> none;
  if (text.empty()) return none;
  Result<policy::PolicySet> set = policy::PolicySet::parse_forbid_only(text);
  if (!set) return Error(std::move(set).error()).context("the permit's `when`");
  if (policy != nullptr) {
    if (Result<void> valid = validated(policy->schema(), *set); !valid) {
      return Error(std::move(valid).error()).context("the permit's `when`");
    }
  }
  return std::shared_ptr<const policy::PolicySet>(
      std::make_shared<policy::PolicySet>(std::move(*set)));
}

DecisionRecord record_of(std::string action, const Digest32& inputs, const Answer& answer) {
  DecisionRecord record;
  record.action = std::move(action);
  record.inputs = inputs;
  record.allowed = answer.allowed;
  if (answer.denial) record.reason = answer.denial->reason;
  record.policies = answer.policies;
  record.errors = answer.errors;
  return record;
}

ByteVec encode_exec_inputs(std::string_view request_json, const BundleDigest& bundle, Bytes salt) {
  cbor::Writer w;
  w.array([&] { w.uint(0).bytes(as_bytes(request_json)).bytes(as_bytes(bundle)).bytes(salt); });
  Result<ByteVec> bytes = std::move(w).finish();
  WRIT_ASSERT(bytes.has_value());
  return std::move(*bytes);
}

}  // namespace writ::proof
