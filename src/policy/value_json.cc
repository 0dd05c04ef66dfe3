#include "policy/value_json.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "json/write.h"
#include "policy/evaluator.h"
#include "policy/expr_internal.h"
#include "policy/ext_datetime.h"
#include "policy/ext_decimal.h"
#include "policy/ext_duration.h"
#include "policy/ext_ip.h"
#include "policy/request.h"
#include "policy/value_json_internal.h"

namespace writ::policy {

namespace {
constexpr std::array<std::string_view, 3> kEscapes = {"__entity", "__extn", "__expr"};
}

// --- reading ---

Result<EntityUid> uid_from(const json::Value& json, std::string_view what) {
  const json::Value* from = &json;
  if (const json::Value* escaped = json.find("__entity")) from = escaped;
  const json::Value* type = from->find("type");
  const json::Value* id = from->find("id");
  if (type == nullptr || id == nullptr || type->as_string() == nullptr ||
      id->as_string() == nullptr) {
    return Error(Code::Malformed,
                 std::string(what) + ": expected an entity, {\"type\": \"…\", \"id\": \"…\"}");
  }
  auto uid = EntityUid::create(*type->as_string(), *id->as_string());
  if (!uid) return std::move(uid).error().context(std::string(what));
  return uid;
}

Result<Value> extension_from(const json::Value& json) {
  const json::Value* fn = json.find("fn");
  const json::Value* arg = json.find("arg");
  const json::Value* args = json.find("args");
  if (fn == nullptr || fn->as_string() == nullptr || (arg == nullptr) == (args == nullptr) ||
      (args != nullptr && args->as_array() == nullptr)) {
    return Error(Code::Malformed, "expected an extension value, {\"fn\": \"…\", \"arg\": …}");
  }
  const FunctionRow* row = find_function(*fn->as_string());
  if (row == nullptr) {
    return Error(Code::Malformed,
                 "there is no extension function `" + printable(*fn->as_string()) + "`");
  }
  std::vector<Value> values;
  if (arg != nullptr) {
    values.push_back(TRY(value_from(*arg)));
  } else {
    for (const json::Value& item : *args->as_array()) values.push_back(TRY(value_from(item)));
  }
  const std::vector<ValueRef> arguments(values.begin(), values.end());
  return call_function(row->function, arguments);
}

Result<Value> record_from(const json::Value& json, NameCache& names) {
  const json::Value::Object* members = json.as_object();
  if (members == nullptr) {
    return Error(Code::Malformed, "expected a record, found " + std::string(json.type_name()));
  }
  std::vector<Field> fields;
  fields.reserve(members->size());
  for (const json::Member& member : *members) {
    auto value = value_from(member.value, names);
    if (!value) {
      return std::move(value).error().context("attribute `" + printable(member.name, 60) + "`");
    }
    fields.push_back({names.name(member.name), std::move(value).value()});
  }
  return Value::record(std::move(fields));
}

Result<Value> value_from(const json::Value& json, NameCache& names) {
  switch (json.type()) {
    case json::Value::Type::Bool: return Value::boolean(json.as_bool().value());
    case json::Value::Type::Integer:
      if (const auto number = json.as_int64()) return Value::integer(*number);
      return Error(Code::Malformed, "the number does not fit in a 64-bit long");
    case json::Value::Type::String: return Value::string(*json.as_string());
    case json::Value::Type::Array: {
      std::vector<Value> elements;
      elements.reserve(json.as_array()->size());
      for (const json::Value& item : *json.as_array()) {
        elements.push_back(TRY(value_from(item, names)));
      }
      return Value::set(std::move(elements));
    }
    case json::Value::Type::Object:
      if (json.find("__expr") != nullptr) {
        return Error(Code::Malformed, "the escape `__expr` is not supported");
      }
      // With other keys beside it, an escape is an attribute like any.
      if (json.as_object()->size() == 1) {
        if (json.find("__entity") != nullptr) {
          return Value::entity(TRY(uid_from(json, "`__entity`")));
        }
        if (const json::Value* extension = json.find("__extn")) return extension_from(*extension);
      }
      return record_from(json, names);
    case json::Value::Type::Null: break;
  }
  return Error(Code::Malformed, "null is not a Cedar value");
}

Result<Value> record_from(const json::Value& json) {
  NameCache names;
  return record_from(json, names);
}
Result<Value> value_from(const json::Value& json) {
  NameCache names;
  return value_from(json, names);
}

Result<Value> parse_value_json(std::string_view text) {
  return value_from(TRY(json::read(text, json_limits(kMaxEntitiesText))));
}

Result<Value> parse_record_json(std::string_view text) {
  Value value = TRY(parse_value_json(text));
  if (value.kind() == Kind::Record) return value;
  return Error(Code::Malformed,
               "expected a record, found a value of kind " + std::string(kind_name(value.kind())));
}

Result<Request> Request::parse_json(std::string_view text) {
  const json::Value json = TRY(json::read(text, json_limits(kMaxEntitiesText)));
  constexpr std::array<std::string_view, 4> kKeys = {"principal", "action", "resource", "context"};
  const json::Value::Object* members = json.as_object();
  if (members == nullptr) return Error(Code::Malformed, "expected a request, a JSON object");
  for (const json::Member& member : *members) {
    if (std::find(kKeys.begin(), kKeys.end(), member.name) == kKeys.end()) {
      return Error(Code::Malformed, "a request has no `" + printable(member.name, 60) + "`");
    }
  }
  for (const std::string_view key : kKeys) {
    if (json.find(key) == nullptr) {
      return Error(Code::Malformed, "the request lacks `" + std::string(key) + "`");
    }
  }
  Value context = TRY(value_from(*json.find("context")));
  if (context.kind() != Kind::Record) return Error(Code::Malformed, "`context` must be a record");
  // Not inside the braces below: an early return there would leak what is already built.
  EntityUid principal = TRY(uid_from(*json.find("principal"), "`principal`"));
  EntityUid action = TRY(uid_from(*json.find("action"), "`action`"));
  EntityUid resource = TRY(uid_from(*json.find("resource"), "`resource`"));
  return Request{std::move(principal), std::move(action), std::move(resource), std::move(context)};
}

// --- writing ---

namespace {

Result<void> append_text(std::string_view text, std::string& out) {
  if (!is_utf8(text)) {
    return Error(Code::InvalidArgument, "`" + printable(text) + "` is not UTF-8 text");
  }
  out += json::quote(text);
  return {};
}

void append_extension(const char* function, const std::string& text, std::string& out) {
  out += R"({"__extn":{"fn":")";
  out += function;
  out += R"(","arg":)" + json::quote(text) + "}}";
}

}  // namespace

Result<void> append_json(const EntityUid& uid, std::string& out) {
  out += R"({"type":)";
  TRY(append_text(uid.type(), out));
  out += R"(,"id":)";
  TRY(append_text(uid.id(), out));
  out += '}';
  return {};
}

Result<void> append_json(ValueRef value, std::string& out) {
  switch (value.kind()) {
    case Kind::Bool: out += value.as_bool() ? "true" : "false"; return {};
    case Kind::Long: out += std::to_string(value.as_number()); return {};
    case Kind::String: return append_text(value.as_string(), out);
    case Kind::Entity:
      out += R"({"__entity":)";
      TRY(append_json(value.as_entity(), out));
      out += '}';
      return {};
    case Kind::Ip: append_extension("ip", ip_text(value.as_ip()), out); return {};
    case Kind::Decimal:
      append_extension("decimal", decimal_text(value.as_number()), out);
      return {};
    case Kind::Duration:
      append_extension("duration", duration_text(value.as_number()), out);
      return {};
    case Kind::Datetime:
      if (const auto text = datetime_text(value.as_number())) {
        append_extension("datetime", *text, out);
        return {};
      }
      // Beyond the years that text can name.
      out += R"({"__extn":{"fn":"offset","args":[)";
      append_extension("datetime", "1970-01-01", out);
      out += ',';
      append_extension("duration", duration_text(value.as_number()), out);
      out += "]}}";
      return {};
    case Kind::Set: {
      const char* separator = "[";
      for (const Value& element : value.elements()) {
        out += separator;
        TRY(append_json(element, out));
        separator = ",";
      }
      out += value.elements().empty() ? "[]" : "]";
      return {};
    }
    case Kind::Record: {
      const char* separator = "{";
      for (const Field& field : value.fields()) {
        if (std::find(kEscapes.begin(), kEscapes.end(), field.name.text()) != kEscapes.end()) {
          return Error(Code::InvalidArgument,
                       "the attribute name `" + std::string(field.name) + "` is an escape in JSON");
        }
        out += separator;
        TRY(append_text(field.name, out));
        out += ':';
        TRY(append_json(field.value, out));
        separator = ",";
      }
      out += value.fields().empty() ? "{}" : "}";
      return {};
    }
  }
  return Error(Code::Internal, "unknown kind of value");
}

Result<std::string> to_json(ValueRef value) {
  std::string out;
  TRY(append_json(value, out));
  return out;
}

Result<std::string> to_json(const Request& request) {
  std::string out = R"({"principal":)";
  TRY(append_json(request.principal, out));
  out += R"(,"action":)";
  TRY(append_json(request.action, out));
  out += R"(,"resource":)";
  TRY(append_json(request.resource, out));
  out += R"(,"context":)";
  TRY(append_json(request.context.ref(), out));
  out += '}';
  return out;
}

}  // namespace writ::policy
