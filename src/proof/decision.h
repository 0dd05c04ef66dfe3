// Decisions: permit, domain and action turned into Cedar requests, asked, and answered (DESIGN §7).
//
// Pure: the same permit, domain, policy and facts give the same requests and the same answer, byte
// for byte, on any host (P9). The governor decides with this and records; the verifier decides with
// this again and compares.
//
// Entities made here: Agent (the permit's subject), Authority, Domain, Program and Path, these two
// with their id as `path`, for `like`. What a bundle says of the same ids stays as the bundle says
// it. Actions are in the groups that the schema names.
//   admit   Agent → Domain    context: common, `limits` (of the run), `programs` (their number)
//   read    Agent → Path      context: common, `tree`
//   write   Agent → Path      context: common, `tree`
//   exec    Agent → Program   context: common, `digest` `argv` `arguments` `environment` (names)
//                             `directory` `produced` `first` and, with a script, `script`
//   connect, listen Agent → Endpoint  context: common, `protocol` `host` `address` `port`
// common: `authority` `domain` `permit` `depth` `bearer` `tier` `time`.
// Bytes that are no UTF-8 are written as printable() has them.
//
// A bundle is used only when its policies validate strictly under its own schema and its entities
// conform to it. A request that the schema does not know, and any policy that fails while it is
// evaluated, denies (policy_error).
// Thread safety: pure functions; a Policy may be used from many threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/reason.h"
#include "domain/bundle.h"
#include "domain/domain.h"
#include "permit/match.h"
#include "permit/permit.h"
#include "permit/place_match.h"
#include "permit/reach.h"
#include "policy/authorizer.h"
#include "policy/schema.h"
#include "proof/records.h"

namespace writ::proof {

// A bundle whose texts were read and validated, ready to be asked.
class Policy {
 public:
  // parse reads schema, policies and entities and validates: Malformed or Exhausted, with the
  // place. A bundle without a schema is refused, as nothing of it can be validated.
  static Result<std::shared_ptr<const Policy>> parse(const domain::Bundle& bundle);
  const policy::Schema& schema() const { return schema_; }
  const policy::PolicySet& set() const { return set_; }
  const policy::Entities& entities() const { return entities_; }

 private:
  Policy(policy::Schema schema, policy::PolicySet set, policy::Entities entities)
      : schema_(std::move(schema)), set_(std::move(set)), entities_(std::move(entities)) {}
  policy::Schema schema_;
  policy::PolicySet set_;
  policy::Entities entities_;
};

// What every request of one run has in common.
struct Facts {
  std::string subject;    // of the permit
  std::string authority;  // name of its issuer
  std::string domain;
  PermitId permit;
  bool bearer = false;
  std::string tier;
};
Facts facts_of(const permit::Claims& claims, const PermitId& id, const std::string& authority,
               const std::string& domain, const std::string& tier);

struct Question {
  policy::Request request;
  std::string asked;  // for people: "read /usr/lib"
};

// admission_questions: admit, then each read, then each write of the grant.
std::vector<Question> admission_questions(const Facts& facts, const permit::Grant& grant,
                                          const permit::Limits& limits, UnixMillis time);
Question exec_question(const Facts& facts, const permit::ExecFacts& exec, bool produced, bool first,
                       UnixMillis time);
Question endpoint_question(const Facts& facts, permit::Way way,
                           const permit::EndpointFacts& endpoint, UnixMillis time);
// place_question is one of admission's: of a read or write of the grant.
Question place_question(const Facts& facts, permit::Access access, const permit::Place& place,
                        UnixMillis time);

// questions_text is the canonical JSON list of the requests: what AdmissionInputs keeps.
Result<std::string> questions_text(const std::vector<Question>& questions);

struct Answer {
  bool allowed = false;
  std::optional<Denial> denial;  // of the first question that was refused
  std::vector<std::string> policies;
  std::vector<std::string> errors;
};

// ask puts the questions in order and stops at the first denial. `when` is the permit's own
// forbid policies, or null.
Result<Answer> ask(const Policy& policy, const policy::PolicySet* when, const Facts& facts,
                   const std::vector<Question>& questions);

// parse_when reads a permit's `when`: only forbid. Null when it is empty. With the policy of a
// domain it validates strictly under that schema, as the bundle does.
Result<std::shared_ptr<const policy::PolicySet>> parse_when(const std::string& text,
                                                            const Policy* policy);

// record_of is the decision as it is recorded.
DecisionRecord record_of(std::string action, const Digest32& inputs, const Answer& answer);

// encode_exec_inputs is what an exec decision was made from: the request (its canonical JSON, kept
// as `request` beside the log) and the policy. The salt of the record keeps the arguments from
// being guessed by trying; without the clear text the decision is recorded, not replayable.
ByteVec encode_exec_inputs(std::string_view request_json, const BundleDigest& bundle, Bytes salt);

}  // namespace writ::proof
