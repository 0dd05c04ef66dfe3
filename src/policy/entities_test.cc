#include "policy/entities.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "policy/request.h"
#include "policy/value_internal.h"

namespace writ::policy {
namespace {

EntityUid uid(const std::string& type, const std::string& id) {
  return EntityUid::make(type, id);
}

Entity entity(const EntityUid& id, std::vector<EntityUid> parents = {}) {
  return {id, Value::record({}), std::move(parents)};
}

TEST(Entities, AnActionCanBeInActionsOnly) {
  const auto read = [](const char* parent) {
    return Entities::parse_json(
        std::string(R"([{"uid": {"type": "App::Action", "id": "a"}, "attrs": {}, "parents": [)") +
        R"({"type": ")" + parent + R"(", "id": "b"}]}])");
  };
  EXPECT_TRUE(read("Action"));
  EXPECT_FALSE(read("Group"));
  EXPECT_FALSE(read("MyAction"));
}

TEST(Entities, ParentsBecomeTransitiveInAnyOrder) {
  EntitiesBuilder builder;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(
        builder.add(entity(uid("T", std::to_string(i)), {uid("T", std::to_string(i + 1))})));
  }
  const Entities entities = std::move(builder).build().value();
  EXPECT_TRUE(entities.is_in(uid("T", "0"), uid("T", "50")));
  EXPECT_TRUE(entities.is_in(uid("T", "49"), uid("T", "50")));
  EXPECT_FALSE(entities.is_in(uid("T", "50"), uid("T", "0")));
  EXPECT_TRUE(entities.is_in(uid("Z", "q"), uid("Z", "q")));
}

TEST(Entities, CyclesAreRefused) {
  EntitiesBuilder self;
  ASSERT_TRUE(self.add(entity(uid("T", "a"), {uid("T", "a")})));
  EXPECT_FALSE(std::move(self).build());
  EntitiesBuilder ring;
  ASSERT_TRUE(ring.add(entity(uid("T", "a"), {uid("T", "b")})));
  ASSERT_TRUE(ring.add(entity(uid("T", "b"), {uid("T", "c")})));
  ASSERT_TRUE(ring.add(entity(uid("T", "c"), {uid("T", "a")})));
  EXPECT_FALSE(std::move(ring).build());
}

TEST(Entities, TheSameEntityTwiceMustBeTheSame) {
  const auto one = Value::record({{"x", Value::integer(1)}});
  const auto built = [&](Entity again) {
    EntitiesBuilder builder;
    EXPECT_TRUE(builder.add({uid("T", "a"), one, {uid("T", "b"), uid("T", "c")}}));
    EXPECT_TRUE(builder.add(entity(uid("T", "b"))));
    EXPECT_TRUE(builder.add(std::move(again)));
    return std::move(builder).build();
  };
  const auto same = built({uid("T", "a"), one, {uid("T", "c"), uid("T", "b"), uid("T", "c")}});
  ASSERT_TRUE(same);
  EXPECT_EQ(same->size(), 2U);
  for (const Entity& other : {Entity{uid("T", "a"),
                                     Value::record({{"x", Value::integer(2)}}),
                                     {uid("T", "b"), uid("T", "c")}},
                              Entity{uid("T", "a"), one, {uid("T", "b")}},
                              Entity{uid("T", "a"), one, {uid("T", "b"), uid("T", "c")}, one}}) {
    const auto differs = built(other);
    ASSERT_FALSE(differs);
    EXPECT_EQ(differs.error().code(), Code::Conflict);
  }
}

// Against a walk over the parents, for every pair; with more ancestors than are looked through one
// by one, ids that are not in the store, and a store below.
TEST(Entities, BeingInIsReachingByParents) {
  std::uint64_t state = 7;
  const auto random = [&](std::size_t n) {
    state = state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    return static_cast<std::size_t>(state >> 33U) % n;
  };
  constexpr std::size_t kIds = 90;
  constexpr std::size_t kSplit = 45;  // ids from here on are in the store below
  const auto id = [](std::size_t i) {
    return uid(i % 2 == 0 ? "Even" : "Odd::Type", std::to_string(i));
  };
  std::vector<std::vector<std::size_t>> parents(kIds + 10);
  for (std::size_t i = 0; i < kIds; ++i) {
    for (std::size_t k = 1 + random(3); k > 0; --k) parents[i].push_back(i + 1 + random(4));
  }
  const auto add = [&](EntitiesBuilder& builder, std::size_t i) {
    Entity made = entity(id(i));
    for (const std::size_t parent : parents[i]) made.parents.push_back(id(parent));
    ASSERT_TRUE(builder.add(std::move(made)));
  };
  EntitiesBuilder lower;
  for (std::size_t i = kSplit; i < kIds; ++i) add(lower, i);
  const Entities below = std::move(lower).build().value();
  EntitiesBuilder upper(below);
  for (std::size_t i = kSplit; i > 0; --i) add(upper, i - 1);
  const Entities entities = std::move(upper).build().value();

  std::size_t most = 0;
  for (std::size_t from = 0; from < parents.size(); ++from) {
    std::vector<bool> reached(parents.size(), false);
    std::vector<std::size_t> work = {from};
    while (!work.empty()) {
      const std::size_t at = work.back();
      work.pop_back();
      if (reached[at]) continue;
      reached[at] = true;
      work.insert(work.end(), parents[at].begin(), parents[at].end());
    }
    for (std::size_t to = 0; to < parents.size(); ++to) {
      ASSERT_EQ(entities.is_in(id(from), id(to)), reached[to]) << from << " in " << to;
    }
    most = std::max(most, entities.ancestors(id(from)).size());
  }
  EXPECT_GT(most, 40U);
}

TEST(Entities, AStoreOverAnotherSeesBothAndMayNotContradict) {
  EntitiesBuilder builder;
  ASSERT_TRUE(builder.add(entity(uid("Group", "dev"), {uid("Group", "all")})));
  ASSERT_TRUE(builder.add(entity(uid("User", "bob"), {uid("Group", "absent")})));
  const Entities below = std::move(builder).build().value();

  EntitiesBuilder over(below);
  ASSERT_TRUE(over.add(entity(uid("User", "alice"), {uid("Group", "dev")})));
  EXPECT_TRUE(over.add(entity(uid("Group", "dev"), {uid("Group", "all")})));
  EXPECT_FALSE(over.add(entity(uid("Group", "dev"), {})));
  EXPECT_FALSE(over.add(entity(uid("Group", "absent"), {uid("Group", "root")})));
  EXPECT_TRUE(over.add(entity(uid("Group", "absent"), {})));
  const Entities entities = std::move(over).build().value();
  EXPECT_TRUE(entities.is_in(uid("User", "alice"), uid("Group", "all")));
  EXPECT_TRUE(entities.is_in(uid("User", "bob"), uid("Group", "absent")));
  EXPECT_NE(entities.find(uid("User", "bob")), nullptr);
  EXPECT_EQ(below.find(uid("User", "alice")), nullptr);
  EXPECT_EQ(entities.size(), 4U);
}

// What is compared first is half of a hash; of so many ids some begin alike.
TEST(Entities, IdsWhoseHashesBeginAlikeAreToldApart) {
  std::vector<EntityUid> ids;
  for (int i = 0; i < 300'000; ++i) ids.push_back(uid("T", std::to_string(i)));
  std::sort(ids.begin(), ids.end(),
            [](const EntityUid& a, const EntityUid& b) { return search_less(a.node(), b.node()); });
  std::size_t pairs = 0;
  for (std::size_t i = 1; i < ids.size(); ++i) {
    if (ids[i - 1].node()->hash >> 32U != ids[i].node()->hash >> 32U) continue;
    ++pairs;
    EntitiesBuilder builder;
    ASSERT_TRUE(builder.add(entity(uid("U", "u"), {ids[i]})));
    const Entities entities = std::move(builder).build().value();
    EXPECT_TRUE(entities.is_in(uid("U", "u"), ids[i]));
    EXPECT_FALSE(entities.is_in(uid("U", "u"), ids[i - 1]));
  }
  EXPECT_GE(pairs, 1U);
}

TEST(Entities, TooManyAncestorsAreRefusedNotStored) {
  EntitiesBuilder builder;
  for (int i = 0; i < 6'000; ++i) {
    ASSERT_TRUE(
        builder.add(entity(uid("T", std::to_string(i)), {uid("T", std::to_string(i + 1))})));
  }
  const auto built = std::move(builder).build();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code(), Code::Exhausted);
}

TEST(EntitiesJson, RoundTripsAndIsCanonical) {
  const char* text = R"([
    {"uid": {"type": "U", "id": "b"}, "attrs": {"z": [2, 1], "a": {"__entity": {"type": "U", "id": "a"}}},
     "parents": [{"__entity": {"type": "G", "id": "2"}}, {"type": "G", "id": "1"}], "tags": {"t": "x"}, "more": 1},
    {"uid": {"__entity": {"type": "U", "id": "a"}}, "attrs": {}, "parents": []}])";
  const Entities entities = Entities::parse_json(text).value();
  const std::string json = to_json(entities).value();
  EXPECT_EQ(
      json,
      R"([{"uid":{"type":"U","id":"a"},"attrs":{},"parents":[]},)"
      R"({"uid":{"type":"U","id":"b"},"attrs":{"a":{"__entity":{"type":"U","id":"a"}},"z":[1,2]},)"
      R"("parents":[{"type":"G","id":"1"},{"type":"G","id":"2"}],"tags":{"t":"x"}}])");
  EXPECT_EQ(to_json(Entities::parse_json(json).value()).value(), json);
  EXPECT_TRUE(Entities::check_json(json::whole(json)));
}

TEST(EntitiesJson, RefusesWhatIsNoEntity) {
  for (const char* bad :
       {"{}", "[1]", R"([{"attrs": {}, "parents": []}])",
        R"([{"uid": {"type": "T", "id": "a"}, "parents": []}])",
        R"([{"uid": {"type": "T", "id": "a"}, "attrs": {}}])",
        R"([{"uid": "T::\"a\"", "attrs": {}, "parents": []}])",
        R"([{"uid": {"type": "A :: B", "id": "a"}, "attrs": {}, "parents": []}])",
        R"([{"uid": {"type": "T", "id": "a"}, "attrs": {"x": null}, "parents": []}])",
        R"([{"uid": {"type": "T", "id": "a"}, "attrs": [], "parents": []}])",
        R"([{"uid": {"type": "T", "id": "a"}, "attrs": {}, "parents": {}}])",
        R"([{"uid": {"type": "T", "id": "a"}, "attrs": {}, "parents": [], "tags": 1}])"}) {
    EXPECT_FALSE(Entities::parse_json(bad)) << bad;
    EXPECT_FALSE(Entities::check_json(json::whole(bad))) << bad;
  }
}

TEST(RequestJson, RoundTripsAndRefusesOtherKeys) {
  const Request request{uid("U", "a"), uid("Action", "b"), uid("R", "c"),
                        Value::record({{"t", Value::datetime(0)}})};
  const std::string json = to_json(request).value();
  EXPECT_EQ(to_json(Request::parse_json(json).value()).value(), json);
  EXPECT_FALSE(Request::parse_json(R"({"principal": {"type": "U", "id": "a"}})"));
  EXPECT_FALSE(Request::parse_json(json.substr(0, json.size() - 1) + R"(,"extra":1})"));
}

}  // namespace
}  // namespace writ::policy
