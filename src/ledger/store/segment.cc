#include <algorithm>
#include <array>
#include <charconv>

#include "crypto/sha.h"
#include "ledger/store/segment_internal.h"
#include "ledger/tree.h"

namespace writ::ledger {
namespace {

constexpr std::string_view kMagic{"writ segment 0\n\0", 16};
constexpr std::byte kRecord{'W'};
constexpr std::byte kSeal{'S'};
constexpr std::byte kClose{0xA5};

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

std::uint32_t crc32(Bytes bytes) {
  std::uint32_t c = 0xFFFFFFFFU;
  for (const std::byte b : bytes) {
    c = kCrcTable[(c ^ std::to_integer<std::uint32_t>(b)) & 0xff] ^ (c >> 8);
  }
  return c ^ 0xFFFFFFFFU;
}

void put(ByteVec& out, std::uint64_t n, unsigned size) {
  for (unsigned i = size; i-- > 0;) out.push_back(static_cast<std::byte>(n >> (8 * i) & 0xff));
}
std::uint64_t get(Bytes bytes, std::size_t at, unsigned size) {
  std::uint64_t n = 0;
  for (unsigned i = 0; i < size; ++i) n = n << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return n;
}

struct RecordHeader {
  std::byte mark{};
  std::size_t length = 0;
  std::uint64_t index = 0;
  std::uint64_t durable = 0;
  std::int64_t time = 0;
  std::uint64_t next_outside = 0;
  std::uint64_t check = 0;
};

void put_header(ByteVec& out, const RecordHeader& header) {
  const std::size_t start = out.size();
  out.push_back(header.mark);
  put(out, header.length, 2);
  put(out, header.index, 8);
  put(out, header.durable, 8);
  put(out, static_cast<std::uint64_t>(header.time), 8);
  put(out, header.next_outside, 8);
  put(out, header.check, 8);
  put(out, crc32(Bytes(out).subspan(start)), 4);
  out.push_back(kClose);
}

// The header at the start of `bytes`, if one is there whole.
std::optional<RecordHeader> get_header(Bytes bytes) {
  if (bytes.size() < kRecordHeader || bytes[kRecordHeader - 1] != kClose) return std::nullopt;
  if (crc32(bytes.first(kRecordHeader - 5)) != get(bytes, kRecordHeader - 5, 4)) {
    return std::nullopt;
  }
  RecordHeader header;
  header.mark = bytes[0];
  header.length = static_cast<std::size_t>(get(bytes, 1, 2));
  header.index = get(bytes, 3, 8);
  header.durable = get(bytes, 11, 8);
  header.time = static_cast<std::int64_t>(get(bytes, 19, 8));
  header.next_outside = get(bytes, 27, 8);
  header.check = get(bytes, 35, 8);
  if (header.mark != kRecord && header.mark != kSeal) return std::nullopt;
  return header;
}

std::uint64_t check_of(Bytes entry) {
  return get(as_bytes(leaf_hash(entry)), 0, 8);
}

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Whether what lies at the start of `bytes`, `extent` bytes long and at `offset` in the file,
// lacks a piece that a crash could have lost. Past the end of the file all is zero.
bool lacks_a_piece(Bytes bytes, std::uint64_t offset, std::size_t extent) {
  if (extent > bytes.size() || bytes[extent - 1] == std::byte{0}) return true;
  for (std::size_t at = 0; at < extent;) {
    const std::size_t piece =
        std::min(extent - at, kSector - static_cast<std::size_t>((offset + at) % kSector));
    if (all_zero(bytes.subspan(at, piece))) return true;
    at += piece;
  }
  return false;
}

// Judges the place where no whole record is. `bytes` begins there and has something in it.
void judge(Bytes bytes, std::uint64_t head_size, Scan& scan) {
  const std::string place = "entry " + std::to_string(scan.at.index) + " (" +
                            segment_name(scan.at.segment) + ", byte " +
                            std::to_string(scan.at.offset) + ")";
  scan.end = ScanEnd::Damaged;
  const std::optional<RecordHeader> header = get_header(bytes);
  std::size_t extent = kRecordHeader;
  if (header && header->mark == kRecord) extent += header->length + 1;
  const bool lacking = lacks_a_piece(bytes, scan.at.offset, extent);
  if (scan.at.index < head_size) {
    scan.lost = lacking;
    scan.why = place + (lacking ? " is missing" : " is not as it was written") +
               ", though a signed head covers it";
    return;
  }
  for (std::size_t at = 1; at + kRecordHeader <= bytes.size(); ++at) {
    if (bytes[at] != kRecord && bytes[at] != kSeal) continue;
    const std::optional<RecordHeader> later = get_header(bytes.subspan(at));
    if (later && later->durable > scan.at.index) {
      scan.why = place + " is not as it was written, though it was durable when entry " +
                 std::to_string(later->index) + " was";
      return;
    }
  }
  if (header && header->index != scan.at.index) {
    scan.why = place + " has the record of entry " + std::to_string(header->index);
    return;
  }
  if (!lacking) {
    scan.why = place + " is not as it was written, and no write that was cut short looks like it";
    return;
  }
  scan.end = ScanEnd::Torn;
  scan.why = place + " was being written when the machine or the process stopped";
}

}  // namespace

std::string segment_name(std::uint64_t first) {
  const std::string digits = std::to_string(first);
  return "segment-" + std::string(20 - digits.size(), '0') + digits;
}

std::optional<std::uint64_t> parse_segment_name(const std::string& name) {
  if (name.size() != 28 || !name.starts_with("segment-")) return std::nullopt;
  std::uint64_t first = 0;
  const auto [end, fault] = std::from_chars(name.data() + 8, name.data() + name.size(), first);
  if (fault != std::errc() || segment_name(first) != name) return std::nullopt;
  return first;
}

ByteVec encode_segment_header(const SegmentHeader& header) {
  ByteVec out = to_vec(kMagic);
  put(out, header.first, 8);
  put(out, static_cast<std::uint64_t>(header.last_time), 8);
  put(out, header.next_outside, 8);
  append(out, as_bytes(header.ledger));
  append(out, as_bytes(crypto::sha256(out)));
  out.resize(kSegmentHeader);
  return out;
}

Result<SegmentHeader> decode_segment_header(Bytes bytes) {
  SegmentHeader header;
  if (bytes.size() == kSegmentHeader && as_text(bytes).starts_with(kMagic)) {
    header.first = get(bytes, 16, 8);
    header.last_time = static_cast<std::int64_t>(get(bytes, 24, 8));
    header.next_outside = get(bytes, 32, 8);
    header.ledger = TRY(id_from_bytes<LedgerId>(bytes.subspan(40, 32)));
    if (equal(encode_segment_header(header), bytes)) return header;
  }
  return Error(Code::Malformed, "not the beginning of a segment");
}

Position start_of(const SegmentHeader& header) {
  return {header.first, kSegmentHeader, header.first, header.last_time, header.next_outside};
}

void append_record(ByteVec& out, Position& at, Bytes entry, std::int64_t time,
                   std::uint64_t next_outside, std::uint64_t durable) {
  put_header(out, {kRecord, entry.size(), at.index, durable, time, next_outside, check_of(entry)});
  append(out, entry);
  out.push_back(kClose);
  at.offset += kRecordOverhead + entry.size();
  at.index += 1;
  at.last_time = time;
  at.next_outside = next_outside;
}

void append_seal(ByteVec& out, const Position& at) {
  put_header(out, {kSeal, 0, at.index, at.index, at.last_time, at.next_outside, 0});
}

Scan scan_records(Bytes bytes, const Position& from, std::uint64_t head_size,
                  const std::function<bool(std::uint64_t, std::uint64_t, Bytes)>& record) {
  Scan scan;
  scan.at = from;
  std::size_t used = bytes.size();
  while (used > 0 && bytes[used - 1] == std::byte{0}) --used;
  scan.last_used = from.offset + used;
  std::size_t done = 0;
  while (done < used) {
    const Bytes rest = bytes.subspan(done);
    const std::optional<RecordHeader> header = get_header(rest);
    const bool ours = header && header->index == scan.at.index;
    if (ours && header->mark == kSeal) {
      scan.end = ScanEnd::Sealed;
      return scan;
    }
    const bool whole = ours && rest.size() >= kRecordOverhead + header->length &&
                       rest[kRecordHeader + header->length] == kClose;
    const Bytes entry = whole ? rest.subspan(kRecordHeader, header->length) : Bytes();
    if (!whole || check_of(entry) != header->check) {
      judge(rest, head_size, scan);
      return scan;
    }
    if (!record(scan.at.index, scan.at.offset, entry)) {
      scan.end = ScanEnd::Stopped;
      return scan;
    }
    done += kRecordOverhead + entry.size();
    scan.at.offset += kRecordOverhead + entry.size();
    scan.at.index += 1;
    scan.at.last_time = header->time;
    scan.at.next_outside = header->next_outside;
  }
  scan.end = ScanEnd::Clean;
  return scan;
}

}  // namespace writ::ledger
