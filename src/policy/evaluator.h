// Evaluation of compiled expressions against a request and entities. (Cedar language 4.5; formal
// specification: Evaluator.)
//
// A stack machine over borrowed values: no recursion, and nothing is allocated unless an
// expression makes a new set, record or text while it runs. An Evaluator keeps its stack between
// runs. Evaluation ends after at most as many steps as the program has instructions; only what
// single steps look at (sets, texts, entities) adds to that.
//
// Thread safety: distinct Evaluators may run in distinct threads.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policy/entities.h"
#include "policy/expr.h"
#include "policy/request.h"

namespace writ::policy {

class Evaluator {
 public:
  // Both must outlive the evaluator.
  Evaluator(const Entities& entities, const Request& request)
      : entities_(entities), request_(request) {}

  // evaluate runs `program`, which was compiled from `expr`. The value lives until the next call.
  // Errors are Cedar's evaluation errors; the message begins with line and column.
  Result<ValueRef> evaluate(const Expr& expr, const Program& program);

 private:
  bool step(const Expr& expr, const Program& program, std::size_t& next);
  bool fail(Position where, std::string message);
  bool type_error(Position where, const char* wanted, ValueRef found);
  bool compare_step(const Instruction& code);
  bool arithmetic_step(const Instruction& code);
  bool set_step(const Instruction& code);
  bool member_step(const Expr& expr, const Instruction& code);
  bool in_step(const Instruction& code);
  bool build_step(const Expr& expr, const Instruction& code);
  ValueRef pop() {
    const ValueRef top = stack_.back();
    stack_.pop_back();
    return top;
  }

  const Entities& entities_;
  const Request& request_;
  std::vector<ValueRef> stack_;
  std::vector<Value> made_;  // owns what this run has made
  Position fault_at_;
  std::string fault_;
};

// call_function applies an extension function; Malformed for a wrong number or kind of arguments,
// ill-formed text or overflow.
Result<Value> call_function(Function function, std::span<const ValueRef> arguments);

}  // namespace writ::policy
