#include "ledger/side.h"

#include <algorithm>

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "crypto/sha.h"

namespace writ::ledger {

Digest32 salted_digest(const Salt& salt, std::string_view name, Bytes value) {
  using namespace std::string_view_literals;
  return crypto::sha256(
      {as_bytes("writ side 0\0"sv), as_bytes(name), as_bytes("\0"sv), Bytes(salt), value});
}

ByteVec encode_list(std::span<const std::string> items) {
  ByteVec bytes;
  for (const std::string& item : items) {
    append(bytes, as_bytes(item));
    bytes.push_back(std::byte{0});
  }
  return bytes;
}

Result<std::vector<std::string>> decode_list(Bytes bytes) {
  std::vector<std::string> items;
  std::string_view text = as_text(bytes);
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    if (end == std::string_view::npos) {
      return Error(Code::Malformed, "a list whose last string has no end");
    }
    items.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return items;
}

Digest32 Side::put(std::string_view name, Bytes value) {
  values_.insert_or_assign(std::string(name), to_vec(value));
  return salted_digest(salt_, name, value);
}

const ByteVec* Side::get(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

Result<void> Side::check(std::string_view name, const Digest32& digest) const {
  const ByteVec* value = get(name);
  if (value == nullptr) {
    return Error(Code::NotFound, "no clear text of `" + printable(name) + "` is kept");
  }
  if (salted_digest(salt_, name, *value) != digest) {
    return Error(Code::Denied, "the clear text of `" + printable(name) +
                                   "` is not what the entry has the digest of");
  }
  return {};
}

ByteVec Side::encode() const {
  cbor::Writer w;
  w.map([&] {
    w.key(0).bytes(salt_);
    w.key(1).map([&] {
      for (const auto& [name, value] : values_) w.key(name).bytes(value);
    });
  });
  Result<ByteVec> bytes = std::move(w).finish();
  WRIT_ASSERT(bytes);  // names are ours, in UTF-8, and unique
  return std::move(bytes).value();
}

Result<Side> Side::decode(Bytes bytes) {
  if (bytes.size() > kMaxSide) {
    return Error(Code::Exhausted, "a side record of " + std::to_string(bytes.size()) +
                                      " bytes is over the limit of " + std::to_string(kMaxSide));
  }
  cbor::Reader r(bytes);
  TRY(r.enter_map());
  if (TRY(r.uint()) != 0) return r.refuse("expected the salt");
  const Bytes salt_bytes = TRY(r.bytes());
  Salt salt{};
  if (salt_bytes.size() != salt.size()) return r.refuse("a salt has 16 bytes");
  std::copy(salt_bytes.begin(), salt_bytes.end(), salt.begin());
  Side side(salt);
  if (TRY(r.uint()) != 1) return r.refuse("expected the values");
  TRY(r.enter_map());
  while (r.more()) {
    const std::string_view name = TRY(r.text());
    side.values_.emplace(std::string(name), to_vec(TRY(r.bytes())));
  }
  TRY(r.leave());
  TRY(r.leave());
  TRY(r.finish());
  return side;
}

}  // namespace writ::ledger
