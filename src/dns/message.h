// DNS messages as the resolver of a run needs them: one question in, addresses out (RFC 1035 §4,
// RFC 3596).
//
// A run asks over UDP at a resolver that the governor holds. Of its message only the header and the
// one question are read; what follows them (EDNS, RFC 6891) is ignored, as a server without
// extensions does, so answers have no OPT record and at most 512 bytes. An answer holds as many
// addresses as fit, and that is all there are: it is never marked as truncated.
//
//   const ParsedQuery parsed = parse_query(message);
//   if (const Query* query = std::get_if<Query>(&parsed)) send(answer(*query, addresses, 60));
//
// Hostile: every byte of a query. The question is echoed as it came, and a response is no larger
// than 512 bytes. Sizes: bytes; times: seconds. Pure. Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace writ::dns {

inline constexpr std::size_t kLongestMessage = 512;  // RFC 1035 §2.3.4
inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kAaaa = 28;

enum class Code : std::uint8_t {
  Ok = 0,
  Malformed = 1,
  Failed = 2,
  NoName = 3,
  Unsupported = 4,
  Refused = 5,
};

struct Query {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  // as they came
  std::uint16_t type = 0;   // kA, kAaaa or another
  bool internet = false;    // class IN
  std::string name;         // lower case, without the last dot; empty: the root, or no host's name
  ByteVec question;         // as it came
};
// A message to which nothing is to be said (a response, or too short for a header), or one that
// gets an error.
struct Ignored {};
struct Bad {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  Code code = Code::Malformed;
};
using ParsedQuery = std::variant<Query, Bad, Ignored>;

// parse_query reads one query. A name with other bytes than letters, digits, `-` and `_` is left
// empty.
ParsedQuery parse_query(Bytes message);

// answer is the response with those of `addresses` that the question's type asks for, with `ttl`.
ByteVec answer(const Query& query, std::span<const IpAddress> addresses, std::uint32_t ttl);
// refuse is the response with an error code and no record.
ByteVec refuse(const Query& query, Code code);
ByteVec refuse(const Bad& bad);

// fitting is how many addresses of one family an answer to `query` has room for.
std::size_t fitting(const Query& query, bool v4);

}  // namespace writ::dns
