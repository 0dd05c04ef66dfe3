// What the scope index selects is what looking at every scope selects: decisions, reasons and
// errors are the same, byte for byte.
#include "policy/scope_index.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "policy/authorizer.h"

namespace writ::policy {
namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t n) {
  return random() % n;
}

EntityUid uid(const std::string& type, std::size_t id) {
  return EntityUid::make(type, "e" + std::to_string(id));
}

const std::vector<std::string>& types() {
  static const std::vector<std::string> kTypes = {"User", "Group", "App::Doc"};
  return kTypes;
}

std::string uid_text(Random& random, std::size_t ids) {
  return types()[below(random, 3)] + "::\"e" + std::to_string(below(random, ids)) + "\"";
}

std::string scope_text(Random& random, const std::string& variable, std::size_t ids, bool slots) {
  const std::string target =
      slots && below(random, 2) == 0 ? "?" + variable : uid_text(random, ids);
  const std::string type = types()[below(random, 3)];
  switch (below(random, 5)) {
    case 0: return variable;
    case 1: return variable + " == " + target;
    case 2: return variable + " in " + target;
    case 3: return variable + " is " + type;
    default: return variable + " is " + type + " in " + target;
  }
}

std::string action_text(Random& random, std::size_t ids) {
  const auto one = [&] { return "Action::\"e" + std::to_string(below(random, ids)) + "\""; };
  switch (below(random, 4)) {
    case 0: return "action";
    case 1: return "action == " + one();
    case 2: return "action in " + one();
    default: {
      std::string out = "action in [";
      const std::size_t count = below(random, 4);
      for (std::size_t i = 0; i < count; ++i) out += (i > 0 ? ", " : "") + one();
      return out + "]";
    }
  }
}

// A third of the conditions fail.
std::string condition_text(Random& random) {
  switch (below(random, 6)) {
    case 0: return " when { context.absent };";
    case 1: return " when { principal.absent == 1 };";
    case 2: return " when { context.n > 1 };";
    case 3: return " unless { context.n > 2 };";
    default: return ";";
  }
}

std::string policy_text(Random& random, std::size_t ids, bool slots) {
  return std::string(below(random, 4) == 0 ? "forbid" : "permit") + "(" +
         scope_text(random, "principal", ids, slots) + ", " + action_text(random, ids) + ", " +
         scope_text(random, "resource", ids, slots) + ")" + condition_text(random);
}

PolicySet random_set(Random& random, std::size_t count, std::size_t ids) {
  PolicySet set;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = "p" + std::to_string(i);
    const std::string text = policy_text(random, ids, below(random, 4) == 0);
    EXPECT_TRUE(set.add(id, text)) << text;
    const Policy& made = *set.find(id);
    if (!made.body->is_template()) continue;
    const auto value = [&](bool slot) -> std::optional<EntityUid> {
      if (!slot) return std::nullopt;
      return uid(types()[below(random, 3)], below(random, ids));
    };
    EXPECT_TRUE(set.link(id, id + "-link", value(made.body->principal.slot),
                         value(made.body->resource.slot)));
  }
  return set;
}

// Parents have higher numbers; some are not in the store.
Entities random_entities(Random& random, std::size_t ids, std::size_t parents) {
  EntitiesBuilder builder;
  for (const std::string& type : {types()[0], types()[1], types()[2], std::string("Action")}) {
    for (std::size_t i = 0; i < ids; ++i) {
      if (below(random, 5) == 0) continue;
      Entity entity{uid(type, i)};
      const std::size_t count = below(random, parents + 1);
      for (std::size_t k = 0; k < count; ++k) {
        const std::string& above = type == "Action" ? type : types()[below(random, 3)];
        if (above == type || i + 1 < ids) {
          entity.parents.push_back(uid(above, i + 1 + below(random, ids)));
        }
      }
      EXPECT_TRUE(builder.add(std::move(entity)));
    }
  }
  return std::move(builder).build().value();
}

std::string text_of(const Response& answer) {
  std::string out = answer.decision == Decision::Allow ? "allow" : "deny";
  if (answer.denied_by_error) out += " by error";
  for (const PolicyRef& reason : answer.reasons) {
    out += "\n" + std::to_string(reason.set) + " " + reason.id;
  }
  for (const PolicyError& error : answer.errors) {
    out += "\n" + std::to_string(error.policy.set) + " " + error.policy.id + ": " + error.message;
  }
  return out;
}

struct Tally {
  std::size_t allow = 0;
  std::size_t deny = 0;
  std::size_t with_errors = 0;
  std::size_t matching = 0;
};

// Asks both ways.
void compare(Random& random, const PolicySet& first, const PolicySet& second,
             const Entities& entities, std::size_t ids, Authorizer& authorizer, Tally& tally) {
  const std::array<const PolicySet*, 2> sets = {&first, &second};
  for (int i = 0; i < 12; ++i) {
    const Request request{
        uid(types()[below(random, 3)], below(random, ids)), uid("Action", below(random, ids)),
        uid(types()[below(random, 3)], below(random, ids)),
        Value::record({{"n", Value::integer(static_cast<std::int64_t>(below(random, 4)))}})};
    for (const OnError on_error : {OnError::Skip, OnError::Deny}) {
      authorizer.decide(sets, entities, request, on_error, Find::OneByOne);
      const Response expected = authorizer.response(sets);
      authorizer.decide(sets, entities, request, on_error, Find::Indexed);
      ASSERT_EQ(text_of(authorizer.response(sets)), text_of(expected));
      ASSERT_EQ(text_of(authorize(sets, entities, request, on_error)), text_of(expected));
      (expected.decision == Decision::Allow ? tally.allow : tally.deny) += 1;
      if (!expected.errors.empty()) ++tally.with_errors;
      tally.matching += expected.reasons.size() + expected.errors.size();
    }
  }
}

TEST(ScopeIndex, RandomSetsAreAnsweredAsByLookingAtEveryScope) {
  Tally tally;
  Authorizer authorizer;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Random random(seed);
    // Few ids: dense matches, and more combinations than policies. Many: the buckets are used.
    const std::size_t ids = 2 + below(random, seed % 2 == 0 ? 4 : 12);
    const PolicySet first = random_set(random, below(random, seed % 3 == 0 ? 12 : 250), ids);
    const PolicySet second = random_set(random, below(random, 20), ids);
    const Entities entities = random_entities(random, ids, seed % 5);
    compare(random, first, second, entities, ids, authorizer, tally);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(tally.allow, 200U);
  EXPECT_GT(tally.deny, 200U);
  EXPECT_GT(tally.with_errors, 200U);
  EXPECT_GT(tally.matching, 2'000U);
}

TEST(ScopeIndex, MoreAncestorsThanTheScopesName) {
  EntitiesBuilder builder;
  Entity user{uid("User", 0)};
  for (std::size_t i = 0; i < 1'000; ++i) user.parents.push_back(uid("Group", i));
  ASSERT_TRUE(builder.add(std::move(user)));
  const Entities entities = std::move(builder).build().value();
  PolicySet set;
  for (std::size_t i = 900; i < 1'100; ++i) {
    const std::string id = "p" + std::to_string(i);
    ASSERT_TRUE(set.add(id, "permit(principal in Group::\"e" + std::to_string(i) +
                                "\", action, resource in User::\"e" + std::to_string(i % 2) +
                                "\");"));
  }
  const Response answer =
      authorize(set, entities, {uid("Nobody", 0), uid("Action", 0), uid("User", 0)}, OnError::Deny);
  EXPECT_EQ(answer.reasons.size(), 0U);
  const Response other =
      authorize(set, entities, {uid("User", 0), uid("Action", 0), uid("User", 0)}, OnError::Deny);
  EXPECT_EQ(other.reasons.size(), 50U);  // the even ones below 1,000
}

TEST(ScopeIndex, ASetThatGrowsOrIsCopiedForgetsItsIndex) {
  const Request request{uid("User", 1), uid("Action", 1), uid("App::Doc", 1)};
  const Entities none;
  PolicySet set;
  const auto reasons = [&](const PolicySet& asked) {
    return authorize(asked, none, request, OnError::Deny).reasons.size();
  };
  for (std::size_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(set.add("other" + std::to_string(i),
                        "permit(principal == User::\"x\", action, resource);"));
  }
  EXPECT_EQ(reasons(set), 0U);
  ASSERT_TRUE(set.add("a", "permit(principal == User::\"e1\", action, resource);"));
  EXPECT_EQ(reasons(set), 1U);
  ASSERT_TRUE(set.add("t", "permit(principal == ?principal, action, resource);"));
  ASSERT_TRUE(set.link("t", "b", uid("User", 1), std::nullopt));
  EXPECT_EQ(reasons(set), 2U);
  PolicySet copy = set;
  ASSERT_TRUE(copy.add("c", "permit(principal, action == Action::\"e1\", resource);"));
  EXPECT_EQ(reasons(copy), 3U);
  EXPECT_EQ(reasons(set), 2U);
  const PolicySet moved = std::move(copy);
  EXPECT_EQ(reasons(moved), 3U);
  copy = set;
  EXPECT_EQ(reasons(copy), 2U);
}

TEST(ScopeIndex, ThreadsThatAskFirstShareOneIndex) {
  Random random(5);
  const Entities entities = random_entities(random, 6, 2);
  const Request request{uid("User", 1), uid("Action", 1), uid("App::Doc", 1),
                        Value::record({{"n", Value::integer(1)}})};
  for (int round = 0; round < 20; ++round) {
    const PolicySet set = random_set(random, 60, 6);
    std::array<std::string, 4> answers;
    std::array<const ScopeIndex*, 4> indexes{};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] {
        answers[i] = text_of(authorize(set, entities, request, OnError::Skip));
        indexes[i] = &set.scope_index();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 1; i < answers.size(); ++i) {
      EXPECT_EQ(answers[i], answers[0]);
      EXPECT_EQ(indexes[i], indexes[0]);
    }
  }
}

// Not by timing: with an index, policies of other keys are not even read.
TEST(ScopeIndex, OnlyPoliciesWhoseScopesMatchAreSelected) {
  PolicySet set;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string n = std::to_string(i % 100);
    const std::string scope =
        i % 3 == 0   ? "principal == User::\"e" + n + "\", action, resource"
        : i % 3 == 1 ? "principal is User in Group::\"e" + n +
                           "\", action in [Action::\"e0\", Action::\"e1\"], "
                           "resource is App::Doc"
                     : "principal in Group::\"e" + n + "\", action, resource in App::Doc::\"e1\"";
    ASSERT_TRUE(set.add("p" + std::to_string(i), "permit(" + scope + ");"));
  }
  EntitiesBuilder builder;
  ASSERT_TRUE(builder.add({uid("User", 6), Value::record({}), {uid("Group", 7)}}));
  ASSERT_TRUE(
      builder.add({uid("Action", 5), Value::record({}), {uid("Action", 0), uid("Action", 1)}}));
  const Entities entities = std::move(builder).build().value();
  const Request request{uid("User", 6), uid("Action", 5), uid("App::Doc", 1)};
  Evaluator evaluator(entities, request);
  Selection selection;
  set.scope_index().select(set.policies(), evaluator.known(), selection);
  std::vector<std::size_t> selected;
  selection.each([&](std::size_t at) { selected.push_back(at); });
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < 300; ++i) {
    if ((i % 3 == 0 && i % 100 == 6) || (i % 3 != 0 && i % 100 == 7)) expected.push_back(i);
  }
  EXPECT_EQ(selected, expected);
  EXPECT_EQ(selected.size(), 3U);
}

}  // namespace
}  // namespace writ::policy
