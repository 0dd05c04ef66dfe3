// For the tests of crypto/, cose/ and ledger/ alone: published vectors read so that no field goes
// unnoticed, a scratch folder, and other people's programs as oracles.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/secret.h"
#include "crypto/keys.h"
#include "json/read.h"
#include "json/value.h"

namespace writ::test {

// A file below the folder of published vectors; a missing one is a failed test.
inline std::string vector_path(const std::string& name) {
  const char* shared = std::getenv("WRIT_SHARED");
  return std::string(shared == nullptr ? "../shared" : shared) + "/vectors/" + name;
}

inline json::Value read_json(const std::string& path) {
  const Result<ByteVec> text = read_file(path, 4U << 20U);
  if (!text) {
    ADD_FAILURE() << text.error().message();
    return {};
  }
  Result<json::Value> value = json::read(as_text(*text), {.bytes = 4U << 20U});
  if (!value) {
    ADD_FAILURE() << path << ": " << value.error().message();
    return {};
  }
  return std::move(value).value();
}

// Fields hands out the members of an object and fails the test for each that nobody asked for.
class Fields {
 public:
  Fields(const json::Value& object, std::string where) : object_(object), where_(std::move(where)) {
    if (object.as_object() == nullptr) ADD_FAILURE() << where_ << " is no object";
  }
  ~Fields() {
    if (object_.as_object() == nullptr) return;
    for (const json::Member& member : *object_.as_object()) {
      if (!asked_.contains(member.name)) {
        ADD_FAILURE() << where_ << ": nobody understands the field `" << member.name << "`";
      }
    }
  }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  // maybe is null when the field is absent; need fails the test.
  const json::Value* maybe(std::string_view name) {
    asked_.insert(std::string(name));
    return object_.find(name);
  }
  const json::Value& need(std::string_view name) {
    static const json::Value kNull;
    const json::Value* value = maybe(name);
    if (value == nullptr) ADD_FAILURE() << where_ << ": no field `" << name << "`";
    return value == nullptr ? kNull : *value;
  }
  std::string text(std::string_view name) {
    const std::string* value = need(name).as_string();
    if (value == nullptr) ADD_FAILURE() << where_ << ": `" << name << "` is no text";
    return value == nullptr ? "" : *value;
  }
  ByteVec hex(std::string_view name) {
    std::string digits = text(name);
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    Result<ByteVec> bytes = from_hex(digits);
    if (!bytes) ADD_FAILURE() << where_ << ": `" << name << "`: " << bytes.error().message();
    return bytes ? *bytes : ByteVec();
  }
  const json::Value::Array& array(std::string_view name) {
    static const json::Value::Array kEmpty;
    const json::Value::Array* items = need(name).as_array();
    if (items == nullptr) ADD_FAILURE() << where_ << ": `" << name << "` is no array";
    return items == nullptr ? kEmpty : *items;
  }
  const std::string& where() const { return where_; }

 private:
  const json::Value& object_;
  std::string where_;
  std::set<std::string, std::less<>> asked_;
};

inline ByteVec unhex(std::string_view digits) {
  return from_hex(digits).value();
}

// base64url without padding, as JWK writes it.
inline ByteVec from_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text += '=';
  Result<ByteVec> bytes = from_base64(text);
  if (!bytes) ADD_FAILURE() << text << ": " << bytes.error().message();
  return bytes ? *bytes : ByteVec();
}

inline SecretBytes secret(std::string_view text) {
  return SecretBytes::copy_of(as_bytes(text));
}
inline std::string reveal(const SecretBytes& bytes) {
  return std::string(as_text(bytes.reveal(SecretAccess::for_reason("test"))));
}

class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/writ-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) ADD_FAILURE() << "mkdtemp failed";
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}
inline std::string read_text(const std::string& path) {
  const Result<ByteVec> bytes = read_file(path, 1U << 20U);
  return bytes ? std::string(as_text(*bytes)) : "(" + bytes.error().message() + ")";
}

struct Outcome {
  int status = -1;
  std::string output;  // both streams
};

// run_shell runs a command of the test's own making with /bin/sh.
inline Outcome run_shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(("( " + command + " ) 2>&1 </dev/null").c_str(), "re");
  if (pipe == nullptr) return outcome;
  char chunk[4096];
  for (std::size_t got = 0; (got = std::fread(chunk, 1, sizeof chunk, pipe)) > 0;) {
    outcome.output.append(chunk, got);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

}  // namespace writ::test
