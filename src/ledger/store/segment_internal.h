// The write-ahead segment: where an entry lies from the moment it is acknowledged until full
// bundles and tiles hold it.
//
// A segment file `segment-<index of its first entry, 20 digits>` is a 512-byte header, records one
// after another, and zeros (preallocated). A record is a 48-byte header, the entry, and the byte
// A5. Numbers are big-endian.
//
//   file header: magic "writ segment 0\n\0" · first index u64 · last time i64 · next number outside
//   runs u64 · ledger id 32 · SHA-256 of all that
//   record header: 'W' · length u16 · index u64 · durable u64 · time i64 · next number outside
//   runs u64 · first 8 bytes of the leaf hash · CRC-32 of all that · A5
//   seal: the same with 'S' and length 0, no entry: the log goes on in the segment of its index
//
// Telling a torn write from damage. A crash can lose any 512-byte piece of what was not synced;
// the pieces then still hold zeros. So a place where a record should be and is not is *torn* when
// one of its pieces, or its last byte (never zero when written), is zero; it is *damaged* when
// none is, when a signed head covers the entry, or when a later whole record says that this one
// was durable already ("durable" counts the entries that were). A single flipped bit in what was
// synced is therefore never taken for a crash, except in the last unsigned records, where no one
// can know.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace writ::ledger {

inline constexpr std::size_t kSegmentHeader = 512;
inline constexpr std::size_t kRecordHeader = 48;
inline constexpr std::size_t kRecordOverhead = kRecordHeader + 1;
inline constexpr std::size_t kSector = 512;

std::string segment_name(std::uint64_t first);
std::optional<std::uint64_t> parse_segment_name(const std::string& name);

// Where the log stands: what the next record continues.
struct Position {
  std::uint64_t segment = 0;       // first index of the segment
  std::uint64_t offset = 0;        // in its file
  std::uint64_t index = 0;         // of the next entry
  std::int64_t last_time = 0;      // of the entry before
  std::uint64_t next_outside = 0;  // number of the next event outside runs
  friend bool operator==(const Position&, const Position&) = default;
};

struct SegmentHeader {
  std::uint64_t first = 0;
  std::int64_t last_time = 0;
  std::uint64_t next_outside = 0;
  LedgerId ledger;
};
ByteVec encode_segment_header(const SegmentHeader& header);
// decode_segment_header: Malformed unless all 512 bytes are as written.
Result<SegmentHeader> decode_segment_header(Bytes bytes);
Position start_of(const SegmentHeader& header);

// append_record writes the record of `entry` and moves `at` past it.
void append_record(ByteVec& out, Position& at, Bytes entry, std::int64_t time,
                   std::uint64_t next_outside, std::uint64_t durable);
// append_seal writes the seal of a segment that ends at `at`.
void append_seal(ByteVec& out, const Position& at);

enum class ScanEnd { Clean, Sealed, Stopped, Torn, Damaged };
struct Scan {
  ScanEnd end = ScanEnd::Clean;
  Position at;                  // after the last whole record
  std::uint64_t last_used = 0;  // offset after the last byte that is not zero (Torn: what to clear)
  std::string why;              // Torn, Damaged: for people
  bool lost = false;            // Damaged: nothing else than a lost write looks like it
};
// scan reads records from `bytes`, which lie at `from.offset` in the file and reach to its end,
// and gives each to `record` until that returns false. `head_size` is that of the signed head.
Scan scan_records(
    Bytes bytes, const Position& from, std::uint64_t head_size,
    const std::function<bool(std::uint64_t index, std::uint64_t offset, Bytes entry)>& record);

}  // namespace writ::ledger
