// Cedar as a library: may ann view this photo?      may FOLDER PHOTO
#include <cstdio>
#include <fstream>
#include <iterator>

#include "policy/authorizer.h"
#include "policy/validator.h"

using namespace writ;

Result<policy::Response> ask(const std::string& folder, const char* photo) {
  const auto file = [&](const char* name) {
    std::ifstream in(folder + "/" + name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const auto schema = TRY(policy::Schema::parse(file("photos.cedarschema")));
  const auto policies = TRY(policy::PolicySet::parse(file("photos.cedar")));
  const auto entities = TRY(schema.parse_entities(file("photos.json")));
  const auto verdict = TRY(policy::validate(schema, policies));
  if (!verdict.valid()) return Error(Code::Malformed, verdict.errors[0].message);
  const policy::Request request{TRY(policy::EntityUid::parse("User::\"ann\"")),
                                TRY(policy::EntityUid::parse("Action::\"view\"")),
                                TRY(policy::EntityUid::create("Photo", photo))};
  TRY(schema.check_request(request));
  return policy::authorize(policies, entities, request, policy::OnError::Deny);
}

int main(int argc, char** argv) {
  const auto answer = ask(argc > 1 ? argv[1] : ".", argc > 2 ? argv[2] : "lake.jpg");
  if (!answer) return std::fprintf(stderr, "%s\n", answer.error().message().c_str()), 125;
  const bool allow = answer->decision == policy::Decision::Allow;
  std::puts(allow ? "allow" : "deny");
  for (const auto& reason : answer->reasons) std::printf("  by %s\n", reason.id.c_str());
  return allow ? 0 : 1;
}
