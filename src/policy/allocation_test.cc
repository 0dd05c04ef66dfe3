// Decisions take no memory from the heap once an Authorizer has seen one of their size.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "policy/authorizer.h"

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  void* out = std::malloc(size == 0 ? 1 : size);
  if (out == nullptr) std::abort();
  return out;
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return counted(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace writ::policy {
namespace {

constexpr const char* kLongId = "a policy id that no small string can hold without the heap";

Entities world() {
  EntitiesBuilder builder;
  const Value attrs = Value::record({{"level", Value::integer(3)},
                                     {"an attribute with a long name indeed",
                                      Value::string("and a text that is not short either")}});
  const EntityUid role = EntityUid::make("Role", "a role with a name beyond small strings");
  for (int i = 0; i < 40; ++i) {
    const auto id = std::to_string(i);
    EXPECT_TRUE(builder.add({EntityUid::make("User", id), attrs, {role}, attrs}));
    EXPECT_TRUE(builder.add(
        {EntityUid::make("Doc", id), attrs, {EntityUid::make("Folder", std::to_string(i / 2))}}));
  }
  return std::move(builder).build().value();
}

Request request(int i) {
  return {EntityUid::make("User", std::to_string(i)), EntityUid::make("Action", "read"),
          EntityUid::make("Doc", std::to_string(i)),
          Value::record({{"n", Value::integer(i)},
                         {"ip", Value::ip({.v6 = false, .prefix = 32, .address = {10, 0, 0, 1}})},
                         {"text", Value::string("1.5")},
                         {"when", Value::datetime(1'000'000)}})};
}

// Every instruction, values made while running, failures of every sort.
const char* const kConditions[] = {
    "principal.level > 1 && resource.level * 2 + 1 - 1 <= 6 || context.n != -context.n",
    "[principal, resource, User::\"3\"].contains(principal)",
    "[context.n, 1, [context.n]].containsAll([context.n]) && ![context.n].isEmpty()",
    "{a: context.n, \"an attribute with a long name indeed\": [context.n]}.a == context.n",
    "{a: {b: context.n}} == {a: {b: context.n}} && [1, 2].containsAny([context.n, 2])",
    "principal in [Role::\"x\", Role::\"a role with a name beyond small strings\"]",
    "resource is Doc in Folder::\"1\" && principal has level && !(principal has absent.more)",
    "principal[\"an attribute with a long name indeed\"] like \"and*short*\"",
    "principal.hasTag(\"level\") && principal.getTag(\"level\") == 3",
    "context.ip.isInRange(ip(\"10.0.0.0/8\")) && decimal(context.text).lessThan(decimal(\"2.0\"))",
    "context.when.offset(duration(\"1h\")).toDate() < datetime(\"2000-01-01\")",
    "if principal is User then context.n >= 0 else false",
    "context.absent",
    "Nobody::\"x\".level == 1",
    "principal.getTag(\"no tag of this name, which is long, is here\") == 1",
    "1 + 9223372036854775807 == context.n",
    "context.n < \"text\"",
    "context.when.offset(duration(\"106751991167d\")).offset(duration(\"106751991167d\")) == 1",
    "context.ip.isInRange(context.n)",
    "ip(\"1.2.3.4\", \"x\").isIpv4()",
};

PolicySet set_of(std::size_t copies) {
  PolicySet set;
  std::size_t count = 0;
  for (std::size_t i = 0; i < copies; ++i) {
    for (const char* condition : kConditions) {
      for (const char* effect : {"permit", "forbid"}) {
        const std::string scope = i % 2 == 0
                                      ? "(principal, action, resource)"
                                      : "(principal in Role::\"a role with a name beyond small "
                                        "strings\", action == Action::\"read\", resource is Doc)";
        const auto added = set.add(kLongId + std::to_string(count++),
                                   effect + scope + " when { " + condition + " };");
        EXPECT_TRUE(added) << added.error().message();
      }
    }
  }
  return set;
}

TEST(Allocation, TheHookSeesTheHeap) {
  const std::size_t before = allocations;
  const auto value = Value::string("x");
  EXPECT_GT(allocations, before);
}

TEST(Allocation, AfterWarmUpADecisionAllocatesNothing) {
  const Entities entities = world();
  const PolicySet set = set_of(3);
  const std::array<const PolicySet*, 1> sets = {&set};
  std::vector<Request> requests;
  for (int i = 0; i < 40; ++i) requests.push_back(request(i));
  Authorizer authorizer;
  std::size_t failures = 0;
  std::size_t reasons = 0;
  const auto round = [&](Find find) {
    for (const Request& asked : requests) {
      const Verdict& verdict = authorizer.decide(sets, entities, asked, OnError::Deny, find);
      failures += verdict.failures.size();
      reasons += verdict.reasons.size();
    }
  };
  for (const Find find : {Find::Indexed, Find::OneByOne}) {
    round(find);
    const std::size_t before = allocations;
    round(find);
    EXPECT_EQ(allocations, before);
  }
  // All of it was really done.
  EXPECT_GT(failures, 40U * 8 * 3);
  EXPECT_GT(reasons, 40U * 8 * 3);
}

TEST(Allocation, ValuesMadeWhileRunningCanBeKept) {
  const Entities entities = world();
  const PolicySet set =
      PolicySet::parse("permit(principal, action, resource) when { [1] == {a: [context.n]} };")
          .value();
  std::vector<Value> kept;
  {
    const PolicyBody& body = *set.policies()[0].body;
    Request asked = request(1);
    Evaluator evaluator(entities, asked);
    ASSERT_TRUE(evaluator.evaluate(body.exprs, body.program));
    detail::Arena arena;
    const std::vector<ValueRef> elements = {ValueRef::integer(2), ValueRef::integer(1),
                                            ValueRef::integer(2)};
    const ValueRef inner = arena.set(elements);
    const std::vector<Name> names = {"b", "a", "b"};
    const std::vector<ValueRef> fields = {inner, inner, ValueRef::integer(7)};
    const ValueRef record = arena.record(names, fields);
    EXPECT_EQ(to_text(record), "{a: [1, 2], b: 7}");
    kept.push_back(record.to_value());
    kept.emplace_back(record.find("a")->elements()[0]);
    kept.push_back(record.fields()[0].value);
    arena.reset();
    (void)arena.set(fields);
  }
  EXPECT_EQ(to_text(kept[0]), "{a: [1, 2], b: 7}");
  EXPECT_EQ(to_text(kept[1]), "1");
  EXPECT_EQ(to_text(kept[2]), "[1, 2]");
}

}  // namespace
}  // namespace writ::policy
