#include "dns/message.h"

#include <algorithm>
#include <optional>

namespace writ::dns {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kLongestName = 255;  // on the wire
constexpr std::size_t kRecord = 12;        // a pointer to the name, type, class, ttl, length
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kOpcode = 0x7800;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kRecursionAvailable = 0x0080;
constexpr std::uint16_t kInternet = 1;

std::uint16_t word(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                                    std::to_integer<unsigned>(bytes[at + 1]));
}

void put(ByteVec& out, std::uint16_t value) {
  out.push_back(static_cast<std::byte>(value >> 8));
  out.push_back(static_cast<std::byte>(value & 0xff));
}

std::size_t record_size(bool v4) {
  return kRecord + (v4 ? 4 : 16);
}

// A byte of a host's name in lower case, or nothing.
std::optional<char> host_byte(std::byte byte) {
  const char c = static_cast<char>(byte);
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  return plain ? std::optional<char>(c) : std::nullopt;
}

struct Name {
  std::string text;
  std::size_t end = 0;  // behind it
};

// The name at the start of the questions: labels only, a pointer has nothing to point to.
std::optional<Name> read_name(Bytes message) {
  Name out;
  bool plain = true;
  std::size_t at = kHeader;
  while (at < message.size()) {
    const auto size = std::to_integer<std::size_t>(message[at++]);
    if (size == 0) {
      if (at - kHeader > kLongestName) return std::nullopt;
      if (!plain) out.text.clear();
      out.end = at;
      return out;
    }
    constexpr std::size_t kLongestLabel = 63;
    if (size > kLongestLabel || size > message.size() - at) return std::nullopt;
    if (!out.text.empty()) out.text.push_back('.');
    for (const std::byte byte : message.subspan(at, size)) {
      const std::optional<char> c = host_byte(byte);
      plain = plain && c.has_value();
      out.text.push_back(c.value_or('?'));
    }
    at += size;
  }
  return std::nullopt;
}

ByteVec header(std::uint16_t id, std::uint16_t asked, Code code, std::uint16_t questions,
               std::uint16_t answers) {
  ByteVec out;
  out.reserve(kLongestMessage);
  put(out, id);
  const std::uint16_t kept = asked & (kOpcode | kRecursionDesired);
  put(out, static_cast<std::uint16_t>(kResponse | kept | kRecursionAvailable |
                                      static_cast<unsigned>(code)));
  put(out, questions);
  put(out, answers);
  put(out, 0);
  put(out, 0);
  return out;
}

}  // namespace

ParsedQuery parse_query(Bytes message) {
  if (message.size() < kHeader) return Ignored{};
  const std::uint16_t id = word(message, 0);
  const std::uint16_t flags = word(message, 2);
  if ((flags & kResponse) != 0) return Ignored{};
  if ((flags & kOpcode) != 0) return Bad{id, flags, Code::Unsupported};
  const Bad bad{id, flags, Code::Malformed};
  const bool one_question = word(message, 4) == 1 && word(message, 6) == 0 && word(message, 8) == 0;
  if (!one_question || message.size() > kLongestMessage) return bad;
  std::optional<Name> name = read_name(message);
  if (!name || message.size() - name->end < 4) return bad;
  Query out;
  out.id = id;
  out.flags = flags;
  out.name = std::move(name->text);
  out.type = word(message, name->end);
  out.internet = word(message, name->end + 2) == kInternet;
  const Bytes question = message.subspan(kHeader, name->end + 4 - kHeader);
  out.question.assign(question.begin(), question.end());
  return out;
}

std::size_t fitting(const Query& query, bool v4) {
  return (kLongestMessage - kHeader - query.question.size()) / record_size(v4);
}

ByteVec answer(const Query& query, std::span<const IpAddress> addresses, std::uint32_t ttl) {
  const bool v4 = query.type == kA;
  std::vector<const IpAddress*> chosen;
  if (query.internet && (v4 || query.type == kAaaa)) {
    for (const IpAddress& one : addresses) {
      if (one.v4 == v4 && chosen.size() < fitting(query, v4)) chosen.push_back(&one);
    }
  }
  ByteVec out =
      header(query.id, query.flags, Code::Ok, 1, static_cast<std::uint16_t>(chosen.size()));
  append(out, query.question);
  for (const IpAddress* one : chosen) {
    const std::size_t size = v4 ? 4 : 16;
    put(out, 0xc000 | kHeader);  // the question's name
    put(out, query.type);
    put(out, kInternet);
    put(out, static_cast<std::uint16_t>(ttl >> 16));
    put(out, static_cast<std::uint16_t>(ttl & 0xffff));
    put(out, static_cast<std::uint16_t>(size));
    append(out, Bytes(one->bytes).first(size));
  }
  return out;
}

ByteVec refuse(const Query& query, Code code) {
  ByteVec out = header(query.id, query.flags, code, 1, 0);
  append(out, query.question);
  return out;
}

ByteVec refuse(const Bad& bad) {
  return header(bad.id, bad.flags, bad.code, 0, 0);
}

}  // namespace writ::dns
