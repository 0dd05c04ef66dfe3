// Conditions to a program for the evaluator's stack machine. For the engine's own files.
//
// Thread safety: pure functions.
#pragma once

#include <span>

#include "policy/policy.h"

namespace writ::policy {

// The machine's instructions. Operands come from the stack; a and b are as said.
enum class Instr : std::uint8_t {
  Constant,  // push constants[a]
  Var,       // push variable a
  VarAttr,   // push attribute strings[b] of variable a
  Not,
  Neg,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  Add,
  Sub,
  Mul,
  In,
  Contains,
  ContainsAll,
  ContainsAny,
  GetTag,
  HasTag,
  IsEmpty,
  Attr,       // strings[a]
  Has,        // strings[a]
  Like,       // patterns[a]
  Is,         // strings[a]
  Set,        // pop a values
  Record,     // names[a…]: pop b values
  Call,       // function a, b arguments
  CheckBool,  // the top must be a bool
  AndJump,    // top must be bool; false: keep it and go to a; true: pop
  OrJump,     // top must be bool; true: keep it and go to a; false: pop
  UnlessPop,  // pop a bool; false: go to a
  Jump,       // go to a
  Duplicate,
  MakeFalse,  // replace the top by false
};

// compile makes one program of all conditions in order: it leaves true when every `when` holds
// and no `unless` does. Literals and what is computed from literals alone is folded.
Program compile(const Expr& expr, std::span<const Condition> conditions);
// compile_one compiles one expression; it leaves its value, of any kind.
Program compile_one(const Expr& expr, ExprId body);

}  // namespace writ::policy
