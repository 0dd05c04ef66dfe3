// Requests, named sets, domains and ceilings: text that people write and strangers send. Whatever
// is accepted can be used further without another check; whatever is not names the file and line.
#include <cstddef>
#include <cstdint>

#include "base/config_text.h"
#include "domain/domain.h"
#include "permit/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const auto config = parse_config(text, "f");
  if (!config) {
    WRIT_ASSERT(config.error().message().substr(0, 2) == "f:");
    WRIT_ASSERT(is_utf8(config.error().message()));
  }
  const auto request = permit::parse_request(text, "f");
  if (request) {
    WRIT_ASSERT(config.has_value() && !request->audience.empty() && request->ttl_ms >= 1000);
    for (const permit::WantedExec& rule : request->exec) {
      for (const permit::Pattern& pattern : rule.args) {
        (void)pattern.anchored("/srv");
      }
    }
  } else {
    WRIT_ASSERT(request.error().message().substr(0, 2) == "f:");
  }
  if (const auto set = permit::parse_set(text, "s", "f")) {
    permit::Request empty;
    permit::apply_set(empty, *set);
    WRIT_ASSERT(empty.write.empty() && empty.connect.empty() && empty.subject.empty());
  }
  if (const auto domain = domain::parse_domain(text, "d", "f")) {
    WRIT_ASSERT(domain::decode_domain(domain::encode_domain(*domain)).value() == *domain);
  }
  if (const auto ceiling = domain::parse_ceiling(text, "f")) {
    WRIT_ASSERT(permit::encode_grant(ceiling->bound).has_value());
  }
  (void)domain::decode_domain(Bytes(reinterpret_cast<const std::byte*>(data), size));
  return 0;
}
