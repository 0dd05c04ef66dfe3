// Every sync of the ledger's files, by name: with it taken out, a power cut takes something that
// was promised; or it is named as one that no promise rests on, and it is said why it stands.
//
// A log lives through all that syncs. Every operation is recorded, and so is each promise with the
// moment it was made. A program that lacks one kind of sync leaves the same record without it; the
// states that a cut could then leave, and that the sync alone excludes, are rebuilt and opened as
// after a reboot.
#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <random>

#include "ledger/cosignature.h"
#include "ledger/store/segment_internal.h"
#include "ledger/store/testing_internal.h"

namespace writ::ledger {
namespace {

namespace fs = std::filesystem;

struct Row {
  const char* sync;
  bool needed;
  const char* why;  // what a cut leaves without it; or why nothing is lost
};
// Also in docs/formats/ledger.md.
constexpr Row kRows[] = {
    {"bytes of `vkey`", true, "a log without a key: it does not open"},
    {"name of `vkey`", true, "after a key change, the key before"},
    {"names of `ledger`, `objects`, `side`", true, "no log"},
    {"bytes of the first segment", true, "a log that neither opens nor can be made"},
    {"name of the first segment", true, "a signed head, and no genesis entry under it"},
    {"bytes of `checkpoint`", true, "an empty head"},
    {"name of `checkpoint`", true, "a head older than one that strangers hold"},
    {"bytes of `checkpoint`, cosigned", true, "an empty head"},
    {"name of `checkpoint`, cosigned", true, "the head without its cosignature"},
    {"bytes of `cosigned`", true, "no cosigned head"},
    {"name of `cosigned`", true, "no cosigned head, or an older one"},
    {"name of `boot`", true, "a log that was not finished being made"},
    {"bytes of `boot`", false, "nothing: an empty one is another boot's, and recovery runs again"},
    {"records before an acknowledgement", true, "acknowledged entries missing"},
    {"records before a new segment", true,
     "entries missing that the seal behind them calls durable"},
    {"bytes of a new segment", true, "a segment without its beginning"},
    {"name of a new segment", true, "a seal that leads nowhere"},
    {"seal of a segment", true, "a new segment that seems never to have been used: it is removed"},
    {"zeros over a torn tail", true, "what was torn, behind the next record"},
    {"a segment as it was found after a restart", true,
     "a signed head over entries that had only been copied into place"},
    {"bytes of a full tile", true, "entries missing whose segment is gone"},
    {"names of full tiles", true, "entries missing whose segment is gone"},
    {"zeros over erased clear text", true, "words that had been erased"},
    {"bytes of an object", true, "an entry whose object is empty"},
    {"name of an object", true, "an entry whose object is missing"},
    {"bytes of `uses`", true, "uses of a permit that are not counted"},
    {"name of `uses`", true, "uses of a permit that are not counted"},
    {"bytes of a registration", true, "a run that nobody finds"},
    {"name of a registration", true, "a run that nobody finds"},
    {"name of `runs`", true, "runs that nobody finds"},
};

const RecordedOp* last_write(const std::vector<RecordedOp>& record, std::size_t before,
                             const std::string& path) {
  for (std::size_t i = before; i-- > 0;) {
    if (record[i].op == DiskOp::Write && record[i].path == path) return &record[i];
  }
  return nullptr;
}

// What a file is called in the table, by its final name in the state directory.
std::string called(const std::vector<RecordedOp>& record, std::size_t at, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (const auto first = parse_segment_name(name)) {
    return *first == 0 ? "the first segment" : "a new segment";
  }
  if (path.starts_with("objects/")) return "an object";
  if (path.starts_with("runs/")) return "a registration";
  if (name == "checkpoint") {
    const RecordedOp* note = last_write(record, at, "ledger/.checkpoint.tmp");
    const bool cosigned =
        note != nullptr && as_text(note->bytes).find("witness") != std::string_view::npos;
    return cosigned ? "`checkpoint`, cosigned" : "`checkpoint`";
  }
  return "`" + name + "`";
}

// The sync at `at` of the record, by what it is for.
std::string name_of(const std::vector<RecordedOp>& record, std::size_t at) {
  const RecordedOp& sync = record[at];
  const RecordedOp none;
  const RecordedOp& before = at > 0 ? record[at - 1] : none;
  const RecordedOp& after = at + 1 < record.size() ? record[at + 1] : none;
  if (sync.op == DiskOp::SyncDir) {
    if (before.op == DiskOp::Rename) return "name of " + called(record, at, before.to);
    if (before.op == DiskOp::Link) return "name of " + called(record, at, before.to);
    if (sync.path.starts_with("ledger/tile")) return "names of full tiles";
    if (sync.path == "ledger") return "name of `tile`";
    if (sync.path.empty() && before.path == "runs") return "name of `runs`";
    if (sync.path.empty()) return "names of `ledger`, `objects`, `side`";
    return "? directory " + sync.path;
  }
  if (sync.path.starts_with("ledger/tile/")) return "bytes of a full tile";
  if (sync.path.starts_with("side/")) return "zeros over erased clear text";
  const std::size_t slash = sync.path.rfind('/');
  const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
  std::string path = sync.path;
  if (path.substr(base).starts_with(".") && path.ends_with(".tmp")) {
    path.erase(base, 1);
    path.resize(path.size() - 4);
  }
  // Whoever makes a segment goes on writing to it.
  const bool segment = path.starts_with("ledger/segment-");
  if (path != sync.path && (!segment || after.op == DiskOp::Rename)) {
    return "bytes of " + called(record, at, path);
  }
  if (!segment) return "? file " + sync.path;
  const RecordedOp* written = nullptr;
  bool synced = false;
  for (std::size_t i = at; i-- > 0 && written == nullptr && !synced;) {
    if (record[i].file != sync.file) continue;
    synced = record[i].op == DiskOp::SyncData;
    if (record[i].op == DiskOp::Write) written = &record[i];
  }
  if (synced || written->offset == 0) return "a segment as it was found after a restart";
  if (written->bytes[0] == std::byte{'S'}) return "seal of a segment";
  if (written->bytes[0] == std::byte{0}) return "zeros over a torn tail";
  if (after.op == DiskOp::Unlink && after.path.starts_with("ledger/.segment-")) {
    return "records before a new segment";
  }
  return "records before an acknowledgement";
}

class LedgerSyncs : public testing::Test {
 protected:
  struct Promise {
    std::size_t operations;  // made after so many
    std::string what;
    std::function<bool(const std::string& state)> kept;
  };

  static StoreOptions tiny() {
    StoreOptions options;
    options.segment_bytes = 40'000;
    options.grow_bytes = 4'096;
    options.reserve_bytes = 4'096;
    return options;
  }
  static std::string text_in(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static VerifierKey vkey(std::uint64_t seed) {
    return make_vkey("you@host", log_key_of(seed).public_key()).value();
  }

  std::size_t operations() {
    for (RecordedOp& op : storage_.take_record()) record_.push_back(std::move(op));
    return record_.size();
  }
  // From here on `kept` must hold whatever happens.
  void promise(const std::string& what, std::function<bool(const std::string&)> kept) {
    promises_.push_back({operations(), what, std::move(kept)});
  }
  void promise_entries(std::uint64_t count) {
    promise(std::to_string(count) + " entries",
            [count](const std::string& state) { return look(state).entries >= count; });
  }
  void promise_head(const Checkpoint& head) {
    promise("the head over " + std::to_string(head.size.get()), [head](const std::string& state) {
      VerifyOptions options;
      options.log_key = vkey(1);
      options.kept_head = head;
      return look(state, options).ok();
    });
  }
  void append(Store& store, std::uint64_t execs, Wait wait) {
    std::vector<Draft> batch;
    for (std::uint64_t i = 0; i < execs; ++i) batch.push_back(exec(run_number(1), ++seq_));
    ASSERT_TRUE(store.append(std::move(batch), wait));
  }
  void sign(Store& store, std::uint64_t key) {
    const auto head = store.sign_head(log_key_of(key));
    ASSERT_TRUE(head) << head.error().message();
    promise_head(*head);
  }

  // All that the store does and syncs.
  void live() {
    fs::create_directory(home_.state());
    fs::create_directory(start_.state());
    storage_.record(true);
    auto store = create_store(storage_, home_, clock_, tiny()).value();
    promise("the log", [](const std::string& state) { return look(state).ok(); });
    created_ = record_.size();

    ASSERT_TRUE(
        store->with_lock([](LockedState& state) { return state.write("uses", as_bytes("1")); }));
    promise("`uses`", [](const std::string& s) { return text_in(s + "/uses") == "1"; });
    ASSERT_TRUE(store->with_lock(
        [](LockedState& state) { return state.write("runs/one", as_bytes("here")); }));
    promise("a registration",
            [](const std::string& s) { return text_in(s + "/runs/one") == "here"; });

    const std::string one = "a permit", two = "a plan";
    const Bytes objects[] = {as_bytes(one), as_bytes(two)};
    ASSERT_TRUE(store->put_objects(objects));
    promise("the objects", [one, two](const std::string& s) {
      return text_in(s + "/objects/" + to_hex(digest_of(one))) == one &&
             text_in(s + "/objects/" + to_hex(digest_of(two))) == two;
    });

    Draft denied = denial();
    Side side(Salt{});
    side.put("argv", as_bytes("secret"));
    denied.side = side.encode();
    ASSERT_TRUE(store->append(denied, Wait::Durable));
    ASSERT_TRUE(store->erase_side(kNoRun, std::nullopt));
    promise("that clear text is gone", [](const std::string& s) {
      return text_in(s + "/side/outside").find("secret") == std::string::npos;
    });

    ASSERT_TRUE(store->append(admission(run_number(1)), Wait::Durable));
    append(*store, 230, Wait::Durable);
    promise_entries(store->size().get());
    sign(*store, 1);
    append(*store, 10, Wait::Written);
    append(*store, 30, Wait::Durable);  // and begins a second segment
    promise_entries(store->size().get());
    sign(*store, 1);  // and removes the first
    const std::string text =
        parse_note(as_bytes(text_in(home_.state() + "/ledger/checkpoint")))->text;
    ASSERT_TRUE(store->add_cosignatures(
        text, cosign(text, 1'700'000'000, "witness", log_key_of(9)).value()));
    promise("the cosignature", [](const std::string& s) {
      return text_in(s + "/ledger/cosigned").find("witness") != std::string::npos;
    });
    promise("the cosigned head", [text](const std::string& s) {
      const std::string note = text_in(s + "/ledger/checkpoint");
      return !note.starts_with(text) || note.find("witness") != std::string::npos;
    });

    // A process is killed while it writes five entries: the next one finds the first of them in
    // pieces.
    append(*store, 5, Wait::Written);
    const std::uint64_t five = store->size().get() - 5;
    store.reset();
    rewrite_segment(256, five);
    store = Store::open(storage_, home_.state(), clock_, tiny()).value();
    ASSERT_EQ(store->size().get(), five);
    seq_ -= 5;
    ASSERT_TRUE(store->append(denial(), Wait::Written));
    append(*store, 3, Wait::Durable);
    promise_entries(store->size().get());
    append(*store, 240, Wait::Written);  // a third segment
    ASSERT_TRUE(store->sync());
    promise_entries(store->size().get());
    sign(*store, 1);
    // A witness is late with its line under the head before.
    ASSERT_TRUE(
        store->add_cosignatures(text, cosign(text, 1'700'000'001, "late", log_key_of(8)).value()));
    promise("the second cosignature", [](const std::string& s) {
      return text_in(s + "/ledger/cosigned").find("late") != std::string::npos;
    });

    // The state directory is put back from a copy, and opened before that has reached the disk.
    append(*store, 4, Wait::Durable);
    store.reset();
    copied_.first = operations();
    rewrite_segment(512, {});
    storage_.pretend_boot("another");
    store = Store::open(storage_, home_.state(), clock_, tiny()).value();
    copied_.second = operations();
    sign(*store, 1);

    const auto handed = store->rotate(log_key_of(1), log_key_of(2), false);
    ASSERT_TRUE(handed) << handed.error().message();
    promise_head(*handed);
    promise("the new key", [](const std::string& s) {
      return text_in(s + "/ledger/vkey") == to_string(vkey(2)) + "\n";
    });
    append(*store, 3, Wait::Durable);
    sign(*store, 2);
  }
  // Writes a segment's bytes anew, as a program that copies it does; with `torn`, with zeros in the
  // piece of the disk in which that entry begins, as a writer leaves it that was cut short.
  void rewrite_segment(std::uint64_t first, std::optional<std::uint64_t> torn) {
    UniqueFd root = storage_.open_dir(FdRef::cwd(), home_.state()).value();
    UniqueFd ledger = storage_.open_dir(root.borrow(), "ledger").value();
    UniqueFd file =
        storage_.open_file(ledger.borrow(), segment_name(first), FileUse::ReadWrite).value();
    ByteVec bytes(storage_.size_of(file.borrow()).value());
    ASSERT_TRUE(storage_.read_at(file.borrow(), 0, bytes));
    if (!torn) {
      ASSERT_TRUE(storage_.truncate(file.borrow(), 0));
      ASSERT_TRUE(storage_.write_at(file.borrow(), 0, bytes));
      return;
    }
    const Bytes header = Bytes(bytes).first(kSegmentHeader);
    const Scan scan = scan_records(
        Bytes(bytes).subspan(kSegmentHeader), start_of(decode_segment_header(header).value()), 0,
        [&](std::uint64_t index, std::uint64_t, Bytes) { return index < *torn; });
    const std::uint64_t offset = scan.at.offset;
    ASSERT_TRUE(storage_.write_at(file.borrow(), offset, ByteVec(kSector - offset % kSector)));
  }

  // What is wrong with the state that a cut after `count` operations leaves; empty: nothing.
  std::string fault_of(std::size_t count, const std::vector<bool>& kept) {
    // A copy that is not finished is nobody's promise.
    if (count > piece_of_[copied_.first] && count < piece_of_[copied_.second]) return "";
    ++states_;
    Home left("/dev/shm");  // where syncs cost nothing
    fs::copy(start_.state(), left.state(), fs::copy_options::recursive);
    if (Result<void> rebuilt = rebuild(pieces_, kept, left.state()); !rebuilt) {
      return "rebuilding: " + rebuilt.error().message();
    }
    FaultStorage rebooted(system_storage());
    rebooted.pretend_boot("boot " + std::to_string(states_));
    auto opened = Store::open(rebooted, left.state(), clock_, tiny());
    if (!opened && count < piece_of_[created_]) {
      // Who calls again has other random bytes.
      opened = Store::create(rebooted, left.state(), clock_, tiny(), "you@host", log_key_of(),
                             digest_of("another nonce").get());
    }
    if (!opened) return opened.error().message();
    Store& store = **opened;
    for (const Promise& one : promises_) {
      if (piece_of_[one.operations] > count) break;
      if (!one.kept(left.state())) return one.what + ": not kept";
    }
    // Whoever finds a key change cut short finishes it.
    std::uint64_t key = store.log_key() == vkey(1) ? 1 : 2;
    bool changing = false;
    auto reader = LedgerReader::open(rebooted, left.state()).value();
    const auto walked = reader->for_each(LeafIndex(0), [&](LeafIndex, Bytes entry) -> Result<bool> {
      changing = changing || TRY(decode_event(entry)).kind() == EventKind::Rotate;
      return true;
    });
    if (!walked) return walked.error().message();
    if (changing && key == 1) {
      if (const auto done = store.rotate(log_key_of(1), log_key_of(2), true); !done) {
        return "finishing the key change: " + done.error().message();
      }
      key = 2;
    }
    if (!store.append(denial(), Wait::Durable)) return "it does not take another entry";
    if (const auto head = store.sign_head(log_key_of(key)); !head) return head.error().message();
    VerifyOptions options;
    options.log_key = vkey(1);
    const VerifyReport report = look(left.state(), options);
    return report.ok() ? "" : text_of(report);
  }

  // The first fault among the states that are possible without the syncs marked in `out` and not
  // with them, the most telling first; at most `most` states are tried.
  std::string fault_without(const std::vector<bool>& out, unsigned most) {
    std::vector<RecordedOp> lacking = pieces_;
    for (std::size_t i = 0; i < lacking.size(); ++i) {
      if (out[i]) lacking[i].op = DiskOp::Read;  // which leaves nothing
    }
    const std::vector<std::size_t> with = durable_since(pieces_);
    const std::vector<std::size_t> without = durable_since(lacking);
    // What hangs on these syncs alone when `count` operations are done.
    const auto hanging = [&](std::size_t count) {
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < count; ++i) {
        if (!out[i] && with[i] < count && without[i] >= count) open.push_back(i);
      }
      return open;
    };
    // First the moments at which something had just been promised, then all.
    std::vector<std::size_t> counts;
    for (const Promise& one : promises_) counts.push_back(piece_of_[one.operations]);
    for (std::size_t count = 1; count <= pieces_.size(); ++count) counts.push_back(count);
    const unsigned before = states_;
    for (const std::size_t count : counts) {
      const std::vector<std::size_t> open = hanging(count);
      if (open.empty()) continue;
      std::vector<std::vector<bool>> states(2, std::vector<bool>(count, true));
      for (const std::size_t i : open) states[0][i] = false;
      for (std::size_t i = 0; i < count; ++i) states[1][i] = without[i] < count;
      for (std::size_t k = 0; k < open.size() && open.size() > 1; k += 1 + open.size() / 4) {
        states.emplace_back(count, true)[open[k]] = false;
      }
      for (const std::vector<bool>& kept : states) {
        if (states_ - before >= most) return "";
        if (std::string fault = fault_of(count, kept); !fault.empty()) return fault;
      }
    }
    return "";
  }

  void cut() {
    piece_of_.push_back(0);
    for (const RecordedOp& op : record_) {
      for (RecordedOp& piece : split_writes({op}, kSector)) pieces_.push_back(std::move(piece));
      piece_of_.push_back(pieces_.size());
    }
  }

  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  FaultStorage storage_{system_storage()};
  Home home_, start_;
  std::uint64_t seq_ = 0;
  std::size_t created_ = 0;
  std::pair<std::size_t, std::size_t> copied_;  // while a copy was put into place
  std::vector<RecordedOp> record_, pieces_;
  std::vector<std::size_t> piece_of_;  // where an operation of the record begins in pieces_
  std::vector<Promise> promises_;
  unsigned states_ = 0;
};

TEST_F(LedgerSyncs, WithAllOfThemNothingIsLost) {
  live();
  cut();
  const std::vector<std::size_t> since = durable_since(pieces_);
  std::mt19937 random(13);
  std::vector<std::size_t> counts;
  for (const Promise& one : promises_) counts.push_back(piece_of_[one.operations]);
  for (unsigned i = 0; i < (thorough() ? 2'000U : 40U); ++i) {
    counts.push_back(std::uniform_int_distribution<std::size_t>(0, pieces_.size())(random));
  }
  for (const std::size_t count : counts) {
    const unsigned chance = random() % 4;  // none, some, most of what was not synced
    std::vector<bool> kept(count);
    for (std::size_t i = 0; i < count; ++i) kept[i] = since[i] < count || random() % 3 < chance;
    ASSERT_EQ(fault_of(count, kept), "") << "after " << count << " operations";
  }
}

TEST_F(LedgerSyncs, EachIsNeededOrItIsSaidWhyNot) {
  live();
  cut();
  std::map<std::string, std::vector<bool>> found;
  for (std::size_t i = 0; i < record_.size(); ++i) {
    if (record_[i].op != DiskOp::SyncData && record_[i].op != DiskOp::SyncDir) continue;
    std::vector<bool>& out = found[name_of(record_, i)];
    out.resize(pieces_.size());
    out[piece_of_[i]] = true;
  }
  std::ifstream file("docs/formats/ledger.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const Row& row : kRows) {
    const auto sync = found.find(row.sync);
    ASSERT_NE(sync, found.end()) << "no such sync any more: " << row.sync;
    const std::string fault = fault_without(sync->second, row.needed || thorough() ? 10'000 : 60);
    EXPECT_EQ(!fault.empty(), row.needed) << row.sync << ": " << fault;
    EXPECT_NE(page.find(std::string("| ") + row.sync + " | " + row.why + " |\n"), std::string::npos)
        << "docs/formats/ledger.md has no such row: " << row.sync << " | " << row.why;
    found.erase(sync);
  }
  for (const auto& [name, out] : found) ADD_FAILURE() << "a sync that nobody speaks for: " << name;
}

}  // namespace
}  // namespace writ::ledger
