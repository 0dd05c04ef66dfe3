// The two written forms of schemas, one from the other: the human form and the JSON form. (Cedar
// language 4.5, schema grammar and JSON schema format.)
//
// Both say the same: namespaces, common types, entity types (also enumerated), actions, tags and
// annotations. From human to JSON the names of types stay as written, {"type": "EntityOrCommon",
// "name": …}: only a resolved schema knows which they mean. From JSON to human a name that the JSON
// says is an entity, a common or a built-in type is written so that it resolves to the same.
// Going to one form and back is stable: the second time gives the same bytes.
//
//   std::string json = TRY(schema_text_to_json(text, json::Style::Pretty));
//   std::string text = TRY(schema_json_to_text(json));
//
// The input may be a stranger's and is held to the same limits and rules as Schema::parse and
// Schema::parse_json: what does not resolve is not converted. Comments and line breaks are not
// kept (format.h keeps those).
// Errors: as Schema::parse and Schema::parse_json; InvalidArgument for what the other form cannot
// say (a JSON entity type whose name a common type of the same namespace takes).
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/write.h"

namespace writ::policy {

Result<std::string> schema_text_to_json(std::string_view text,
                                        json::Style style = json::Style::Compact);
Result<std::string> schema_json_to_text(std::string_view text);

}  // namespace writ::policy
