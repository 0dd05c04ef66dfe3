// Verbs that ask policies one question: authorize, explain.
#include <fmt/format.h>

#include "json/read.h"
#include "policy/explain.h"
#include "policy/limits.h"
#include "writ/policy_input.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

using policy::PolicyStory;

// Everything a question needs, read and checked.
struct Asked {
  PolicyFiles files;
  policy::Request request;
  policy::OnError on_error;
};

Result<Question> question_of(const PolicyOptions& asked) {
  const bool in_words = !asked.principal.empty() || !asked.action.empty() ||
                        !asked.resource.empty() || !asked.context.empty();
  if (!asked.request.empty()) {
    if (in_words) {
      return Error(Code::InvalidArgument,
                   "either --request, or --principal, --action, --resource and --context");
    }
    const SourceFile file = TRY(read_source(asked.request, policy::kMaxPolicyText));
    return load_question(file);
  }
  if (asked.principal.empty() || asked.action.empty() || asked.resource.empty()) {
    return Error(Code::InvalidArgument,
                 "who asks for what?  --principal 'User::\"ann\"' --action 'Action::\"view\"' "
                 "--resource 'Doc::\"plan\"' [--context FILE|JSON], or --request FILE");
  }
  Question out{TRY(uid_from_text(asked.principal, "--principal")),
               TRY(uid_from_text(asked.action, "--action")),
               TRY(uid_from_text(asked.resource, "--resource"))};
  if (!asked.context.empty()) {
    const SourceFile context = asked.context.starts_with('{')
                                   ? SourceFile{"--context", asked.context}
                                   : TRY(read_source(asked.context, policy::kMaxPolicyText));
    auto read =
        json::read(context.text, {.bytes = policy::kMaxPolicyText, .depth = policy::kMaxNesting});
    if (!read) return context.error(read.error());
    out.context = std::move(read).value();
  }
  return out;
}

Result<Asked> read_asked(const Options& options) {
  const PolicyOptions& asked = options.policy;
  const Question question = TRY(question_of(asked));
  PolicyFiles files = TRY(load_files(options.target, asked.schema, asked.entities));
  auto request = to_request(question, files.typed());
  if (!request) return std::move(request).error().context("the request does not fit");
  return Asked{std::move(files), std::move(request).value(),
               asked.cedar ? policy::OnError::Skip : policy::OnError::Deny};
}

// "FILE:LINE", or the file alone for what has no lines.
std::string place(const SourceFile& file, std::size_t line) {
  return line == 0 ? printable(file.name) : fmt::format("{}:{}", printable(file.name), line);
}

std::string headline(const policy::Response& response) {
  if (response.decision == policy::Decision::Allow) return "allow";
  if (response.denied_by_error) return "deny: a policy fails, and what fails denies";
  return response.reasons.empty() ? "deny: no policy permits this" : "deny";
}

json::Value response_json(const Asked& asked, const policy::Response& response) {
  json::Value reasons = json::Value::array();
  for (const policy::PolicyRef& ref : response.reasons) {
    const policy::Policy& policy = *asked.files.set.find(ref.id);
    json::Value one = json::Value::object();
    one.set("id", policy.id).set("name", policy_name(policy)).set("line", policy.body->line);
    reasons.push(std::move(one));
  }
  json::Value errors = json::Value::array();
  for (const policy::PolicyError& error : response.errors) {
    json::Value one = json::Value::object();
    one.set("id", error.policy.id).set("name", policy_name(*asked.files.set.find(error.policy.id)));
    one.set("message", error.message);
    errors.push(std::move(one));
  }
  json::Value value = new_answer();
  value.set("decision", response.decision == policy::Decision::Allow ? "allow" : "deny");
  value.set("reasons", std::move(reasons)).set("errors", std::move(errors));
  value.set("denied_by_error", response.denied_by_error);
  return value;
}

void show_response(const Asked& asked, const policy::Response& response) {
  answer(headline(response));
  for (const policy::PolicyRef& ref : response.reasons) {
    const policy::Policy& policy = *asked.files.set.find(ref.id);
    answer(fmt::format("  by     {}   {}", policy_label(policy),
                       place(asked.files.file, policy.body->line)));
  }
  for (const policy::PolicyError& error : response.errors) {
    answer(fmt::format("  fails  {}   {}", policy_label(*asked.files.set.find(error.policy.id)),
                       asked.files.file.located(error.message)));
  }
}

const char* outcome_name(PolicyStory::Outcome outcome) {
  switch (outcome) {
    case PolicyStory::Outcome::Holds: return "holds";
    case PolicyStory::Outcome::Fails: return "fails";
    case PolicyStory::Outcome::Differs: return "condition";
    case PolicyStory::Outcome::Other: return "scope";
  }
  return "";
}

json::Value story_json(const PolicyStory& story) {
  json::Value out = json::Value::object();
  out.set("id", story.policy->id).set("name", policy_name(*story.policy));
  out.set("effect", story.policy->body->effect == policy::Effect::Permit ? "permit" : "forbid");
  out.set("line", story.policy->body->line).set("outcome", outcome_name(story.outcome));
  json::Value scope = json::Value::object();
  scope.set("principal", story.principal).set("action", story.action);
  scope.set("resource", story.resource);
  out.set("scope", std::move(scope));
  out.set("conditions", story.policy->body->conditions.size()).set("held", story.held);
  if (!story.expression.empty()) {
    out.set("expression", story.expression).set("at_line", std::uint32_t{story.at.line});
    if (story.error.empty()) out.set("value", story.value);
    json::Value operands = json::Value::array();
    for (const policy::Operand& operand : story.operands) {
      json::Value one = json::Value::object();
      one.set("expression", operand.expression).set("value", operand.value);
      operands.push(std::move(one));
    }
    out.set("operands", std::move(operands));
  }
  if (!story.error.empty()) out.set("error", story.error);
  return out;
}

void show_story(const Asked& asked, const PolicyStory& story) {
  const policy::PolicyBody& body = *story.policy->body;
  const auto row = [](const char* what, const std::string& how) {
    answer(fmt::format("    {:<10} {}", what, how));
  };
  answer(fmt::format("  {} {}   {}", body.effect == policy::Effect::Permit ? "permit" : "forbid",
                     policy_label(*story.policy), place(asked.files.file, body.line)));
  if (story.outcome == PolicyStory::Outcome::Other) {
    const auto part = [&](bool holds, const std::string& scope, const policy::EntityUid& is) {
      if (!holds) row("scope", fmt::format("{}   but it is {}", scope, printable(is.text(), 120)));
    };
    part(story.principal, story.principal_scope, asked.request.principal);
    part(story.action, story.action_scope, asked.request.action);
    part(story.resource, story.resource_scope, asked.request.resource);
    return;
  }
  if (story.outcome == PolicyStory::Outcome::Holds) {
    row("holds", body.conditions.empty() ? "its scope matches; it has no conditions"
                                         : "its scope and all its conditions");
    return;
  }
  const policy::Condition& condition = body.conditions[story.held];
  row(condition.unless ? "unless" : "when",
      fmt::format("{}   {}", story.expression, place(asked.files.file, story.at.line)));
  if (!story.error.empty()) {
    const std::string error = without_place(story.error);
    row("fails", printable(error.substr(0, error.find('\n')), 300));
  } else {
    row("is", story.value ? "true" : "false");
  }
  for (const policy::Operand& operand : story.operands) {
    row("where", operand.expression + " is " + operand.value);
  }
}

}  // namespace

Result<int> policy_authorize(const Options& options, Machine&) {
  const Asked asked = TRY(read_asked(options));
  const policy::Response response =
      policy::authorize(asked.files.set, asked.files.entities, asked.request, asked.on_error);
  if (options.json) {
    put_answer(response_json(asked, response));
  } else if (!options.quiet) {
    show_response(asked, response);
  }
  return response.decision == policy::Decision::Allow ? kYes : kNo;
}

Result<int> policy_explain(const Options& options, Machine&) {
  const Asked asked = TRY(read_asked(options));
  const policy::Explanation why =
      policy::explain(asked.files.set, asked.files.entities, asked.request, asked.on_error);
  const bool allow = why.response.decision == policy::Decision::Allow;
  constexpr std::size_t kMostShown = 5;
  constexpr std::size_t kMostWritten = 1000;
  if (options.json) {
    json::Value value = response_json(asked, why.response);
    json::Value stories = json::Value::array();
    for (std::size_t i = 0; i < why.policies.size() && i < kMostWritten; ++i) {
      stories.push(story_json(why.policies[i]));
    }
    value.set("policies", std::move(stories)).set("policies_in_all", why.policies.size());
    put_answer(value);
    return allow ? kYes : kNo;
  }
  answer(headline(why.response));
  const policy::Effect decisive = allow ? policy::Effect::Permit : policy::Effect::Forbid;
  const auto decided = [&](const PolicyStory& story) {
    return story.policy->body->effect == decisive && story.outcome == PolicyStory::Outcome::Holds;
  };
  for (const PolicyStory& story : why.policies) {
    if (decided(story) || story.outcome == PolicyStory::Outcome::Fails) show_story(asked, story);
  }
  if (allow) return kYes;
  // What would have had to hold: the permits, nearest first.
  const bool by_silence = why.response.reasons.empty() && !why.response.denied_by_error;
  std::size_t shown = 0;
  std::size_t more = 0;
  for (const PolicyStory& story : why.policies) {
    if (story.policy->body->effect != policy::Effect::Permit ||
        story.outcome == PolicyStory::Outcome::Fails) {
      continue;
    }
    if (shown == kMostShown) {
      ++more;
      continue;
    }
    if (shown == 0) answer(by_silence ? "nearest" : "what would permit it");
    show_story(asked, story);
    ++shown;
  }
  if (more > 0) answer(fmt::format("  and {} more, further away", more));
  if (shown == 0 && why.response.errors.empty()) answer("  there is no permit at all");
  return kNo;
}

}  // namespace writ::cli
