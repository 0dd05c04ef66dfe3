// Expressions: the flat syntax tree of conditions, and the program it compiles to.
// (Cedar language 4.5; formal specification: Expr.)
//
// Nodes lie in one vector, children before their parents, and name each other by position; the
// tree is what printers and validators read. The program is what evaluation runs: a list of
// instructions for a stack machine without recursion, literals and constant sets, records and
// extension values folded in beforehand. The deepest chain of `&&` costs no stack.
//
// Thread safety: values; read from many threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/value.h"

namespace writ::policy {

using ExprId = std::uint32_t;
inline constexpr ExprId kNoExpr = UINT32_MAX;

enum class Op : std::uint8_t {
  Literal,  // a: literals
  Var,      // a: Variable
  If,       // a ? b : c
  And,      // a b
  Or,       // a b
  Not,      // a
  Neg,      // a
  Eq,       // a b, and so on
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
  IsEmpty,  // a
  Attr,     // a, b: strings
  Has,      // a, b: strings
  Like,     // a, b: patterns
  Is,       // a, b: strings (type), c: the `in` side or kNoExpr
  Set,      // a: first of `list`, b: count
  Record,   // a: first of `list` (string, node pairs), b: count of pairs
  Call,     // a: first of `list`, b: count of arguments, c: Function
};

enum class Variable : std::uint8_t { Principal, Action, Resource, Context };
std::string_view variable_name(Variable variable);

enum class Function : std::uint8_t {
  Ip,
  IsIpv4,
  IsIpv6,
  IsLoopback,
  IsMulticast,
  IsInRange,
  Decimal,
  LessThan,
  LessThanOrEqual,
  GreaterThan,
  GreaterThanOrEqual,
  Datetime,
  Offset,
  DurationSince,
  ToDate,
  ToTime,
  Duration,
  ToMilliseconds,
  ToSeconds,
  ToMinutes,
  ToHours,
  ToDays,
};

// A place in the text: line from 1, column in characters from 1 (1023: that or further right).
struct Position {
  std::uint32_t line : 22 = 0;
  std::uint32_t column : 10 = 0;
};

struct Node {
  Op op = Op::Literal;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  Position position;
};

// A `like` pattern: literal pieces between wildcards ("a*b" is {"a", "b"}).
struct Pattern {
  std::vector<std::string> pieces;  // at least one; n pieces have n - 1 wildcards between them
  // matches: `*` stands for any run of characters, nothing else is special.
  bool matches(std::string_view text) const;
};

struct Expr {
  std::vector<Node> nodes;
  std::vector<Value> literals;
  std::vector<std::string> strings;
  std::vector<Pattern> patterns;
  std::vector<std::uint32_t> list;
};

struct Instruction {
  std::uint8_t code = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  Position position;
};

// A compiled conjunction of conditions; leaves one bool.
struct Program {
  std::vector<Instruction> code;
  std::vector<Value> constants;
  std::vector<Name> names;  // of the records it makes
  std::uint32_t stack = 0;  // operands it needs at most
};

}  // namespace writ::policy
