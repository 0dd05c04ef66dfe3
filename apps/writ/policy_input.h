// What the policy verbs read: policies, schemas, entities, requests; and how their errors are
// shown.
//
// A file is a path, or `-` for standard input. Text and JSON are told apart by their first
// character; schemas from policies by the file's name (`.cedarschema`, `.cedarschema.json`) or its
// keys. Larger files than the engine reads (policy/limits.h) are refused unread.
//
// Every error names FILE:LINE:COLUMN where there is one, and shows the line with a caret. The files
// may be a stranger's. Thread safety: functions may be called from any thread.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "json/value.h"
#include "policy/entities.h"
#include "policy/policy.h"
#include "policy/request.h"
#include "policy/schema.h"

namespace writ::cli {

struct SourceFile {
  std::string name;
  std::string text;

  bool is_json() const;
  bool is_schema() const;
  // located turns "line 3, column 7: …" into "NAME:3:7: …" and adds the line with a caret.
  std::string located(const std::string& message) const;
  // error is `inner`, located.
  Error error(const Error& inner) const;
};

// without_place is a message without the "line 3, column 7: " it begins with.
std::string without_place(const std::string& message);

// read_source reads a file. Malformed when it is no text (NUL bytes, not UTF-8).
Result<SourceFile> read_source(const std::string& name, std::size_t limit);
// read_policy_source reads policies or a schema; files called `.json` may be as large as JSON may.
Result<SourceFile> read_policy_source(const std::string& name);

// load_policies reads policy text, a JSON policy set, or one policy as JSON (its id: policy0).
Result<policy::PolicySet> load_policies(const SourceFile& file);
Result<policy::Schema> load_schema(const SourceFile& file);
// read_schema opens and loads one.
Result<policy::Schema> read_schema(const std::string& name);

// A file of entities JSON, which may be long: taken by pieces, and checked before any of it is
// kept.
class EntitiesFile {
 public:
  static Result<EntitiesFile> open(const std::string& name);
  const std::string& name() const { return name_; }
  // load reads the entities, with the schema where there is one.
  Result<policy::Entities> load(const policy::Schema* schema) const;

 private:
  EntitiesFile(std::string name, UniqueFd file) : name_(std::move(name)), file_(std::move(file)) {}
  std::string name_;
  UniqueFd file_;
};

// What policies are asked with: read, and with a schema validated.
struct PolicyFiles {
  SourceFile file;  // the policies
  policy::PolicySet set;
  std::optional<policy::Schema> schema;
  policy::Entities entities;  // with a schema, its actions too

  const policy::Schema* typed() const { return schema ? &*schema : nullptr; }
};
// load_files reads them; `schema` and `entities` may be empty. Malformed when the policies do not
// validate.
Result<PolicyFiles> load_files(const std::string& policies, const std::string& schema,
                               const std::string& entities);

// A question as it was written: entity ids as text (`User::"ann"`), the context as JSON.
struct Question {
  policy::EntityUid principal;
  policy::EntityUid action;
  policy::EntityUid resource;
  json::Value context = json::Value::object();
};
// uid_from_text reads `User::"ann"`; `what` is named in the error.
Result<policy::EntityUid> uid_from_text(const std::string& text, const std::string& what);
// load_question reads {"principal", "action", "resource", "context"?}; entity ids are text or
// {"type", "id"}.
Result<Question> load_question(const SourceFile& file);
// to_request reads the context, with the schema where there is one, and checks the request.
Result<policy::Request> to_request(const Question& question, const policy::Schema* schema);

// policy_name is the policy's `@id`, or its id.
std::string policy_name(const policy::Policy& policy);
// policy_label is "name (id)", or the id alone.
std::string policy_label(const policy::Policy& policy);

}  // namespace writ::cli
