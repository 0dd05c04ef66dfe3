#include "policy/schema_forms.h"

#include <gtest/gtest.h>

#include "policy/schema.h"

namespace writ::policy {
namespace {

// Both forms, once and again: what each says the second time.
void expect_stable(const std::string& text) {
  const auto json = schema_text_to_json(text);
  ASSERT_TRUE(json) << text << json.error().message();
  ASSERT_TRUE(Schema::parse_json(*json)) << *json;
  const auto again = schema_json_to_text(*json);
  ASSERT_TRUE(again) << *json << again.error().message();
  EXPECT_EQ(schema_text_to_json(*again).value(), *json) << *again;
  EXPECT_EQ(schema_json_to_text(schema_text_to_json(*again).value()).value(), *again);
}

TEST(SchemaForms, SayTheSame) {
  const std::string text = R"(
    @doc("n") namespace N::M {
      @x type T = { a: Long, @y("z") b?: Set<{ c: String }>, "d e": ipaddr };
      entity A, B in [G] = { t: T, "in"?: __cedar::Bool } tags Set<decimal>;
      entity G enum ["x", "\n"];
      @act action view, "do it" in [all, Action::"more"] appliesTo {
        principal: [A, B], resource: G, context: T };
      action all; action more in ["all"];
    }
    entity Outer { a: N::M::A };)";
  expect_stable(text);
  EXPECT_EQ(
      schema_text_to_json("entity A in B = { x?: Set<Long> }; entity B; action a in b; action b;")
          .value(),
      R"({"":{"entityTypes":{"A":{"memberOfTypes":["B"],"shape":{"type":"Record","attributes":)"
      R"({"x":{"type":"Set","element":{"type":"EntityOrCommon","name":"Long"},"required":false}}}},)"
      R"("B":{}},"actions":{"a":{"appliesTo":{"principalTypes":[],"resourceTypes":[]},)"
      R"("memberOf":[{"id":"b"}]},"b":{"appliesTo":{"principalTypes":[],"resourceTypes":[]}}}}})");
  EXPECT_EQ(schema_text_to_json("").value(), "{}");
  EXPECT_EQ(schema_json_to_text("{}").value(), "");
}

TEST(SchemaForms, NamesInTheHumanFormMeanWhatTheJsonSays) {
  // An entity type called `Long` and one called `ipaddr` stand before the built-in types.
  EXPECT_EQ(
      schema_json_to_text(
          R"({"":{"entityTypes":{"Long":{},"ipaddr":{},"A":{"shape":{"type":"Record","attributes":{
                  "a":{"type":"Long"},"b":{"type":"Entity","name":"Long"},"c":{"type":"Boolean"},
                  "d":{"type":"Extension","name":"ipaddr"},"e":{"type":"T"}}}}},"actions":{},
                  "commonTypes":{"T":{"type":"String"}}}})")
          .value(),
      "type T = String;\n\nentity Long;\nentity ipaddr;\n"
      "entity A = { a: __cedar::Long, b: Long, c: Bool, d: __cedar::ipaddr, e: T };\n");
  // The attributes of an entity may be a common type in JSON only: it is written out.
  EXPECT_EQ(schema_json_to_text(R"({"N":{"entityTypes":{"A":{"shape":{"type":"T"}}},"actions":{},
                  "commonTypes":{"T":{"type":"N::U"},"U":{"type":"Record","attributes":{}}}}})")
                .value(),
            "namespace N {\n  type T = N::U;\n  type U = {};\n\n  entity A = {};\n}\n");
}

TEST(SchemaForms, WhatTheHumanFormCannotSayIsRefused) {
  for (const char* json :
       {R"({"":{"entityTypes":{"A":{},"B":{"tags":{"type":"Entity","name":"A"}}},"actions":{},
            "commonTypes":{"A":{"type":"Long"}}}})",
        R"({"":{"entityTypes":{"A":{}},"actions":{"a":{"appliesTo":{"principalTypes":["A"],
            "resourceTypes":[]}}}}})",
        R"({"":{"entityTypes":{},"actions":{},"annotations":{"a":"b"}}})"}) {
    ASSERT_TRUE(Schema::parse_json(json)) << json;
    const auto text = schema_json_to_text(json);
    ASSERT_FALSE(text) << json << *text;
    EXPECT_EQ(text.error().code(), Code::InvalidArgument) << text.error().message();
  }
  EXPECT_FALSE(
      schema_json_to_text(R"({"":{"entityTypes":{"A":{"memberOfTypes":["B"]}},"actions":{}}})"));
  EXPECT_FALSE(schema_text_to_json("entity A in B;"));
}

TEST(SchemaForms, ErrorsOfSchemasShowThePlaceAndGuessTheName) {
  const auto error = [](const char* text) {
    const auto schema = Schema::parse(text);
    return schema ? "" : schema.error().message();
  };
  EXPECT_EQ(error("entity User;\nentity Doc = {\n  owner: Usr,\n};"),
            "line 3, column 10: entity `Doc`: attribute `owner`: there is no type `Usr`: did you "
            "mean `User`?\n  |   owner: Usr,\n  |          ^");
  EXPECT_EQ(
      error("entity User;\naction view appliesTo { principal: user, resource: User };"),
      "line 2, column 8: action `view`: there is no entity type `user`: did you mean `User`?\n"
      "  | action view appliesTo { principal: user, resource: User };\n  |        ^");
  EXPECT_EQ(
      error("action view in veiw_all; action view_all;")
          .find(
              "line 1, column 8: action `view`: there is no action `Action::\"veiw_all\"`: did you "
              "mean `view_all`?"),
      0U);
  EXPECT_NE(error("entity A; entity A;").find("line 1, column 18: "), std::string::npos);
}

TEST(SchemaForms, NamesTimesBytesOfADeclarationAreBounded) {
  std::string names = "entity A";
  for (int i = 0; i < 20'000; ++i) names += ", B" + std::to_string(i);
  std::string attributes = " = {";
  for (int i = 0; i < 400; ++i) attributes += "attribute" + std::to_string(i) + ": Long, ";
  EXPECT_TRUE(Schema::parse(names + ";"));
  const auto refused = Schema::parse(names + attributes + "};");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Exhausted);
}

}  // namespace
}  // namespace writ::policy
