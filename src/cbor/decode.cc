// decode(): an explicit stack, so that nesting costs no stack of ours.
#include <algorithm>
#include <optional>
#include <utility>

#include "cbor/value.h"

namespace writ::cbor {

// Builds the tree from the reader's items. A container waits on the stack until its last item;
// a tag waits on the stack of what it is to be put around.
class Builder {
 public:
  Builder(Bytes bytes, const Limits& limits)
      : reader_(bytes, std::min(limits.depth, kDepthCap)), values_left_(limits.values) {}

  Result<Value> build() {
    while (true) {
      Done done = TRY(next());
      while (done) {
        if (open_.empty()) {
          TRY(reader_.finish());
          return std::move(*done);
        }
        done = TRY(add(std::move(*done)));
      }
    }
  }

 private:
  using Done = std::optional<Value>;
  struct Open {
    Type type;                 // Array, Map or Tag
    std::uint64_t number = 0;  // of a tag
    Value::Array items = {};
    Value::Map pairs = {};
    Done key = {};
  };

  // Reads one head: a finished value, or nothing when a container or tag was opened instead.
  Result<Done> next() {
    if (values_left_ == 0) return Error(Code::Exhausted, "CBOR with too many values");
    --values_left_;
    Done done;
    switch (TRY(reader_.peek())) {
      case Type::Uint: done = Value::uint(TRY(reader_.uint())); break;
      case Type::Nint: done = Value::negative(TRY(reader_.negative())); break;
      case Type::Bytes: done = Value::bytes(to_vec(TRY(reader_.bytes()))); break;
      case Type::Text: done = Value::text(std::string(TRY(reader_.text()))); break;
      case Type::Bool:
      case Type::Null:
      case Type::Simple: done = Value::simple(TRY(reader_.simple())); break;
      case Type::Float: done = Value::floating(TRY(reader_.floating())); break;
      case Type::Array:
        TRY(reader_.enter_array());
        open_.push_back({Type::Array});
        if (!reader_.more()) done = TRY(close());
        break;
      case Type::Map:
        TRY(reader_.enter_map());
        open_.push_back({Type::Map});
        if (!reader_.more()) done = TRY(close());
        break;
      case Type::Tag: open_.push_back({Type::Tag, TRY(reader_.tag())}); break;
    }
    return done;
  }

  // Puts a finished value into what is open; what that finishes in turn is returned.
  Result<Done> add(Value value) {
    Open& top = open_.back();
    if (top.type == Type::Tag) {
      Done tagged = Value::tag(top.number, std::move(value));
      open_.pop_back();
      return tagged;
    }
    if (top.type == Type::Array) {
      top.items.push_back(std::move(value));
    } else if (!top.key) {
      top.key = std::move(value);
    } else {
      top.pairs.push_back(Pair{std::move(*top.key), std::move(value)});
      top.key.reset();
    }
    if (reader_.more()) return Done();
    return Done(TRY(close()));
  }

  Result<Value> close() {
    TRY(reader_.leave());
    Open top = std::move(open_.back());
    open_.pop_back();
    if (top.type == Type::Array) return Value::array(std::move(top.items));
    return Value(Value::State(std::move(top.pairs)));
  }

  Reader reader_;
  std::size_t values_left_;
  std::vector<Open> open_;
};

Result<Value> decode(Bytes bytes, const Limits& limits) {
  return Builder(bytes, limits).build();
}

}  // namespace writ::cbor
