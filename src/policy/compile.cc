// The tree is walked with a work list of our own, so that a chain of any length costs no stack.
// Jumps go forward only: a program ends after at most as many steps as it has instructions.
//
// Folding: when the operands of a set, record or extension call are the constants just emitted,
// they are replaced by the value. A jump into the middle of them forbids it (`barrier_`).

#include "policy/compile.h"

#include <algorithm>

#include "policy/evaluator.h"
#include "policy/expr_internal.h"
#include "policy/limits.h"

namespace writ::policy {

namespace {

std::uint8_t code_of(Instr instr) {
  return static_cast<std::uint8_t>(instr);
}

class Compiler {
 public:
  explicit Compiler(const Expr& expr) : expr_(expr) {}

  void conditions(std::span<const Condition> all) {
    const std::uint32_t end = new_label();
    for (std::size_t i = 0; i < all.size(); ++i) {
      expression(all[i].body);
      const Position where = expr_.nodes[all[i].body].position;
      if (all[i].unless) emit(Instr::Not, where, 0);
      if (i + 1 < all.size()) {
        jump(Instr::AndJump, where, end);
        drop(1);
      } else {
        emit(Instr::CheckBool, where, 0);
      }
    }
    if (all.empty()) constant(Value::boolean(true), {});
    place(end);
  }

  void expression(ExprId id) {
    work_.push_back({Step::Visit, id, 0});
    while (!work_.empty()) {
      const Task task = work_.back();
      work_.pop_back();
      switch (task.step) {
        case Step::Visit: visit(task.id); break;
        case Step::Emit: operation(task.id); break;
        case Step::JumpAnd: after_left(Instr::AndJump, task); break;
        case Step::JumpOr: after_left(Instr::OrJump, task); break;
        case Step::JumpUnless:
          jump(Instr::UnlessPop, position(task.id), task.label);
          drop(1);
          break;
        case Step::JumpEnd:
          jump(Instr::Jump, position(task.id), task.label);
          drop(1);
          break;
        case Step::Place: place(task.label); break;
        case Step::Check: emit(Instr::CheckBool, position(task.id), 0); break;
        case Step::IsInTest: {
          const Node& node = expr_.nodes[task.id];
          emit(Instr::Duplicate, node.position, +1);
          emit(Instr::Is, node.position, 0, node.b);
          jump(Instr::UnlessPop, node.position, task.label);
          drop(1);
          break;
        }
        case Step::IsInEnd: {
          const std::uint32_t end = new_label();
          emit(Instr::In, position(task.id), -1);
          jump(Instr::Jump, position(task.id), end);
          place(task.label);
          emit(Instr::MakeFalse, position(task.id), 0);
          place(end);
          break;
        }
      }
    }
  }

  Program finish() {
    for (const auto& [at, label] : jumps_) out_.code[at].a = labels_[label];
    out_.stack = deepest_;
    out_.code.shrink_to_fit();
    out_.constants.shrink_to_fit();
    return std::move(out_);
  }

 private:
  enum class Step : std::uint8_t {
    Visit,
    Emit,
    JumpAnd,
    JumpOr,
    JumpUnless,
    JumpEnd,
    Place,
    Check,
    IsInTest,
    IsInEnd,
  };
  struct Task {
    Step step;
    ExprId id;
    std::uint32_t label;
  };

  Position position(ExprId id) const { return expr_.nodes[id].position; }
  void later(Step step, ExprId id, std::uint32_t label = 0) { work_.push_back({step, id, label}); }
  std::uint32_t new_label() {
    labels_.push_back(0);
    return static_cast<std::uint32_t>(labels_.size() - 1);
  }
  void place(std::uint32_t label) {
    labels_[label] = static_cast<std::uint32_t>(out_.code.size());
    barrier_ = out_.code.size();
  }
  void drop(std::uint32_t count) { depth_ -= count; }
  void emit(Instr code, Position where, int change, std::uint32_t a = 0, std::uint32_t b = 0) {
    out_.code.push_back({code_of(code), a, b, where});
    depth_ = static_cast<std::uint32_t>(static_cast<std::int64_t>(depth_) + change);
    deepest_ = std::max(deepest_, depth_);
  }
  void jump(Instr code, Position where, std::uint32_t label) {
    jumps_.emplace_back(out_.code.size(), label);
    emit(code, where, 0);
  }
  void constant(Value value, Position where) {
    out_.constants.push_back(std::move(value));
    emit(Instr::Constant, where, +1, static_cast<std::uint32_t>(out_.constants.size() - 1));
  }

  // The left side of && or || is done; the right side follows and must be a bool.
  void after_left(Instr code, const Task& task) {
    jump(code, position(task.id), task.label);
    drop(1);
  }

  // Tasks run last in, first out: what is pushed first here happens last.
  void visit(ExprId id) {
    const Node& node = expr_.nodes[id];
    switch (node.op) {
      case Op::Literal: constant(expr_.literals[node.a], node.position); return;
      case Op::Var: emit(Instr::Var, node.position, +1, node.a); return;
      case Op::If: {
        const std::uint32_t otherwise = new_label();
        const std::uint32_t end = new_label();
        later(Step::Place, id, end);
        later(Step::Visit, node.c);
        later(Step::Place, id, otherwise);
        later(Step::JumpEnd, id, end);
        later(Step::Visit, node.b);
        later(Step::JumpUnless, id, otherwise);
        later(Step::Visit, node.a);
        return;
      }
      case Op::And:
      case Op::Or: {
        const std::uint32_t end = new_label();
        later(Step::Place, id, end);
        later(Step::Check, node.b);
        later(Step::Visit, node.b);
        later(node.op == Op::And ? Step::JumpAnd : Step::JumpOr, id, end);
        later(Step::Visit, node.a);
        return;
      }
      case Op::Is:
        if (node.c == kNoExpr) {
          later(Step::Emit, id);
        } else {
          const std::uint32_t no = new_label();
          later(Step::IsInEnd, id, no);
          later(Step::Visit, node.c);
          later(Step::IsInTest, id, no);
        }
        later(Step::Visit, node.a);
        return;
      case Op::Not:
      case Op::Neg:
      case Op::IsEmpty:
      case Op::Attr:
      case Op::Has:
      case Op::Like:
        later(Step::Emit, id);
        later(Step::Visit, node.a);
        return;
      case Op::Set:
      case Op::Call:
        later(Step::Emit, id);
        for (std::uint32_t i = node.b; i > 0; --i) later(Step::Visit, expr_.list[node.a + i - 1]);
        return;
      case Op::Record:
        later(Step::Emit, id);
        for (std::uint32_t i = node.b; i > 0; --i) {
          later(Step::Visit, expr_.list[node.a + 2 * i - 1]);
        }
        return;
      default:
        later(Step::Emit, id);
        later(Step::Visit, node.b);
        later(Step::Visit, node.a);
        return;
    }
  }

  // The operands are on the stack.
  void operation(ExprId id) {
    const Node& node = expr_.nodes[id];
    switch (node.op) {
      case Op::Not: return emit(Instr::Not, node.position, 0);
      case Op::Neg: return emit(Instr::Neg, node.position, 0);
      case Op::IsEmpty: return emit(Instr::IsEmpty, node.position, 0);
      case Op::Attr: return attribute(node);
      case Op::Has: return emit(Instr::Has, node.position, 0, node.b);
      case Op::Like: return emit(Instr::Like, node.position, 0, node.b);
      case Op::Is: return emit(Instr::Is, node.position, 0, node.b);
      case Op::Set:
        if (!fold(node)) emit(Instr::Set, node.position, 1 - static_cast<int>(node.b), node.b);
        return;
      case Op::Record:
        if (!fold(node)) {
          const auto first = static_cast<std::uint32_t>(out_.names.size());
          for (std::uint32_t i = 0; i < node.b; ++i) {
            out_.names.emplace_back(expr_.strings[expr_.list[node.a + 2 * i]]);
          }
          emit(Instr::Record, node.position, 1 - static_cast<int>(node.b), first, node.b);
        }
        return;
      case Op::Call:
        if (!fold(node)) {
          emit(Instr::Call, node.position, 1 - static_cast<int>(node.b), node.c, node.b);
        }
        return;
      case Op::Eq: return emit(Instr::Eq, node.position, -1);
      case Op::Ne: return emit(Instr::Ne, node.position, -1);
      case Op::Lt: return emit(Instr::Lt, node.position, -1);
      case Op::Le: return emit(Instr::Le, node.position, -1);
      case Op::Gt: return emit(Instr::Gt, node.position, -1);
      case Op::Ge: return emit(Instr::Ge, node.position, -1);
      case Op::Add: return emit(Instr::Add, node.position, -1);
      case Op::Sub: return emit(Instr::Sub, node.position, -1);
      case Op::Mul: return emit(Instr::Mul, node.position, -1);
      case Op::In: return emit(Instr::In, node.position, -1);
      case Op::Contains: return emit(Instr::Contains, node.position, -1);
      case Op::ContainsAll: return emit(Instr::ContainsAll, node.position, -1);
      case Op::ContainsAny: return emit(Instr::ContainsAny, node.position, -1);
      case Op::GetTag: return emit(Instr::GetTag, node.position, -1);
      case Op::HasTag: return emit(Instr::HasTag, node.position, -1);
      default: WRIT_ASSERT(false);
    }
  }

  // `principal.a` is one instruction.
  void attribute(const Node& node) {
    if (barrier_ < out_.code.size() && out_.code.back().code == code_of(Instr::Var)) {
      const std::uint32_t variable = out_.code.back().a;
      out_.code.back() = {code_of(Instr::VarAttr), variable, node.b, node.position};
    } else {
      emit(Instr::Attr, node.position, 0, node.b);
    }
  }

  bool fold(const Node& node) {
    const std::size_t count = node.b;
    if (out_.code.size() < count || barrier_ > out_.code.size() - count) return false;
    const std::size_t first = out_.code.size() - count;
    std::vector<Value> operands;
    for (std::size_t i = first; i < out_.code.size(); ++i) {
      if (out_.code[i].code != code_of(Instr::Constant)) return false;
      operands.push_back(out_.constants[out_.code[i].a]);
      // As for an extension call that fails, the error belongs to the evaluation.
      if (operands.back().ref().depth() >= kMaxValueDepth) return false;
    }
    Value folded;
    if (node.op == Op::Set) {
      folded = Value::set(std::move(operands));
    } else if (node.op == Op::Record) {
      std::vector<Field> fields;
      for (std::size_t i = 0; i < count; ++i) {
        fields.push_back({expr_.strings[expr_.list[node.a + 2 * i]], std::move(operands[i])});
      }
      folded = Value::record(std::move(fields));
    } else {
      const std::vector<ValueRef> arguments(operands.begin(), operands.end());
      auto made = call_function(static_cast<Function>(node.c), arguments);
      if (!made) return false;  // the error belongs to the evaluation
      folded = std::move(made).value();
    }
    out_.constants.resize(out_.constants.size() - count);
    out_.code.resize(first);
    drop(static_cast<std::uint32_t>(count));
    constant(std::move(folded), node.position);
    return true;
  }

  const Expr& expr_;
  Program out_;
  std::vector<Task> work_;
  std::vector<std::uint32_t> labels_;
  std::vector<std::pair<std::size_t, std::uint32_t>> jumps_;
  std::size_t barrier_ = 0;
  std::uint32_t depth_ = 0;
  std::uint32_t deepest_ = 0;
};

}  // namespace

Program compile(const Expr& expr, std::span<const Condition> conditions) {
  Compiler compiler(expr);
  compiler.conditions(conditions);
  return compiler.finish();
}

Program compile_one(const Expr& expr, ExprId body) {
  Compiler compiler(expr);
  compiler.expression(body);
  return compiler.finish();
}

}  // namespace writ::policy
