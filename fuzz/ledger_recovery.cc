// The readers of what lies on a disk that others may have written: segment scan, entries, bundles,
// tiles, notes, checkpoints, side records. The first byte chooses.
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "ledger/checkpoint.h"
#include "ledger/event.h"
#include "ledger/note.h"
#include "ledger/side.h"
#include "ledger/store/segment_internal.h"
#include "ledger/tile.h"

using namespace writ;
using namespace writ::ledger;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: {
      // Whatever is there, scanning ends, at a place inside, and entries come in order.
      const Position from{0, kSegmentHeader, 0, 0, 0};
      std::uint64_t next = 0;
      const Scan scan = scan_records(
          bytes, from, data[0] / 8, [&](std::uint64_t index, std::uint64_t offset, Bytes entry) {
            WRIT_ASSERT(index == next++);
            WRIT_ASSERT(offset + kRecordOverhead + entry.size() <= kSegmentHeader + bytes.size());
            return true;
          });
      WRIT_ASSERT(scan.at.index == next);
      WRIT_ASSERT(scan.at.offset <= kSegmentHeader + bytes.size());
      break;
    }
    case 1:
      if (const Result<Event> event = decode_event(bytes)) {
        const Result<ByteVec> again = encode_event(*event);
        WRIT_ASSERT(again && equal(*again, bytes));
        (void)describe(*event);
      }
      break;
    case 2:
      if (const Result<Note> note = parse_note(bytes)) {
        (void)parse_checkpoint(note->text);
      }
      break;
    case 3: (void)parse_checkpoint(as_text(bytes)); break;
    case 4:
      if (const auto entries = decode_bundle(bytes, 3)) {
        const Result<ByteVec> again = encode_bundle(*entries);
        WRIT_ASSERT(again && equal(*again, bytes));
      }
      (void)decode_tile(bytes, static_cast<unsigned>(bytes.size() / 32));
      break;
    case 5:
      if (const Result<TileId> id = parse_tile_path(as_text(bytes))) {
        WRIT_ASSERT(tile_path(*id) == as_text(bytes));
      }
      if (const Result<VerifierKey> key = parse_vkey(as_text(bytes))) {
        WRIT_ASSERT(to_string(*key) == as_text(bytes));
      }
      break;
    case 6: {
      if (const auto header = decode_segment_header(bytes)) {
        WRIT_ASSERT(equal(encode_segment_header(*header), bytes));
      }
      if (const auto first = parse_segment_name(std::string(as_text(bytes)))) {
        WRIT_ASSERT(segment_name(*first) == as_text(bytes));
      }
      // What is written scans: these bytes as two entries and a seal.
      const Position from = start_of({});
      ByteVec written;
      Position at = from;
      append_record(written, at, bytes, 1, 0, 0);
      append_record(written, at, bytes.first(bytes.size() / 2), 2, 1, 1);
      append_seal(written, at);
      unsigned entries = 0;
      const Scan scan =
          scan_records(written, from, 0, [&](std::uint64_t index, std::uint64_t, Bytes entry) {
            WRIT_ASSERT(index == entries);
            WRIT_ASSERT(equal(entry, entries == 0 ? bytes : bytes.first(bytes.size() / 2)));
            return ++entries < 3;
          });
      WRIT_ASSERT(scan.end == ScanEnd::Sealed && entries == 2 && scan.at == at);
      break;
    }
    case 7:
      if (const Result<Side> side = Side::decode(bytes)) {
        WRIT_ASSERT(equal(side->encode(), bytes));
      }
      break;
  }
  return 0;
}
