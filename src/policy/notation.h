// How expressions are written in policy text: which pieces, where parentheses, how deep. For the
// engine's own printer and for the readers of other forms, which refuse what text could not say.
//
// Written is only what reads back to an equal expression. `x has a && x.a has b` is written
// `x has a.b`.
//
// Thread safety: a Notation may be read from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/expr.h"

namespace writ::policy {

class Notation {
 public:
  // The expression must outlive its notation.
  explicit Notation(const Expr& expr);

  // A piece of a written expression: text, or an operand in its place.
  struct Piece {
    enum class Kind : std::uint8_t {
      Text,
      Operand,        // as it is
      Parenthesised,  // `(` and `)` around it
      Expression,     // stands where a whole expression may: an argument, a branch of `if`
    };
    Kind kind = Kind::Text;
    std::string text = {};
    ExprId operand = kNoExpr;
  };
  // pieces is what the node is written as, in order.
  std::vector<Piece> pieces(ExprId id) const;

  // nesting is how many levels the parser counts inside each node.
  std::vector<std::uint32_t> nesting() const;

 private:
  enum class Binding : std::uint8_t;
  Binding binding(ExprId id) const;
  Piece operand(ExprId id, Binding least) const;
  bool is_negative(ExprId id) const;
  bool continues(ExprId id, Op sign) const;
  Piece after_sign(ExprId id, Op sign) const;
  std::string has_path(ExprId id, ExprId& left) const;
  void find_has_paths();

  const Expr& expr_;
  std::vector<bool> is_has_path_;    // of `&&` nodes
  std::vector<std::uint8_t> signs_;  // how many `!` or `-` stand in a row, this one included
};

}  // namespace writ::policy
