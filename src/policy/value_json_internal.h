// Values from parsed JSON: for the engine's own files.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "json/items.h"
#include "json/read.h"
#include "json/value.h"
#include "policy/limits.h"
#include "policy/value.h"

namespace writ::policy {

// The limits every JSON document of the engine is read with.
inline json::Limits json_limits(std::size_t bytes, std::size_t values = kMaxEntitiesValues) {
  return {.bytes = bytes, .depth = kMaxNesting, .values = values};
}

// each_item gives the items of entities JSON, one at a time.
Result<void> each_item(const json::More& more,
                       const std::function<Result<void>(const json::Value&)>& fn);

// Attribute names of one document, so that entities of one type share theirs. Remembers few: where
// another name takes its place, a name is merely made again.
class NameCache {
 public:
  const Name& name(const std::string& text) {
    std::optional<Name>& kept = kept_[std::hash<std::string_view>()(text) % kept_.size()];
    if (!kept || kept->text() != text) kept = Name(text);
    return *kept;
  }

 private:
  std::array<std::optional<Name>, 64> kept_;
};

// value_from reads a value without a schema.
Result<Value> value_from(const json::Value& json, NameCache& names);
Result<Value> value_from(const json::Value& json);
// record_from reads an object as a record, escapes not looked for at this level.
Result<Value> record_from(const json::Value& json, NameCache& names);
Result<Value> record_from(const json::Value& json);
// uid_from reads {"type", "id"} or {"__entity": {"type", "id"}}; `what` names it in messages.
Result<EntityUid> uid_from(const json::Value& json, std::string_view what);
// is_action_type says whether entities of the type are actions.
inline bool is_action_type(std::string_view type) {
  return type == "Action" || type.ends_with("::Action");
}
// extension_from reads {"fn", "arg"} or {"fn", "args"}: what stands under "__extn".
Result<Value> extension_from(const json::Value& json);

// append_json writes the canonical form.
Result<void> append_json(ValueRef value, std::string& out);
Result<void> append_json(const EntityUid& uid, std::string& out);

}  // namespace writ::policy
