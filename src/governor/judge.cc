#include "governor/judge.h"

#include "policy/request.h"

namespace writ::governor {
namespace {

Judged begin(InForce in_force, UnixMillis time) {
  Judged judged;
  judged.by = std::move(in_force);
  judged.time = time;
  return judged;
}

// Ends every judgement: with Cedar's answer, unless the permit has refused already.
Result<void> decide(Judged& judged, const Bounds& bounds, const proof::Question& question) {
  judged.request = TRY(policy::to_json(question.request));
  if (judged.denial) {
    judged.answer.denial = judged.denial;
    return {};
  }
  judged.answer = TRY(proof::ask(*judged.by.policy, bounds.when, bounds.facts, {question}));
  judged.denial = judged.answer.denial;
  return {};
}

}  // namespace

Result<Judged> judge_exec(const Bounds& bounds, InForce in_force, const permit::ExecFacts& facts,
                          bool first, UnixMillis time) {
  Judged judged = begin(std::move(in_force), time);
  const permit::ExecMatch match = permit::match_exec(bounds.grant, facts);
  if (const permit::ExecAllowed* allowed = std::get_if<permit::ExecAllowed>(&match)) {
    judged.produced = allowed->produced;
    judged.rule = &bounds.grant.exec.at(allowed->rule);
  } else {
    judged.denial = std::get<Denial>(match);
  }
  TRY(decide(judged, bounds,
             proof::exec_question(bounds.facts, facts, judged.produced, first, time)));
  return judged;
}

Result<Judged> judge_endpoint(const Bounds& bounds, InForce in_force, permit::Way way,
                              const permit::EndpointFacts& facts, UnixMillis time) {
  Judged judged = begin(std::move(in_force), time);
  const permit::EndpointMatch match = permit::match_endpoint(bounds.grant, way, facts);
  if (const Denial* no = std::get_if<Denial>(&match)) judged.denial = *no;
  TRY(decide(judged, bounds, proof::endpoint_question(bounds.facts, way, facts, time)));
  return judged;
}

Result<Judged> judge_place(const Bounds& bounds, InForce in_force, permit::Access access,
                           const std::string& path, UnixMillis time) {
  Judged judged = begin(std::move(in_force), time);
  const permit::PlaceMatch match = permit::match_place(bounds.grant, access, path);
  if (const Denial* no = std::get_if<Denial>(&match)) {
    judged.denial = *no;
    return judged;
  }
  const permit::PlaceAllowed& allowed = std::get<permit::PlaceAllowed>(match);
  if (!allowed.data) return judged;
  const permit::Access given = allowed.written ? permit::Access::ToWrite : permit::Access::ToRead;
  TRY(decide(judged, bounds, proof::place_question(bounds.facts, given, *allowed.place, time)));
  return judged;
}

Result<Judged> judge(const Bounds& bounds, InForce in_force, const GateQuestion& question,
                     UnixMillis time) {
  if (const permit::ExecFacts* facts = std::get_if<permit::ExecFacts>(&question)) {
    return judge_exec(bounds, std::move(in_force), *facts, false, time);
  }
  if (const AskEndpoint* one = std::get_if<AskEndpoint>(&question)) {
    return judge_endpoint(bounds, std::move(in_force), one->way, one->facts, time);
  }
  const AskPlace& place = std::get<AskPlace>(question);
  return judge_place(bounds, std::move(in_force), place.access, place.path, time);
}

}  // namespace writ::governor
