// Evaluation of compiled expressions against a request and entities. (Cedar language 4.5; formal
// specification: Evaluator.)
//
// A stack machine over borrowed values: no recursion, and no heap. What an expression makes while
// it runs (a set, a record, an ip) lies in an arena that the Evaluator keeps; once it has seen the
// largest, it allocates nothing. Only text that is no ip, decimal, datetime or duration, met while
// running, makes a message on the way. Evaluation ends after at most as many steps as the program
// has instructions; what single steps look at (sets, texts, entities) adds to that.
//
//   Evaluator evaluator(entities, request);
//   Result<ValueRef> value = evaluator.evaluate(body.exprs, body.program);
//
// Thread safety: distinct Evaluators may run in distinct threads.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/arena.h"
#include "policy/entities.h"
#include "policy/expr.h"
#include "policy/request.h"
#include "policy/scope_index.h"

namespace writ::policy {

// Why an evaluation failed. Its text is made when somebody reads it, from borrowed parts: valid
// until the Evaluator begins again.
struct Fault {
  enum class What : std::uint8_t {
    Said,         // `said` alone
    Expected,     // expected `said`, got `value`
    NoEntity,     // `value` is not there
    NoAttribute,  // `value` has none called `name`
    NoTag,
    Call,  // `function` refuses `arguments`
  };
  What what = What::Said;
  Function function = Function::Ip;
  Position at;
  const char* said = "";
  ValueRef value;
  std::string_view name;
  std::span<const ValueRef> arguments;
  // text is the message; it begins with line and column.
  std::string text() const;
};

class Evaluator {
 public:
  Evaluator() = default;
  Evaluator(const Entities& entities, const Request& request) { begin(entities, request); }

  // begin turns to another request; both arguments must outlive its evaluations. Everything that
  // was borrowed before is gone.
  void begin(const Entities& entities, const Request& request);
  // known is the request's principal, action and resource in the entities.
  const KnownRequest& known() const { return known_; }

  // evaluate runs `program`, which was compiled from `expr`. The value lives until the next
  // begin(). Errors are Cedar's evaluation errors, with the text of fault().
  Result<ValueRef> evaluate(const Expr& expr, const Program& program);
  // run is evaluate() without the text: null, and fault() says why. The value lives until the next
  // call.
  const ValueRef* run(const Expr& expr, const Program& program);
  const Fault& fault() const { return fault_; }

 private:
  bool fail(Position at, const char* said);
  bool type_error(Position at, const char* wanted, ValueRef found);
  bool compare_step(const Instruction& code, ValueRef& left, ValueRef right);
  bool arithmetic_step(const Instruction& code, ValueRef& left, ValueRef right);
  bool set_step(const Instruction& code, ValueRef& left, ValueRef right);
  bool member_step(const Instruction& code, std::string_view name, ValueRef& left);
  bool in_step(const Instruction& code, ValueRef& left, ValueRef right);
  bool build_step(const Program& program, const Instruction& code, ValueRef* operands);
  ValueRef variable(std::uint32_t which) const;
  detail::KnownEntity look_up(const detail::EntityNode* uid) const;

  const Entities* entities_ = nullptr;
  const Request* request_ = nullptr;
  KnownRequest known_;
  std::vector<ValueRef> stack_;
  detail::Arena arena_;
  Fault fault_;
};

// call_function applies an extension function; Malformed for a wrong number or kind of arguments,
// ill-formed text or overflow.
Result<Value> call_function(Function function, std::span<const ValueRef> arguments);

}  // namespace writ::policy
