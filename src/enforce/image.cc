#include "enforce/image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace writ::enforce {
namespace {

class StackReader {
 public:
  StackReader(Bytes stack, std::uint64_t address, unsigned word)
      : stack_(stack), address_(address), word_(word) {}

  // next is the word at the cursor; moves it.
  Result<std::uint64_t> next() {
    if (stack_.size() - at_ < word_) return Error(Code::Malformed, "the first stack is cut short");
    std::uint64_t value = 0;
    if (word_ == 8) {
      std::memcpy(&value, stack_.data() + at_, 8);
    } else {
      std::uint32_t half = 0;
      std::memcpy(&half, stack_.data() + at_, 4);
      value = half;
    }
    at_ += word_;
    return value;
  }

  Result<std::string> text(std::uint64_t pointer) const {
    if (pointer < address_ || pointer - address_ >= stack_.size()) {
      return Error(Code::Malformed, "a string of the first stack lies outside it");
    }
    const Bytes rest = stack_.subspan(static_cast<std::size_t>(pointer - address_));
    const auto end = std::find(rest.begin(), rest.end(), std::byte{0});
    if (end == rest.end()) {
      return Error(Code::Malformed, "a string of the first stack has no end");
    }
    return std::string(as_text(rest.first(static_cast<std::size_t>(end - rest.begin()))));
  }

  // texts reads strings up to the closing null pointer. Their sum is bounded: the kernel laid
  // each string down once, so more bytes than the stack has mean shared strings.
  Result<std::vector<std::string>> texts() {
    std::vector<std::string> out;
    for (;;) {
      const std::uint64_t pointer = TRY(next());
      if (pointer == 0) return out;
      out.push_back(TRY(text(pointer)));
      total_ += out.back().size() + 1;
      if (total_ > stack_.size()) {
        return Error(Code::Malformed, "strings of the first stack overlap");
      }
    }
  }

 private:
  Bytes stack_;
  std::uint64_t address_;
  unsigned word_;
  std::size_t at_ = 0;
  std::size_t total_ = 0;
};

}  // namespace

Result<InitialStack> parse_initial_stack(Bytes stack, std::uint64_t address, unsigned word) {
  if (word != 8 && word != 4) return Error(Code::InvalidArgument, "words of 4 or 8 bytes");
  StackReader reader(stack, address, word);
  const std::uint64_t count = TRY(reader.next());
  InitialStack out;
  out.argv = TRY(reader.texts());
  if (out.argv.size() != count) {
    return Error(Code::Malformed, "argc does not count argv");
  }
  out.environment = TRY(reader.texts());
  for (;;) {
    const std::uint64_t type = TRY(reader.next());
    const std::uint64_t value = TRY(reader.next());
    if (type == AT_NULL) return Error(Code::Malformed, "the first stack names no executed path");
    if (type != AT_EXECFN) continue;
    out.executed = TRY(reader.text(value));
    return out;
  }
}

std::optional<ScriptLine> parse_script_line(Bytes start) {
  const std::string_view text = as_text(start.first(std::min(start.size(), kScriptLine)));
  if (!text.starts_with("#!")) return std::nullopt;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  std::string_view line = text.substr(2);
  const std::size_t end = line.find('\n');
  if (end != std::string_view::npos) {
    line = line.substr(0, end);
  } else {
    // No newline: the kernel takes the buffer as the line if the interpreter's name is whole, that
    // is, followed by a blank or a NUL (a file shorter than the buffer is padded with NULs).
    const std::size_t name = line.find_first_not_of(" \t");
    if (name == std::string_view::npos) return std::nullopt;
    const bool padded = text.size() < kScriptLine;
    const bool whole =
        line.find_first_of(std::string_view(" \t\0", 3), name) != std::string_view::npos;
    if (!padded && !whole) return std::nullopt;
    if (!padded) line = line.substr(0, line.size() - 1);  // the kernel's buffer ends in a NUL
  }
  line = line.substr(0, line.find('\0'));
  while (!line.empty() && blank(line.back())) line.remove_suffix(1);
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  if (line.empty()) return std::nullopt;
  const std::size_t name_end = std::min(line.find_first_of(" \t"), line.size());
  ScriptLine out{std::string(line.substr(0, name_end)), std::nullopt};
  line.remove_prefix(name_end);
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  if (!line.empty()) out.argument = std::string(line);
  return out;
}

bool is_script_of(const std::vector<std::string>& argv, const std::string& executed) {
  const std::size_t end = std::min<std::size_t>(argv.size(), 11);
  for (std::size_t i = 1; i < end; ++i) {
    if (argv[i] == executed) return true;
  }
  return false;
}

}  // namespace writ::enforce
