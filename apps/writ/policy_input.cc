#include "writ/policy_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/bytes.h"
#include "base/fd.h"
#include "json/read.h"
#include "json/write.h"
#include "policy/limits.h"
#include "policy/policy_json.h"
#include "policy/validator.h"
#include "policy/value_json.h"

namespace writ::cli {
namespace {

constexpr std::size_t kPiece = 65'536;
// Entities of at most this size are read once.
constexpr std::size_t kHeldWhole = std::size_t{1} << 20U;

// The place a message of the engine begins with, and the rest of it.
struct Placed {
  std::size_t line = 0;
  std::size_t column = 0;
  std::string rest;
};

bool take_number(std::string_view& text, std::string_view before, std::size_t& out) {
  if (!text.starts_with(before)) return false;
  const char* const from = text.data() + before.size();
  const auto [end, error] = std::from_chars(from, text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::optional<Placed> placed(const std::string& message) {
  Placed out;
  std::string_view text = message;
  if (!take_number(text, "line ", out.line)) return std::nullopt;
  (void)take_number(text, ", column ", out.column);
  std::size_t byte = 0;
  if (take_number(text, " (byte ", byte) && text.starts_with(")")) text.remove_prefix(1);
  if (text.starts_with(", scope")) text.remove_prefix(2);
  if (text.starts_with(": ")) text.remove_prefix(2);
  out.rest = std::string(text);
  return out;
}

// "line 3, column 7: …" as "NAME:3:7: …".
std::string located_in(const std::string& name, const std::string& message) {
  const std::optional<Placed> place = placed(message);
  if (!place || place->line == 0) {
    return printable(name) + ": " + (place ? place->rest : message);
  }
  std::string out = fmt::format("{}:{}:", printable(name), place->line);
  if (place->column > 0) out += fmt::format("{}:", place->column);
  return out + " " + place->rest;
}

// The line with a caret under the column (in characters), cut around it.
std::string shown_line(std::string_view text, std::size_t line, std::size_t column) {
  std::size_t begin = 0;
  for (std::size_t i = 1; i < line && begin < text.size(); ++i) {
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  }
  const std::string_view whole = text.substr(begin, text.find('\n', begin) - begin);
  const auto first_byte = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; };
  std::size_t at = 0;  // the byte of the column
  for (std::size_t i = 1; i < column && at < whole.size(); ++i) {
    ++at;
    while (at < whole.size() && !first_byte(whole[at])) ++at;
  }
  constexpr std::size_t kAround = 60;
  std::size_t from = at > kAround ? at - kAround : 0;
  while (from < at && !first_byte(whole[from])) ++from;
  std::size_t to = std::min(whole.size(), at + kAround);
  while (to < whole.size() && to > at && !first_byte(whole[to])) --to;
  std::string shown(whole.substr(from, to - from));
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  const auto indent = static_cast<std::size_t>(
      std::count_if(whole.begin() + static_cast<std::ptrdiff_t>(from),
                    whole.begin() + static_cast<std::ptrdiff_t>(at), first_byte));
  const std::string lead = from > 0 ? "…" : "";
  std::string out = "\n  | " + lead + printable(shown, 400);
  if (column > 0) out += "\n  | " + std::string(indent + (from > 0 ? 1 : 0), ' ') + "^";
  return out;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

Result<policy::EntityUid> uid_from(const json::Value* json, const char* what) {
  const std::string name = std::string("`") + what + "`";
  if (json == nullptr) return Error(Code::Malformed, "the request lacks " + name);
  if (const std::string* text = json->as_string()) return uid_from_text(*text, name);
  const json::Value* type = json->find("type");
  const json::Value* id = json->find("id");
  if (type == nullptr || id == nullptr || !type->as_string() || !id->as_string() ||
      json->as_object()->size() != 2) {
    return Error(Code::Malformed,
                 name + " must be text like `User::\"ann\"`, or an object with `type` and `id`");
  }
  auto uid = policy::EntityUid::create(*type->as_string(), *id->as_string());
  if (!uid) return std::move(uid).error().context(name);
  return uid;
}

}  // namespace

bool SourceFile::is_json() const {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (text[first] == '{' || text[first] == '[');
}

bool SourceFile::is_schema() const {
  if (ends_with_any(name, {".cedarschema", ".cedarschema.json"})) return true;
  if (!is_json()) return false;
  const auto read = json::read(text, {.bytes = policy::kMaxPolicyText,
                                      .depth = json::kDepthCap,
                                      .values = policy::kMaxPolicyJsonValues});
  if (!read || read->as_object() == nullptr) return false;
  for (const char* key : {"effect", "staticPolicies", "templates", "templateLinks"}) {
    if (read->find(key) != nullptr) return false;
  }
  return true;
}

std::string SourceFile::located(const std::string& message) const {
  const std::optional<Placed> place = placed(message);
  if (!place || place->line == 0 || place->rest.find("\n  | ") != std::string::npos) {
    return located_in(name, message);
  }
  return located_in(name, message) + shown_line(text, place->line, place->column);
}

std::string without_place(const std::string& message) {
  const std::optional<Placed> place = placed(message);
  return place ? place->rest : message;
}

Error SourceFile::error(const Error& inner) const {
  return Error(inner.code(), located(inner.message()), inner.sys_errno());
}

Result<SourceFile> read_source(const std::string& name, std::size_t limit) {
  const bool standard = name == "-";
  Result<ByteVec> bytes = standard ? read_all(FdRef(STDIN_FILENO), limit) : read_file(name, limit);
  if (!bytes && standard) return std::move(bytes).error().context("standard input");
  if (!bytes) return std::move(bytes).error();
  SourceFile out{standard ? "standard input" : name, std::string(as_text(*bytes))};
  if (out.text.find('\0') != std::string::npos || !is_utf8(out.text)) {
    return Error(Code::Malformed, printable(out.name) + ": this is no text in UTF-8");
  }
  return out;
}

Result<SourceFile> read_policy_source(const std::string& name) {
  return read_source(name,
                     name.ends_with(".json") ? policy::kMaxPolicyJson : policy::kMaxPolicyText);
}

Result<policy::PolicySet> load_policies(const SourceFile& file) {
  if (!file.is_json()) {
    auto set = policy::PolicySet::parse(file.text);
    if (!set) return file.error(set.error());
    return set;
  }
  auto set = policy::parse_policy_set_json(file.text);
  if (set) return set;
  // One policy on its own: its keys are not a set's.
  auto body = policy::parse_policy_json(file.text);
  if (body) {
    policy::PolicySet one;
    TRY(one.add("policy0", std::move(body).value()));
    return one;
  }
  const bool single = file.text.find("\"effect\"") < file.text.find("\"staticPolicies\"");
  return file.error(single ? body.error() : set.error());
}

Result<policy::Schema> load_schema(const SourceFile& file) {
  auto schema =
      file.is_json() ? policy::Schema::parse_json(file.text) : policy::Schema::parse(file.text);
  if (!schema) return file.error(schema.error());
  return schema;
}

Result<EntitiesFile> EntitiesFile::open(const std::string& name) {
  if (name != "-") {
    return EntitiesFile(name, TRY(open_regular(FdRef::cwd(), name, policy::kMaxEntitiesText)));
  }
  // Standard input can be read once only.
  UniqueFd copy = TRY(memfd("entities"));
  std::size_t size = 0;
  for (std::array<std::byte, kPiece> piece;;) {
    const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "standard input");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > policy::kMaxEntitiesText) {
      return Error(Code::Exhausted, fmt::format("standard input: more than the limit of {} bytes",
                                                policy::kMaxEntitiesText));
    }
    TRY(write_all(copy.borrow(), Bytes(piece.data(), static_cast<std::size_t>(got))));
  }
  return EntitiesFile("standard input", std::move(copy));
}

Result<policy::Entities> EntitiesFile::load(const policy::Schema* schema) const {
  const auto pieces = [&]() -> json::More {
    return [fd = file_.borrow(), at = off_t{0},
            piece = std::string()]() mutable -> Result<std::string_view> {
      piece.resize(kPiece);
      ssize_t got = 0;
      do {
        got = ::pread(fd.number(), piece.data(), piece.size(), at);
      } while (got < 0 && errno == EINTR);
      if (got < 0) return errno_error(errno, "reading entities");
      at += got;
      piece.resize(static_cast<std::size_t>(got));
      return std::string_view(piece);
    };
  };
  const auto size = static_cast<std::size_t>(TRY(stat_fd(file_.borrow())).st_size);
  if (size > kHeldWhole) {
    const Result<void> checked = schema != nullptr ? schema->check_entities(pieces())
                                                   : policy::Entities::check_json(pieces());
    if (!checked) {
      return Error(checked.error().code(), located_in(name_, checked.error().message()));
    }
  }
  auto entities =
      schema != nullptr ? schema->parse_entities(pieces()) : policy::Entities::parse_json(pieces());
  if (entities) return entities;
  if (size > kHeldWhole) {
    return Error(entities.error().code(), located_in(name_, entities.error().message()));
  }
  std::string text;  // to show the line
  for (const json::More more = pieces();;) {
    const std::string_view piece = TRY(more());
    if (piece.empty() || text.size() > kHeldWhole) break;
    text += piece;
  }
  return SourceFile{name_, std::move(text)}.error(entities.error());
}

Result<policy::Schema> read_schema(const std::string& name) {
  const SourceFile file = TRY(read_policy_source(name));
  return load_schema(file);
}

Result<PolicyFiles> load_files(const std::string& policies, const std::string& schema,
                               const std::string& entities) {
  SourceFile file = TRY(read_policy_source(policies));
  policy::PolicySet set = TRY(load_policies(file));
  PolicyFiles out{std::move(file), std::move(set), std::nullopt, {}};
  if (!schema.empty()) {
    out.schema = TRY(read_schema(schema));
    const policy::Validation verdict = TRY(policy::validate(*out.schema, out.set));
    if (!verdict.valid()) {
      return Error(Code::Malformed, out.file.located(verdict.errors[0].message));
    }
    out.entities = TRY(out.schema->parse_entities("[]"));
  }
  if (!entities.empty()) {
    const EntitiesFile given = TRY(EntitiesFile::open(entities));
    out.entities = TRY(given.load(out.typed()));
  }
  return out;
}

Result<policy::EntityUid> uid_from_text(const std::string& text, const std::string& what) {
  auto uid = policy::EntityUid::parse(text);
  if (!uid) {
    return Error(
        Code::InvalidArgument,
        what + ": expected an entity like `User::\"ann\"`, found `" + printable(text, 80) + "`");
  }
  return uid;
}

Result<Question> load_question(const SourceFile& file) {
  auto read =
      json::read(file.text, {.bytes = policy::kMaxPolicyText, .depth = policy::kMaxNesting});
  if (!read) return file.error(read.error());
  const auto question = [&]() -> Result<Question> {
    if (read->as_object() == nullptr) {
      return Error(Code::Malformed,
                   "expected a request, an object with `principal`, `action`, `resource` and "
                   "`context`, found " +
                       std::string(read->type_name()));
    }
    for (const json::Member& member : *read->as_object()) {
      if (member.name != "principal" && member.name != "action" && member.name != "resource" &&
          member.name != "context") {
        return Error(Code::Malformed, "a request has no `" + printable(member.name, 60) + "`");
      }
    }
    Question out{TRY(uid_from(read->find("principal"), "principal")),
                 TRY(uid_from(read->find("action"), "action")),
                 TRY(uid_from(read->find("resource"), "resource"))};
    if (const json::Value* context = read->find("context")) out.context = *context;
    return out;
  }();
  if (!question) return file.error(question.error());
  return question;
}

Result<policy::Request> to_request(const Question& question, const policy::Schema* schema) {
  policy::Request out{question.principal, question.action, question.resource};
  const std::string context = json::write(question.context);
  if (schema == nullptr) {
    auto value = policy::parse_record_json(context);
    if (!value) return std::move(value).error().context("context");
    out.context = std::move(value).value();
    return out;
  }
  out.context = TRY(schema->parse_context(out.action, context));
  TRY(schema->check_request(out));
  return out;
}

std::string policy_name(const policy::Policy& policy) {
  const auto id = policy.annotation("id");
  return printable(id && !id->empty() ? *id : std::string_view(policy.id), 80);
}

std::string policy_label(const policy::Policy& policy) {
  const std::string name = policy_name(policy);
  const std::string id = printable(policy.id, 80);
  return name == id ? id : name + " (" + id + ")";
}

}  // namespace writ::cli
