// The clear text beside the log: side/RUN, written at its end, overwritten where it is erased.
#include <array>

#include "ledger/store/files_internal.h"

namespace writ::ledger {
namespace {

constexpr std::size_t kOpenFiles = 16;
constexpr std::size_t kHead = 12;  // of a record: number u64, length u32

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t n = 0;
  for (const std::byte one : bytes) n = n << 8 | std::to_integer<std::uint64_t>(one);
  return n;
}
void put(ByteVec& out, std::uint64_t n, unsigned size) {
  for (unsigned i = size; i-- > 0;) out.push_back(static_cast<std::byte>(n >> (8 * i) & 0xff));
}

// each_record visits the records from the offset `at` on, as number and place; it gives the offset
// behind the last whole one. A record cut short by a crash ends them.
template <class Visit>
Result<std::uint64_t> each_record(Storage& storage, FdRef file, std::uint64_t at,
                                  const Visit& visit) {
  const std::uint64_t end = TRY(storage.size_of(file));
  while (at + kHead <= end) {
    std::array<std::byte, kHead> head{};
    if (TRY(storage.read_at(file, at, head)) != head.size()) break;
    const Bytes bytes(head);
    const SidePlace place{at + kHead, static_cast<std::size_t>(big_endian(bytes.subspan(8)))};
    if (place.size > end - place.offset) break;
    visit(big_endian(bytes.first(8)), place);
    at = place.offset + place.size;
  }
  return at;
}

std::string side_name(const RunId& run) {
  return "side/" + (run == kNoRun ? std::string("outside") : to_string(run));
}

}  // namespace

Result<void> SideFiles::append(const EventId& id, Bytes bytes) {
  auto found = open_.find(id.run);
  if (found == open_.end()) {
    TRY(files_.storage->make_dir(files_.root.borrow(), "side"));
    UniqueFd file = TRY(files_.storage->open_file(files_.root.borrow(), side_name(id.run),
                                                  FileUse::ReadWriteCreate));
    if (open_.size() >= kOpenFiles) open_.clear();
    found = open_.emplace(id.run, std::move(file)).first;
  }
  const FdRef file = found->second.borrow();
  ByteVec record;
  put(record, id.seq.get(), 8);
  put(record, bytes.size(), 4);
  writ::append(record, bytes);
  return files_.storage->write_at(file, TRY(files_.storage->size_of(file)), record);
}

Result<void> SideFiles::erase(const RunId& run, std::optional<Seq> seq) {
  UniqueFd file =
      TRY(files_.storage->open_file(files_.root.borrow(), side_name(run), FileUse::ReadWrite));
  std::vector<SidePlace> places;
  TRY(each_record(*files_.storage, file.borrow(), 0, [&](std::uint64_t number, SidePlace place) {
    if (!seq || number == seq->get()) places.push_back(place);
  }));
  for (const SidePlace& place : places) {
    TRY(files_.storage->write_at(file.borrow(), place.offset, ByteVec(place.size)));
  }
  TRY(files_.storage->sync_data(file.borrow()));
  if (places.empty()) return Error(Code::NotFound, "no clear text is kept there");
  return {};
}

// What was added to the run's file since the last call is taken up; what was is where it was.
Result<const SideReader::Known*> SideReader::known(const RunId& run) {
  auto found = known_.find(run);
  if (found == known_.end()) {
    Known fresh;
    fresh.file =
        TRY(files_.storage->open_file(files_.root.borrow(), side_name(run), FileUse::Read));
    if (known_.size() >= kOpenFiles) known_.clear();
    found = known_.emplace(run, std::move(fresh)).first;
  }
  Known& known = found->second;
  known.end = TRY(each_record(
      *files_.storage, known.file.borrow(), known.end,
      // The last one counts: a number may have been tried before and its append refused.
      [&](std::uint64_t number, SidePlace place) { known.places[number] = place; }));
  return &known;
}

Result<ByteVec> SideReader::read(const EventId& id) {
  const Known& run = *TRY(known(id.run));
  const auto found = run.places.find(id.seq.get());
  if (found != run.places.end() && found->second.size > 0 && found->second.size <= kMaxSide) {
    ByteVec bytes(found->second.size);
    bytes.resize(TRY(files_.storage->read_at(run.file.borrow(), found->second.offset, bytes)));
    if (!bytes.empty() && bytes.front() != std::byte{0}) return bytes;
    return Error(Code::NotFound, "the clear text of " + to_string(id) + " was erased");
  }
  return Error(Code::NotFound, "no clear text of " + to_string(id) + " is kept");
}

}  // namespace writ::ledger
