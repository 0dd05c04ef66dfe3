#include <algorithm>
#include <cerrno>
#include <cstring>

#include "crypto/sha.h"
#include "ledger/store/files_internal.h"

namespace writ::ledger {
namespace {

constexpr std::size_t kMaxSegments = 100'000;
constexpr std::size_t kReadStep = std::size_t{64} << 10;
constexpr std::string_view kHintMagic = "writ tail 0\n";

void put(ByteVec& out, std::uint64_t n) {
  for (unsigned i = 8; i-- > 0;) out.push_back(static_cast<std::byte>(n >> (8 * i) & 0xff));
}
bool all_zero(Bytes bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}
std::uint64_t get(Bytes bytes, std::size_t at) {
  std::uint64_t n = 0;
  for (unsigned i = 0; i < 8; ++i) n = n << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return n;
}

}  // namespace

Error damaged(std::string message) {
  return Error(Code::Malformed, std::move(message), EUCLEAN);
}
Error lost_tail(std::string message) {
  return Error(Code::Malformed, std::move(message), ENODATA);
}
Error bad_scan(const Scan& scan) {
  return scan.lost ? lost_tail(scan.why) : damaged(scan.why);
}
Error clock_behind(std::string message) {
  return Error(Code::Denied, std::move(message), ETIME);
}

Result<Files> open_files(Storage& storage, const std::string& state_dir) {
  UniqueFd root = TRY(storage.open_dir(FdRef::cwd(), state_dir));
  Result<UniqueFd> ledger = storage.open_dir(root.borrow(), "ledger");
  if (!ledger) return std::move(ledger).error().context("no ledger in `" + state_dir + "`");
  Result<VerifierKey> key = read_vkey(storage, ledger->borrow());
  if (!key && key.error().code() == Code::NotFound) {
    return std::move(key).error().context("no ledger in `" + state_dir + "`");
  }
  if (!key) return std::move(key).error();
  return Files{&storage, std::move(root), std::move(ledger).value(), std::move(key).value()};
}

Result<VerifierKey> read_vkey(Storage& storage, FdRef ledger) {
  const ByteVec text = TRY(read_file(storage, ledger, "vkey", 4096));
  std::string_view line = as_text(text);
  if (line.ends_with('\n')) line.remove_suffix(1);
  Result<VerifierKey> key = parse_vkey(line);
  if (!key) return damaged("ledger/vkey: " + key.error().message());
  return key;
}

Result<std::optional<Checkpoint>> stored_head(const Files& files) {
  Result<ByteVec> note = read_file(*files.storage, files.dir(), "checkpoint", kMaxNote);
  if (!note) {
    if (note.error().code() == Code::NotFound) return std::optional<Checkpoint>();
    return std::move(note).error();
  }
  Result<Checkpoint> head = verify_checkpoint(*note, files.key);
  if (!head) return damaged("the signed head does not verify: " + head.error().message());
  return std::optional<Checkpoint>(std::move(head).value());
}

Result<std::vector<std::uint64_t>> list_segments(const Files& files) {
  std::vector<std::uint64_t> segments;
  for (const std::string& name : TRY(files.storage->list(files.dir(), kMaxSegments))) {
    if (const auto first = parse_segment_name(name)) segments.push_back(*first);
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

Result<OpenSegment> open_segment(const Files& files, std::uint64_t first, FileUse use) {
  const std::string name = segment_name(first);
  UniqueFd file = TRY(files.storage->open_file(files.dir(), name, use));
  const ByteVec bytes = TRY(read_range(*files.storage, file.borrow(), 0, kSegmentHeader));
  const Result<SegmentHeader> header = decode_segment_header(bytes);
  if (!header || header->first != first) {
    return damaged("`" + name + "` does not begin as a segment of its name");
  }
  return OpenSegment{std::move(file), *header};
}

Result<ByteVec> read_range(Storage& storage, FdRef file, std::uint64_t offset, std::uint64_t end) {
  const std::uint64_t size = TRY(storage.size_of(file));
  end = std::min(end, size);
  if (offset >= end) return ByteVec();
  ByteVec bytes(static_cast<std::size_t>(end - offset));
  bytes.resize(TRY(storage.read_at(file, offset, bytes)));
  return bytes;
}

Result<ByteVec> read_used(Storage& storage, FdRef file, std::uint64_t offset) {
  // All of it is read, however much of it is zeros: one byte that is not says that what looks like
  // the end is torn or damaged. But zeros are looked at in one small piece of memory.
  ByteVec used;
  ByteVec step(kReadStep);
  std::uint64_t zeros = 0;
  for (std::uint64_t at = offset;;) {
    const std::size_t got = TRY(storage.read_at(file, at, step));
    const Bytes bytes = Bytes(step).first(got);
    if (all_zero(bytes)) {
      zeros += got;
    } else {
      used.resize(used.size() + static_cast<std::size_t>(zeros));
      append(used, bytes);
      zeros = 0;
    }
    if (got < step.size()) return used;
    at += got;
  }
}

Result<std::optional<Position>> read_hint(const Files& files) {
  const Result<ByteVec> bytes = read_file(*files.storage, files.dir(), "tail", 4096);
  const std::size_t numbers = kHintMagic.size();
  if (!bytes || bytes->size() != numbers + 40 + 32 || !as_text(*bytes).starts_with(kHintMagic)) {
    return std::optional<Position>();
  }
  const Bytes body = Bytes(*bytes).first(numbers + 40);
  if (!equal(as_bytes(crypto::sha256(body)), Bytes(*bytes).subspan(numbers + 40))) {
    return std::optional<Position>();
  }
  return std::optional<Position>(
      Position{get(body, numbers), get(body, numbers + 8), get(body, numbers + 16),
               static_cast<std::int64_t>(get(body, numbers + 24)), get(body, numbers + 32)});
}

Result<void> write_hint(const Files& files, const Position& at) {
  ByteVec bytes = to_vec(kHintMagic);
  put(bytes, at.segment);
  put(bytes, at.offset);
  put(bytes, at.index);
  put(bytes, static_cast<std::uint64_t>(at.last_time));
  put(bytes, at.next_outside);
  append(bytes, as_bytes(crypto::sha256(bytes)));
  return write_file_atomically(*files.storage, files.dir(), "tail", bytes);
}

Result<Position> walk_records(const Files& files, const Position& from,
                              std::optional<Position> until, std::uint64_t head_size,
                              const std::function<bool(std::uint64_t index, Bytes entry)>& record) {
  Position at = from;
  for (unsigned again = 0;;) {
    OpenSegment segment = TRY(open_segment(files, at.segment, FileUse::Read));
    const bool last = until && until->segment == at.segment;
    const FdRef file = segment.file.borrow();
    const ByteVec bytes = TRY(last ? read_range(*files.storage, file, at.offset, until->offset)
                                   : read_used(*files.storage, file, at.offset));
    const Scan scan =
        scan_records(bytes, at, head_size, [&](std::uint64_t index, std::uint64_t, Bytes entry) {
          return (!until || index < until->index) && record(index, entry);
        });
    if (scan.end == ScanEnd::Damaged) {
      // Readers hold no lock: a record seen while it is being written may look like anything, but
      // not for long.
      if (again++ == 5) return bad_scan(scan);
      at = scan.at;
      continue;
    }
    if (scan.end != ScanEnd::Sealed || last) return scan.at;
    const OpenSegment next = TRY(open_segment(files, scan.at.index, FileUse::Read));
    at = start_of(next.header);
  }
}

}  // namespace writ::ledger
