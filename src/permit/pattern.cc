// A pattern compiles to a small automaton over bytes.
//
// Problem: an attacker chooses arguments, so matching must not backtrack. Idea: Thompson's
// construction and the simulation of all states at once; each byte costs at most one visit of
// each state. {int:A..B} becomes an automaton over digits ("tight" against A, against B, against
// both, or free), at most about 140 states. {under:DIR} is not regular (`..` counts), so it is
// checked by joining the path, and stands last behind plain text: there is one place where it can
// begin.
//
// Inclusion: a subset construction of the parent on the fly, walked together with the child's
// states; a child state that accepts where no parent state does is a counterexample. With {under}
// on one side only, the child's language is widened to "prefix, then anything", the parent's
// narrowed to "prefix DIR, then components that are not `..`": both make the answer no more often,
// never yes.
#include "permit/pattern.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "permit/path.h"

namespace writ::permit {
namespace {

using State = std::uint16_t;

struct Edge {
  unsigned char low;
  unsigned char high;
  State to;
};

struct Nfa {
  struct Node {
    std::vector<Edge> edges;
    std::vector<State> free;  // without reading a byte
    bool accepts = false;
  };
  std::vector<Node> nodes{1};
  bool full = false;  // more than kMaxPatternStates were asked for

  State add() {
    if (nodes.size() >= kMaxPatternStates) {
      full = true;
      return 0;
    }
    nodes.emplace_back();
    return static_cast<State>(nodes.size() - 1);
  }
  void edge(State from, unsigned char low, unsigned char high, State to) {
    if (low <= high) nodes[from].edges.push_back({low, high, to});
  }
  void not_slash(State from, State to) {
    edge(from, 1, '/' - 1, to);
    edge(from, '/' + 1, 255, to);
  }
  State literal(State from, std::string_view text) {
    for (const char c : text) {
      const State next = add();
      edge(from, static_cast<unsigned char>(c), static_cast<unsigned char>(c), next);
      from = next;
    }
    return from;
  }
  State run(State from, bool across) {
    const State loop = add();
    nodes[from].free.push_back(loop);
    if (across) {
      edge(loop, 1, 255, loop);
    } else {
      not_slash(loop, loop);
    }
    return loop;
  }
  State glob(State from, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '*') {
        const bool across = i + 1 < text.size() && text[i + 1] == '*';
        while (i + 1 < text.size() && text[i + 1] == '*') ++i;
        from = run(from, across);
      } else if (text[i] == '?') {
        const State next = add();
        not_slash(from, next);
        from = next;
      } else {
        from = literal(from, text.substr(i, 1));
      }
    }
    return from;
  }
  // digits adds the numbers low..high (of `size` digits each) from `from`; left[k] is the state
  // from which exactly k digits more are read.
  void digits(State from, std::string_view low, std::string_view high, std::size_t at,
              bool tight_low, bool tight_high, const std::vector<State>& left) {
    const std::size_t rest = low.size() - at - 1;
    const char first = tight_low ? low[at] : '0';
    const char last = tight_high ? high[at] : '9';
    for (char digit = first; digit <= last; ++digit) {
      const bool on_low = tight_low && digit == first;
      const bool on_high = tight_high && digit == last;
      const auto byte = static_cast<unsigned char>(digit);
      if (rest == 0 || (!on_low && !on_high)) {
        edge(from, byte, byte, left[rest]);
        continue;
      }
      const State next = add();
      edge(from, byte, byte, next);
      digits(next, low, high, at + 1, on_low, on_high, left);
    }
  }
  void magnitudes(State from, std::uint64_t low, std::uint64_t high, State end) {
    std::vector<State> left{end};
    std::string lowest = std::to_string(low);
    const std::string highest = std::to_string(high);
    while (left.size() < highest.size()) {
      const State more = add();
      edge(more, '0', '9', left.back());
      left.push_back(more);
    }
    for (std::size_t size = lowest.size(); size <= highest.size(); ++size) {
      const std::string least = size == lowest.size() ? lowest : "1" + std::string(size - 1, '0');
      const std::string most = size == highest.size() ? highest : std::string(size, '9');
      const bool whole = most == std::string(size, '9') &&
                         (least == "1" + std::string(size - 1, '0') || least == "0");
      if (whole) {
        edge(from, least == "0" ? '0' : '1', '9', left[size - 1]);
      } else {
        digits(from, least, most, 0, true, true, left);
      }
    }
  }
  State integer(State from, std::int64_t low, std::int64_t high) {
    const auto magnitude = [](std::int64_t value) {
      return value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
    };
    const State end = add();
    if (low < 0) {
      const State minus = literal(from, "-");
      magnitudes(minus, high < 0 ? magnitude(high) : 1, magnitude(low), end);
    }
    if (high >= 0) magnitudes(from, low < 0 ? 0 : magnitude(low), magnitude(high), end);
    return end;
  }
  State one_of(State from, const std::vector<std::string>& texts) {
    const State end = add();
    for (const std::string& text : texts) nodes[literal(from, text)].free.push_back(end);
    return end;
  }
  // below_tree adds what may follow a tree's path: nothing, or "/" and components other than "..".
  void below_tree(State from, std::string_view tree) {
    const State start = add();
    const State dot = add();
    const State dots = add();
    const State other = add();
    if (tree == "/") {
      edge(from, '/', '/', start);
    } else {
      from = literal(from, tree);
      nodes[from].accepts = true;
      edge(from, '/', '/', start);
    }
    const auto component = [&](State state, State on_dot, bool slash) {
      if (slash) edge(state, '/', '/', start);
      edge(state, '.', '.', on_dot);
      edge(state, 1, '.' - 1, other);
      edge(state, '/' + 1, 255, other);
    };
    component(start, dot, true);
    component(dot, dots, true);
    component(dots, other, false);
    component(other, other, true);
    nodes[start].accepts = nodes[dot].accepts = nodes[other].accepts = true;
  }
};

// A set of states that grows by what is reachable for free. Reused from byte to byte.
class StateSet {
 public:
  explicit StateSet(const Nfa& nfa) : nfa_(nfa), in_(nfa.nodes.size(), false) {}
  void clear() {
    for (const State state : states_) in_[state] = false;
    states_.clear();
  }
  void add(State state) {
    if (in_[state]) return;
    in_[state] = true;
    states_.push_back(state);
    for (std::size_t i = states_.size() - 1; i < states_.size(); ++i) {
      for (const State next : nfa_.nodes[states_[i]].free) {
        if (in_[next]) continue;
        in_[next] = true;
        states_.push_back(next);
      }
    }
  }
  const std::vector<State>& states() const { return states_; }
  // swap: both are over the same automaton.
  void swap(StateSet& other) {
    in_.swap(other.in_);
    states_.swap(other.states_);
  }
  bool accepts() const {
    return std::any_of(states_.begin(), states_.end(),
                       [&](State state) { return nfa_.nodes[state].accepts; });
  }

 private:
  const Nfa& nfa_;
  std::vector<bool> in_;
  std::vector<State> states_;
};

bool run_nfa(const Nfa& nfa, std::string_view text) {
  StateSet now(nfa);
  StateSet next(nfa);
  now.add(0);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    next.clear();
    for (const State state : now.states()) {
      for (const Edge& edge : nfa.nodes[state].edges) {
        if (edge.low <= byte && byte <= edge.high) next.add(edge.to);
      }
    }
    if (next.states().empty()) return false;
    now.swap(next);
  }
  return now.accepts();
}

bool take(InclusionBudget& budget, std::uint64_t steps) {
  if (budget.steps < steps) {
    budget.steps = 0;
    return false;
  }
  budget.steps -= steps;
  return true;
}

bool nfa_included(const Nfa& child, const Nfa& parent, InclusionBudget& budget) {
  using Pair = std::pair<State, std::vector<State>>;
  std::set<Pair> seen;
  std::vector<Pair> todo;
  StateSet set(parent);
  const auto visit = [&](State state, std::vector<State> states) {
    std::sort(states.begin(), states.end());
    if (!take(budget, states.size() + 1)) return false;
    Pair pair{state, std::move(states)};
    if (seen.insert(pair).second) todo.push_back(std::move(pair));
    return true;
  };
  set.add(0);
  if (!visit(0, set.states())) return false;
  while (!todo.empty()) {
    const auto [state, states] = std::move(todo.back());
    todo.pop_back();
    const Nfa::Node& node = child.nodes[state];
    if (node.accepts && std::none_of(states.begin(), states.end(),
                                     [&](State s) { return parent.nodes[s].accepts; })) {
      return false;
    }
    for (const State next : node.free) {
      if (!visit(next, states)) return false;
    }
    for (const Edge& edge : node.edges) {
      // Cut low..high where the parent's edges begin and end: one step for each piece.
      std::set<unsigned> cuts{edge.low, edge.high + 1U};
      for (const State s : states) {
        if (!take(budget, parent.nodes[s].edges.size())) return false;
        for (const Edge& other : parent.nodes[s].edges) {
          if (other.low > edge.low && other.low <= edge.high) cuts.insert(other.low);
          if (other.high >= edge.low && other.high < edge.high) cuts.insert(other.high + 1U);
        }
      }
      for (auto cut = cuts.begin(); std::next(cut) != cuts.end(); ++cut) {
        set.clear();
        for (const State s : states) {
          if (!take(budget, parent.nodes[s].edges.size() + 1)) return false;
          for (const Edge& other : parent.nodes[s].edges) {
            if (other.low <= *cut && *cut <= other.high) set.add(other.to);
          }
        }
        if (!visit(edge.to, set.states())) return false;
      }
    }
  }
  return true;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '{' || c == '}') out += c;
  }
  return out;
}

Error bad(std::string_view text, const std::string& why) {
  return {Code::Malformed, "pattern `" + printable(text, 80) + "`: " + why};
}

// parse_integer reads -?digits without leading zeros.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (std::to_string(value) != text) return std::nullopt;
  return value;
}

std::vector<std::string> split_bars(std::string_view text) {
  std::vector<std::string> parts{""};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '|') {
      parts.back() += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '|') {
      parts.back() += '|';
      ++i;
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

}  // namespace

// Compact on purpose: a permit may hold thousands. The automaton is built when it is asked for.
struct Pattern::Program {
  struct Piece {
    enum class Kind : std::uint8_t { Plain, Glob, Int, One } kind;
    std::vector<std::string> texts;
    std::int64_t low = 0;
    std::int64_t high = 0;
  };
  bool rest = false;
  bool literal = true;               // only plain text: `prefix` is all of it
  std::string prefix;                // plain text at the start
  std::optional<std::string> under;  // DIR; then `prefix` and this are all
  std::vector<Piece> pieces;         // after `prefix`

  Nfa build() const {
    Nfa nfa;
    State at = nfa.literal(0, prefix);
    for (const Piece& piece : pieces) {
      switch (piece.kind) {
        case Piece::Kind::Plain: at = nfa.literal(at, piece.texts[0]); break;
        case Piece::Kind::Glob: at = nfa.glob(at, piece.texts[0]); break;
        case Piece::Kind::Int: at = nfa.integer(at, piece.low, piece.high); break;
        case Piece::Kind::One: at = nfa.one_of(at, piece.texts); break;
      }
      if (nfa.full) return nfa;
    }
    nfa.nodes[at].accepts = true;
    return nfa;
  }
  void plain(char c) {
    if (literal) {
      prefix += c;
    } else if (!pieces.empty() && pieces.back().kind == Piece::Kind::Plain) {
      pieces.back().texts[0] += c;
    } else {
      pieces.push_back({Piece::Kind::Plain, {std::string(1, c)}});
    }
  }
};

bool Pattern::is_rest() const {
  return program_->rest;
}

bool Pattern::has_under() const {
  return program_->under.has_value();
}

bool Pattern::is_anchored() const {
  return !program_->under || is_normal(*program_->under);
}

Result<Pattern> Pattern::anchored(std::string_view base) const {
  if (!program_->under) return *this;
  const std::optional<std::string> joined = join_path(base, *program_->under);
  if (!joined || !is_normal(*joined)) return bad(text_, "the directory leaves the root");
  return parse(escape(program_->prefix) + "{under:" + escape(*joined) + "}");
}

Result<Pattern> Pattern::exact(std::string_view text) {
  return parse(escape(text));
}

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.size() > kMaxPatternText) {
    return bad(text, "longer than " + std::to_string(kMaxPatternText) + " bytes");
  }
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    return bad(text, "not UTF-8 text without NUL");
  }
  auto program = std::make_shared<Program>();
  using Kind = Program::Piece::Kind;
  for (std::size_t i = 0; i < text.size();) {
    if (program->under) return bad(text, "nothing may follow {under:…}");
    if (program->rest) return bad(text, "{rest} stands alone");
    const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
    if (text[i] == '}' && !doubled) return bad(text, "a single `}` (write `}}` for the character)");
    if (text[i] != '{' || doubled) {
      program->plain(text[i]);
      i += text[i] == '{' || text[i] == '}' ? 2 : 1;
      continue;
    }
    std::string body;
    std::size_t end = i + 1;
    for (;; ++end) {
      if (end >= text.size())
        return bad(text, "a `{` that is not closed (write `{{` for the character)");
      const bool twice = end + 1 < text.size() && text[end + 1] == text[end];
      if (text[end] == '}' && !twice) break;
      if (text[end] == '{' && !twice) return bad(text, "braces inside braces (write `{{` or `}}`)");
      body += text[end];
      if (text[end] == '{' || text[end] == '}') ++end;
    }
    const bool first = i == 0;
    i = end + 1;
    const std::size_t colon = body.find(':');
    const std::string kind = body.substr(0, colon);
    const std::string value = colon == std::string::npos ? "" : body.substr(colon + 1);
    if (kind == "rest" && colon == std::string::npos) {
      if (!first) return bad(text, "{rest} stands alone");
      program->rest = true;
    } else if (kind == "glob" && !value.empty()) {
      program->pieces.push_back({Kind::Glob, {value}});
    } else if (kind == "int" && colon != std::string::npos) {
      const std::size_t dots = value.find("..");
      const auto low =
          dots == std::string::npos ? std::nullopt : parse_integer(value.substr(0, dots));
      const auto high =
          dots == std::string::npos ? std::nullopt : parse_integer(value.substr(dots + 2));
      if (!low || !high) return bad(text, "{int:A..B} wants two whole numbers");
      if (*low > *high) return bad(text, "{int:A..B} wants A not above B");
      program->pieces.push_back({Kind::Int, {}, *low, *high});
    } else if (kind == "one" && colon != std::string::npos) {
      const std::vector<std::string> texts = split_bars(value);
      if (std::find(texts.begin(), texts.end(), "") != texts.end()) {
        return bad(text, "{one:A|B} wants texts that are not empty");
      }
      program->pieces.push_back({Kind::One, texts});
    } else if (kind == "under" && !value.empty()) {
      if (!program->literal) return bad(text, "only plain text may stand before {under:…}");
      program->under = value;
    } else {
      return bad(text, "`{" + printable(body, 40) +
                           "}` is none of {glob:…} {int:A..B} {one:A|B} {under:DIR} {rest}");
    }
    program->literal = false;
  }
  if (!program->literal && program->build().full) {
    return bad(text, "needs more than " + std::to_string(kMaxPatternStates) + " states");
  }
  Pattern pattern;
  pattern.text_ = std::string(text);
  pattern.program_ = std::move(program);
  return pattern;
}

bool Pattern::matches(std::string_view argument, const PatternContext& context) const {
  const Program& program = *program_;
  if (program.rest) return true;
  if (program.literal) return argument == program.prefix;
  if (argument.substr(0, program.prefix.size()) != program.prefix) return false;
  if (!program.under) return run_nfa(program.build(), argument);
  const auto tree = join_path(context.directory, *program.under);
  const auto path = join_path(context.directory, argument.substr(program.prefix.size()));
  return tree && path && lies_under(*path, *tree);
}

Result<std::vector<Pattern>> parse_patterns(std::span<const std::string> texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) {
    Result<Pattern> pattern = Pattern::parse(text);
    if (!pattern) {
      return std::move(pattern).error().context("argument " + std::to_string(patterns.size() + 1));
    }
    patterns.push_back(std::move(pattern).value());
    if (patterns.size() > kMaxPatterns) break;
  }
  TRY(check_patterns(patterns));
  return patterns;
}

Result<void> check_patterns(std::span<const Pattern> patterns) {
  if (patterns.size() > kMaxPatterns) {
    return Error(Code::Malformed,
                 "more than " + std::to_string(kMaxPatterns) + " argument patterns");
  }
  for (std::size_t i = 0; i + 1 < patterns.size(); ++i) {
    if (patterns[i].is_rest()) {
      return Error(Code::Malformed,
                   "argument " + std::to_string(i + 1) + ": {rest} stands last or not at all");
    }
  }
  return {};
}

bool match_all(std::span<const Pattern> patterns, std::span<const std::string> arguments,
               const PatternContext& context) {
  const bool open = !patterns.empty() && patterns.back().is_rest();
  const std::size_t fixed = patterns.size() - (open ? 1 : 0);
  if (open ? arguments.size() < fixed : arguments.size() != fixed) return false;
  for (std::size_t i = 0; i < fixed; ++i) {
    if (!patterns[i].matches(arguments[i], context)) return false;
  }
  return true;
}

bool included(const Pattern& child, const Pattern& parent, InclusionBudget& budget) {
  const Pattern::Program& c = *child.program_;
  const Pattern::Program& p = *parent.program_;
  if (p.rest || child == parent) return true;
  if (c.rest) return false;
  if (c.under && p.under && c.prefix == p.prefix && is_normal(*c.under) && is_normal(*p.under)) {
    return lies_under(*c.under, *p.under);
  }
  Nfa wide;
  if (c.under) {
    wide.nodes[wide.run(wide.literal(0, c.prefix), true)].accepts = true;
  }
  Nfa narrow;
  if (p.under) {
    if (!is_normal(*p.under)) return false;
    narrow.below_tree(narrow.literal(0, p.prefix), *p.under);
  }
  if (c.literal && p.literal) return c.prefix == p.prefix;
  if (!c.under) wide = c.build();
  if (!p.under) narrow = p.build();
  if (wide.full || narrow.full) return false;
  return nfa_included(wide, narrow, budget);
}

bool included(std::span<const Pattern> child, std::span<const Pattern> parent,
              InclusionBudget& budget) {
  const bool child_open = !child.empty() && child.back().is_rest();
  const bool parent_open = !parent.empty() && parent.back().is_rest();
  const std::size_t child_fixed = child.size() - (child_open ? 1 : 0);
  const std::size_t parent_fixed = parent.size() - (parent_open ? 1 : 0);
  if (child_open && !parent_open) return false;
  if (parent_open ? child_fixed < parent_fixed : child_fixed != parent_fixed) return false;
  for (std::size_t i = 0; i < parent_fixed; ++i) {
    if (!included(child[i], parent[i], budget)) return false;
  }
  return true;
}

}  // namespace writ::permit
