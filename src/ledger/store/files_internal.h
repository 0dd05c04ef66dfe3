// The files of a ledger directory, for the store, the head writer and the reader.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/durable.h"
#include "ledger/checkpoint.h"
#include "ledger/side.h"
#include "ledger/store/segment_internal.h"
#include "ledger/store/store.h"
#include "ledger/tile.h"

namespace writ::ledger {

// Errors that reason_of tells apart carry these errnos.
Error damaged(std::string message);       // EUCLEAN
Error lost_tail(std::string message);     // ENODATA
Error bad_scan(const Scan& scan);         // one of them
Error clock_behind(std::string message);  // ETIME

struct Files {
  Storage* storage = nullptr;
  UniqueFd root;    // the state directory
  UniqueFd ledger;  // ledger/ in it
  VerifierKey key;  // ledger/vkey

  FdRef dir() const { return ledger.borrow(); }
};
// open_files: NotFound when there is no log.
Result<Files> open_files(Storage& storage, const std::string& state_dir);

// read_vkey reads the key file beside the log.
Result<VerifierKey> read_vkey(Storage& storage, FdRef ledger);
// stored_head reads and verifies `checkpoint`; nothing when there is none. A checkpoint that does
// not verify is damage.
Result<std::optional<Checkpoint>> stored_head(const Files& files);
// list_segments gives the first indices of the live segments, ascending.
Result<std::vector<std::uint64_t>> list_segments(const Files& files);
struct OpenSegment {
  UniqueFd file;
  SegmentHeader header;
};
Result<OpenSegment> open_segment(const Files& files, std::uint64_t first, FileUse use);
// read_range reads [offset, end) of a file, or less at its end.
Result<ByteVec> read_range(Storage& storage, FdRef file, std::uint64_t offset, std::uint64_t end);
// read_used reads from `offset` to the end of the file, without most of the zeros at its end.
Result<ByteVec> read_used(Storage& storage, FdRef file, std::uint64_t offset);

// The hint `tail`: where the entry after the signed head lies. Only believed in the boot that
// wrote it, and only when it fits the head.
Result<std::optional<Position>> read_hint(const Files& files);
Result<void> write_hint(const Files& files, const Position& at);

// walk_records visits the records from `from` on, through sealed segments, until `until` (an
// index), the end, or a false from `record`. Returns where it stopped; damage is an error, a torn
// place is the end.
Result<Position> walk_records(const Files& files, const Position& from,
                              std::optional<Position> until, std::uint64_t head_size,
                              const std::function<bool(std::uint64_t index, Bytes entry)>& record);

// HeadWriter turns records into tiles, bundles and signed heads. One at a time, under the head
// lock (ledger/head.lock).
class HeadWriter {
 public:
  HeadWriter(const Files& files, RepairNote* note) : files_(files), note_(note) {}

  // remake writes again every tile and bundle that may not have been synced, up to the stored
  // head: after the machine was started anew.
  Result<void> remake(const Checkpoint& head);
  // advance signs a head over everything up to `until`, which must be durable; with `also`, the
  // key that takes over, by both. Conflict when the log key was changed by another process.
  Result<Checkpoint> advance(const Position& until, const crypto::PrivateKey& log_key,
                             const crypto::PrivateKey* also = nullptr);

 private:
  Result<void> load(const Checkpoint& head);
  Result<bool> load_from_hint(const Checkpoint& head);
  Result<void> load_from_segments(const Checkpoint& head, bool write);
  Result<void> take(const Position& until, std::uint64_t head_size, bool write);
  Result<void> write_tile(const TileId& id, Bytes bytes);
  Result<void> write_partials();
  Result<void> remove_partials(const TileId& id);
  Result<bool> leads_to(std::uint64_t first, std::uint64_t next);
  Result<void> retire(const Checkpoint& head);
  Result<void> make_dirs(const std::string& path);

  const Files& files_;
  RepairNote* note_;
  bool loaded_ = false;
  Position at_;  // INVARIANT: at_.index == frontier_.size() once loaded
  TileFrontier frontier_;
  ByteVec bundle_;  // the entries of the partial bundle at the edge
  std::set<std::string> known_dirs_;
};

// keep_objects writes objects/SHA256 for each that does not stand there whole; all are durable on
// return (objects.cc).
Result<void> keep_objects(const Files& files, std::span<const Bytes> objects);

// Clear text: side/RUN (or side/outside), records of number u64, length u32, bytes. An erased
// record keeps its length and holds zeros, with which no Side begins.
class SideFiles {
 public:
  explicit SideFiles(const Files& files) : files_(files) {}
  Result<void> append(const EventId& id, Bytes bytes);
  Result<void> erase(const RunId& run, std::optional<Seq> seq);

 private:
  const Files& files_;
  std::map<RunId, UniqueFd> open_;
};

// Where the bytes of a record lie in its side file.
struct SidePlace {
  std::uint64_t offset = 0;
  std::size_t size = 0;
};
// SideReader reads clear text while others add to it and erase. The places of what it has seen of
// the last few runs are kept, so that reading all of a run's costs one walk of its file.
class SideReader {
 public:
  explicit SideReader(const Files& files) : files_(files) {}
  // read: NotFound when there is none or it was erased.
  Result<ByteVec> read(const EventId& id);

 private:
  struct Known {
    UniqueFd file;
    std::uint64_t end = 0;  // behind the last whole record that was seen
    std::unordered_map<std::uint64_t, SidePlace> places;  // by the event's number
  };
  Result<const Known*> known(const RunId& run);

  const Files& files_;
  std::map<RunId, Known> known_;
};

}  // namespace writ::ledger
