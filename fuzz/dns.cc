// Queries as a run could send them: whatever the bytes, the response is bounded, echoes nothing but
// the question, and is itself no query.
#include <cstdint>
#include <cstdlib>

#include "dns/message.h"

namespace {

using namespace writ;

void must(bool held) {
  if (!held) std::abort();
}

void check(const ByteVec& response, std::uint16_t id) {
  must(response.size() <= dns::kLongestMessage);
  must(std::holds_alternative<dns::Ignored>(dns::parse_query(response)));
  must(std::to_integer<unsigned>(response[0]) == id >> 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes message(reinterpret_cast<const std::byte*>(data), size);
  const dns::ParsedQuery parsed = dns::parse_query(message);
  if (const dns::Bad* bad = std::get_if<dns::Bad>(&parsed)) check(dns::refuse(*bad), bad->id);
  const dns::Query* query = std::get_if<dns::Query>(&parsed);
  if (query == nullptr) return 0;
  must(query->name.size() <= 253);
  for (const char c : query->name) {
    must((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.');
  }
  std::vector<IpAddress> addresses(40);
  for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i].v4 = i % 2 == 0;
  const ByteVec response = dns::answer(*query, addresses, 60);
  check(response, query->id);
  check(dns::refuse(*query, dns::Code::Refused), query->id);
  // The same question, and one record each for what was asked.
  must(Bytes(response).subspan(12, query->question.size()).size() == query->question.size());
  const bool hosts = query->internet && (query->type == dns::kA || query->type == dns::kAaaa);
  must((std::to_integer<int>(response[7]) > 0) == hosts);
  return 0;
}
