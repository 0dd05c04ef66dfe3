// Verbs about policies as they are written: check, fmt, convert.
#include <fmt/format.h>

#include <array>

#include "policy/format.h"
#include "policy/limits.h"
#include "policy/policy_json.h"
#include "policy/printer.h"
#include "policy/schema_forms.h"
#include "policy/validator.h"
#include "writ/output_file.h"
#include "writ/policy_input.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

// What was found in one file.
struct Checked {
  std::string file;
  bool ok = false;
  std::string summary;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

std::string count_of(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// A finding with its place and the name of its policy.
std::string shown(const SourceFile& file, const policy::PolicySet& set,
                  const policy::Finding& finding) {
  const policy::Policy* policy = set.find(finding.policy);
  std::string place = file.located(finding.message);
  if (policy == nullptr) return place;
  const std::string label = " [" + policy_label(*policy) + "]";
  const std::size_t end = std::min(place.find('\n'), place.size());
  return place.insert(end, label);
}

Checked check_policies(const SourceFile& file, const policy::Schema* schema) {
  Checked out;
  out.file = file.name;
  const auto set = load_policies(file);
  if (!set) {
    out.errors.push_back(set.error().message());
    return out;
  }
  out.summary = count_of(set->in_order().size() - set->templates().size(), "policy", "policies");
  if (!set->templates().empty()) {
    out.summary += ", " + count_of(set->templates().size(), "template", "templates");
  }
  if (schema == nullptr) {
    out.ok = true;
    out.summary += "; parsed, and not validated: no --schema was given";
    return out;
  }
  const auto verdict = policy::validate(*schema, *set);
  if (!verdict) {
    out.errors.push_back(file.located(verdict.error().message()));
    return out;
  }
  for (const auto& finding : verdict->errors) out.errors.push_back(shown(file, *set, finding));
  for (const auto& finding : verdict->warnings) out.warnings.push_back(shown(file, *set, finding));
  out.ok = verdict->valid();
  out.summary += out.ok ? "; valid" : "; not valid";
  return out;
}

Checked check_schema(const SourceFile& file) {
  Checked out;
  out.file = file.name;
  const auto schema = load_schema(file);
  if (!schema) {
    out.errors.push_back(schema.error().message());
    return out;
  }
  out.ok = true;
  out.summary = count_of(schema->entity_types().size(), "entity type", "entity types") + ", " +
                count_of(schema->actions().size(), "action", "actions");
  return out;
}

json::Value texts(const std::vector<std::string>& lines) {
  json::Value out = json::Value::array();
  for (const std::string& line : lines) out.push(line);
  return out;
}

// deliver puts a text where it was asked for: a file, or standard output.
Result<int> deliver(const Options& options, const std::string& text) {
  if (!options.output.empty()) {
    TRY(write_output(options.output, as_bytes(std::string_view(text))));
  } else {
    answer(text.ends_with('\n') ? text.substr(0, text.size() - 1) : text);
  }
  return kYes;
}

}  // namespace

Result<int> policy_check(const Options& options, Machine&) {
  std::optional<policy::Schema> schema;
  if (!options.policy.schema.empty()) {
    schema = TRY(read_schema(options.policy.schema));
  }
  bool ok = true;
  json::Value files = json::Value::array();
  for (const std::string& name : options.policy.files) {
    const SourceFile file = TRY(read_policy_source(name));
    const Checked found =
        file.is_schema() ? check_schema(file) : check_policies(file, schema ? &*schema : nullptr);
    ok = ok && found.ok;
    for (const std::string& error : found.errors) say("writ: " + error);
    for (const std::string& warning : found.warnings) say("writ: warning: " + warning);
    if (options.json) {
      json::Value one = json::Value::object();
      one.set("file", found.file).set("ok", found.ok).set("found", found.summary);
      one.set("errors", texts(found.errors)).set("warnings", texts(found.warnings));
      files.push(std::move(one));
    } else if (!options.quiet && !found.summary.empty()) {
      answer(printable(found.file) + ": " + found.summary);
    }
  }
  if (!options.policy.entities.empty()) {
    const EntitiesFile file = TRY(EntitiesFile::open(options.policy.entities));
    const auto entities = file.load(schema ? &*schema : nullptr);
    ok = ok && entities.has_value();
    if (!entities) say("writ: " + entities.error().message());
    // With a schema the store holds its actions too.
    const std::size_t actions = schema ? schema->actions().size() : 0;
    const std::string summary =
        entities ? count_of(entities->size() - actions, "entity", "entities") : "";
    if (options.json) {
      json::Value one = json::Value::object();
      one.set("file", file.name()).set("ok", entities.has_value()).set("found", summary);
      one.set("errors", texts(entities ? std::vector<std::string>{}
                                       : std::vector<std::string>{entities.error().message()}));
      files.push(std::move(one));
    } else if (entities && !options.quiet) {
      answer(printable(file.name()) + ": " + summary);
    }
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("ok", ok).set("files", std::move(files));
    put_answer(value);
  }
  return ok ? kYes : kNo;
}

Result<int> policy_fmt(const Options& options, Machine&) {
  const PolicyOptions& asked = options.policy;
  if (asked.write && asked.check) {
    return Error(Code::InvalidArgument, "either --write or --check, not both");
  }
  bool same = true;
  json::Value files = json::Value::array();
  for (const std::string& name : asked.files) {
    const SourceFile file = TRY(read_policy_source(name));
    if (file.is_json()) {
      return Error(Code::InvalidArgument, printable(name) +
                                              ": this is JSON; fmt lays out Cedar text "
                                              "(writ policy convert makes text of JSON)");
    }
    const auto text =
        file.is_schema() ? policy::format_schema(file.text) : policy::format_policies(file.text);
    if (!text) return file.error(text.error());
    const bool changed = *text != file.text;
    same = same && !changed;
    if (options.json) {
      json::Value one = json::Value::object();
      one.set("file", file.name).set("formatted", !changed);
      if (!asked.write && !asked.check) one.set("text", *text);
      files.push(std::move(one));
    }
    if (asked.write) {
      if (name == "-") return Error(Code::InvalidArgument, "standard input cannot be written back");
      if (changed) TRY(write_output(name, as_bytes(std::string_view(*text))));
    } else if (asked.check) {
      if (changed && !options.quiet) say("writ: " + printable(name) + " is not formatted");
    } else if (!options.json) {
      TRY(deliver(options, *text));
    }
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("files", std::move(files));
    put_answer(value);
  }
  return asked.check && !same ? kNo : kYes;
}

Result<int> policy_convert(const Options& options, Machine&) {
  const SourceFile file = TRY(read_policy_source(options.target));
  const auto converted = [&]() -> Result<std::string> {
    if (file.is_schema()) {
      return file.is_json() ? policy::schema_json_to_text(file.text)
                            : policy::schema_text_to_json(file.text, json::Style::Pretty);
    }
    const policy::PolicySet set = TRY(load_policies(file));
    if (!file.is_json()) return policy::to_json(set, json::Style::Pretty);
    return policy::to_text(set);
  }();
  if (!converted) {
    const Error& error = converted.error();
    // load_policies has put the place in already.
    return error.message().starts_with(printable(file.name)) ? error : file.error(error);
  }
  return deliver(options, *converted);
}

}  // namespace writ::cli
