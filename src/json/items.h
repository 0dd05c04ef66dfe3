// A JSON list too long to be held: its items one at a time, the text taken by pieces (RFC 8259).
// The text may come from a stranger.
//
//   ItemReader items(more, {.each = {.bytes = 4U << 20U}, .values = 4'000'000});
//   while (std::optional<Value> item = TRY(items.next())) use(*item);
//
// Where an item ends is found by its brackets and quotes; each is then read by read() with the
// limits of one item, so that what is accepted is what read() would accept for the whole text.
// Memory: one piece and one item with its text, whatever the text's length.
//
// Errors: as read(), with places in the whole text; those of `more`, unchanged. After an error
// there is no next item. Thread safety: one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/read.h"
#include "json/value.h"

namespace writ::json {

// The next piece of a text; empty at its end. Valid until the next call.
using More = std::function<Result<std::string_view>()>;
// whole gives `text` as one piece; the text must outlive it.
More whole(std::string_view text);

struct ListLimits {
  Limits each = {};               // of one item
  std::size_t values = 250'000;   // of all items together
  std::size_t bytes = 1U << 20U;  // of the whole text
};

class ItemReader {
 public:
  ItemReader(More more, const ListLimits& limits) : more_(std::move(more)), limits_(limits) {}

  // next is the next item; nothing after the last one, when the whole text has been read.
  Result<std::optional<Value>> next();
  // place is where the last item begins.
  const Origin& place() const { return begin_; }

 private:
  enum class State { Before, First, Between, After };

  Result<bool> fill();  // sees to it that piece_ holds the next character; false at the end
  char take();
  Result<std::optional<char>> skip_space();  // what follows
  Result<Value> item();

  More more_;
  const ListLimits limits_;
  std::string_view piece_;
  std::size_t taken_ = 0;  // bytes of all pieces
  Origin here_;            // of the next character
  Origin begin_;           // of the item
  State state_ = State::Before;
  std::size_t values_ = 0;
  std::string text_;  // of an item
};

}  // namespace writ::json
