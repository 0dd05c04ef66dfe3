#include "base/durable_faults.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <set>
#include <utility>

namespace writ {

const char* disk_op_name(DiskOp op) {
  switch (op) {
    case DiskOp::MakeDir: return "make_dir";
    case DiskOp::CreateFile: return "create_file";
    case DiskOp::Write: return "write";
    case DiskOp::Preallocate: return "preallocate";
    case DiskOp::Truncate: return "truncate";
    case DiskOp::SyncData: return "sync_data";
    case DiskOp::SyncDir: return "sync_dir";
    case DiskOp::Rename: return "rename";
    case DiskOp::Link: return "link";
    case DiskOp::Unlink: return "unlink";
    case DiskOp::RemoveDir: return "remove_dir";
    case DiskOp::Read: return "read";
    case DiskOp::Lock: return "lock";
  }
  return "?";
}

struct FaultStorage::State {
  struct Open {
    std::string path;
    std::uint64_t file = 0;
  };

  explicit State(Storage& storage) : below(storage) {}

  // What to do with the operation that is about to happen.
  enum class Turn { Go, Fail, Kill, KillAfter };
  Turn turn(DiskOp op) {
    const std::lock_guard<std::mutex> hold(mutex);
    if (plan.only ? op != *plan.only : (op == DiskOp::Read || op == DiskOp::Lock)) return Turn::Go;
    ++count;
    if (plan.at == 0 || count < plan.at || (count > plan.at && !plan.for_good)) return Turn::Go;
    switch (plan.action) {
      case FaultPlan::Fail:
      case FaultPlan::FailShort: return Turn::Fail;
      case FaultPlan::Kill:
      case FaultPlan::KillShort: return Turn::Kill;
      case FaultPlan::KillAfter: return Turn::KillAfter;
    }
    return Turn::Go;
  }

  [[noreturn]] static void kill_self() {
    (void)::kill(::getpid(), SIGKILL);
    for (;;) (void)::pause();
  }

  // Runs one changing operation: refuses, kills, or does it and records it.
  template <typename Do>
  auto run(DiskOp op, RecordedOp recorded, Do&& act) -> decltype(act()) {
    switch (turn(op)) {
      case Turn::Go: break;
      case Turn::Fail: return errno_error(plan.error, std::string("injected: ") + disk_op_name(op));
      case Turn::Kill: kill_self();
      case Turn::KillAfter: {
        (void)act();
        kill_self();
      }
    }
    auto done = act();
    if (done.has_value()) keep(op, std::move(recorded));
    return done;
  }

  void keep(DiskOp op, RecordedOp recorded) {
    const std::lock_guard<std::mutex> hold(mutex);
    if (!recording) return;
    recorded.op = op;
    ops.push_back(std::move(recorded));
  }

  RecordedOp of_file(FdRef fd) {
    const std::lock_guard<std::mutex> hold(mutex);
    const Open& open = files[fd.number()];
    RecordedOp op;
    op.file = open.file;
    op.path = open.path;
    return op;
  }

  std::string path_in(FdRef dir, const std::string& name) {
    if (dir.number() == AT_FDCWD) return "";
    const std::lock_guard<std::mutex> hold(mutex);
    const std::string& base = files[dir.number()].path;
    return base.empty() ? name : base + "/" + name;
  }

  void remember(const UniqueFd& fd, std::string path, bool is_new) {
    struct stat info {};
    (void)::fstat(fd.number(), &info);
    const std::lock_guard<std::mutex> hold(mutex);
    // Inode numbers are used again, ours are not.
    std::uint64_t& number = numbers[info.st_ino];
    if (number == 0 || is_new) number = ++last_number;
    files[fd.number()] = Open{std::move(path), number};
  }

  Storage& below;
  std::mutex mutex;
  FaultPlan plan;
  std::uint64_t count = 0;
  bool recording = false;
  std::vector<RecordedOp> ops;
  std::map<int, Open> files;
  std::map<ino_t, std::uint64_t> numbers;
  std::uint64_t last_number = 0;
  std::optional<std::string> boot;
  std::optional<std::uint64_t> free;
};

FaultStorage::FaultStorage(Storage& below) : state_(std::make_unique<State>(below)) {}
FaultStorage::~FaultStorage() = default;

void FaultStorage::plan(FaultPlan plan) {
  const std::lock_guard<std::mutex> hold(state_->mutex);
  state_->plan = plan;
  state_->count = 0;
}
std::uint64_t FaultStorage::count() const {
  const std::lock_guard<std::mutex> hold(state_->mutex);
  return state_->count;
}
void FaultStorage::record(bool on) {
  const std::lock_guard<std::mutex> hold(state_->mutex);
  state_->recording = on;
}
std::vector<RecordedOp> FaultStorage::take_record() {
  const std::lock_guard<std::mutex> hold(state_->mutex);
  return std::exchange(state_->ops, {});
}
void FaultStorage::pretend_boot(std::string id) {
  const std::lock_guard<std::mutex> hold(state_->mutex);
  state_->boot = std::move(id);
}
void FaultStorage::pretend_free(std::optional<std::uint64_t> bytes) {
  const std::lock_guard<std::mutex> hold(state_->mutex);
  state_->free = bytes;
}

Result<UniqueFd> FaultStorage::open_dir(FdRef dir, const std::string& name) {
  UniqueFd fd = TRY(state_->below.open_dir(dir, name));
  state_->remember(fd, state_->path_in(dir, name), false);
  return fd;
}

Result<void> FaultStorage::make_dir(FdRef dir, const std::string& name) {
  if (state_->below.open_dir(dir, name)) return {};
  RecordedOp op;
  op.path = state_->path_in(dir, name);
  return state_->run(DiskOp::MakeDir, op, [&] { return state_->below.make_dir(dir, name); });
}

Result<UniqueFd> FaultStorage::open_file(FdRef dir, const std::string& name, FileUse use) {
  const bool makes =
      use == FileUse::CreateNew ||
      (use == FileUse::ReadWriteCreate && !state_->below.open_file(dir, name, FileUse::Read));
  RecordedOp op;
  op.path = state_->path_in(dir, name);
  const auto open = [&]() -> Result<UniqueFd> {
    UniqueFd fd = TRY(state_->below.open_file(dir, name, use));
    state_->remember(fd, op.path, makes);
    op.file = state_->of_file(fd.borrow()).file;
    return fd;
  };
  if (!makes) return open();
  switch (state_->turn(DiskOp::CreateFile)) {
    case State::Turn::Go: break;
    case State::Turn::Fail: return errno_error(state_->plan.error, "injected: create_file");
    case State::Turn::Kill: State::kill_self();
    case State::Turn::KillAfter: {
      (void)open();
      State::kill_self();
    }
  }
  // The number of the new file is known only once it exists.
  UniqueFd fd = TRY(open());
  state_->keep(DiskOp::CreateFile, op);
  return fd;
}

Result<std::vector<std::string>> FaultStorage::list(FdRef dir, std::size_t limit) {
  return state_->below.list(dir, limit);
}

Result<std::size_t> FaultStorage::read_at(FdRef file, std::uint64_t offset,
                                          std::span<std::byte> out) {
  if (state_->turn(DiskOp::Read) != State::Turn::Go) {
    return errno_error(state_->plan.error, "injected: read");
  }
  return state_->below.read_at(file, offset, out);
}

Result<std::uint64_t> FaultStorage::size_of(FdRef file) {
  return state_->below.size_of(file);
}

Result<void> FaultStorage::write_at(FdRef file, std::uint64_t offset, Bytes bytes) {
  const State::Turn turn = state_->turn(DiskOp::Write);
  const FaultPlan plan = state_->plan;
  if (turn != State::Turn::Go) {
    const bool half = plan.action == FaultPlan::FailShort || plan.action == FaultPlan::KillShort;
    if (half) (void)state_->below.write_at(file, offset, bytes.first(bytes.size() / 2));
    if (turn == State::Turn::KillAfter) (void)state_->below.write_at(file, offset, bytes);
    if (turn != State::Turn::Fail) State::kill_self();
    return errno_error(plan.error, "injected: write");
  }
  TRY(state_->below.write_at(file, offset, bytes));
  RecordedOp op = state_->of_file(file);
  op.offset = offset;
  op.length = bytes.size();
  op.bytes = to_vec(bytes);
  state_->keep(DiskOp::Write, std::move(op));
  return {};
}

Result<void> FaultStorage::preallocate(FdRef file, std::uint64_t offset, std::uint64_t length) {
  RecordedOp op = state_->of_file(file);
  op.offset = offset;
  op.length = length;
  return state_->run(DiskOp::Preallocate, op,
                     [&] { return state_->below.preallocate(file, offset, length); });
}

Result<void> FaultStorage::truncate(FdRef file, std::uint64_t length) {
  RecordedOp op = state_->of_file(file);
  op.length = length;
  return state_->run(DiskOp::Truncate, op, [&] { return state_->below.truncate(file, length); });
}

Result<void> FaultStorage::sync_data(FdRef file) {
  return state_->run(DiskOp::SyncData, state_->of_file(file),
                     [&] { return state_->below.sync_data(file); });
}

Result<void> FaultStorage::sync_dir(FdRef dir) {
  return state_->run(DiskOp::SyncDir, state_->of_file(dir),
                     [&] { return state_->below.sync_dir(dir); });
}

Result<void> FaultStorage::rename(FdRef dir, const std::string& from, const std::string& to) {
  RecordedOp op;
  op.path = state_->path_in(dir, from);
  op.to = state_->path_in(dir, to);
  return state_->run(DiskOp::Rename, op, [&] { return state_->below.rename(dir, from, to); });
}

Result<void> FaultStorage::link(FdRef dir, const std::string& from, const std::string& to) {
  RecordedOp op;
  op.path = state_->path_in(dir, from);
  op.to = state_->path_in(dir, to);
  return state_->run(DiskOp::Link, op, [&] { return state_->below.link(dir, from, to); });
}

Result<void> FaultStorage::unlink(FdRef dir, const std::string& name) {
  RecordedOp op;
  op.path = state_->path_in(dir, name);
  return state_->run(DiskOp::Unlink, op, [&] { return state_->below.unlink(dir, name); });
}

Result<void> FaultStorage::remove_dir(FdRef dir, const std::string& name) {
  RecordedOp op;
  op.path = state_->path_in(dir, name);
  return state_->run(DiskOp::RemoveDir, op, [&] { return state_->below.remove_dir(dir, name); });
}

Result<void> FaultStorage::lock(FdRef file, int wait_millis) {
  if (state_->turn(DiskOp::Lock) != State::Turn::Go) {
    return errno_error(state_->plan.error, "injected: lock");
  }
  return state_->below.lock(file, wait_millis);
}

Result<void> FaultStorage::unlock(FdRef file) {
  return state_->below.unlock(file);
}

Result<std::uint64_t> FaultStorage::free_bytes(FdRef dir) {
  {
    const std::lock_guard<std::mutex> hold(state_->mutex);
    if (state_->free) return *state_->free;
  }
  return state_->below.free_bytes(dir);
}

Result<std::string> FaultStorage::boot_id() {
  {
    const std::lock_guard<std::mutex> hold(state_->mutex);
    if (state_->boot) return *state_->boot;
  }
  return state_->below.boot_id();
}

namespace {

std::string directory_part(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool is_name_op(DiskOp op) {
  return op == DiskOp::MakeDir || op == DiskOp::CreateFile || op == DiskOp::Rename ||
         op == DiskOp::Link || op == DiskOp::Unlink || op == DiskOp::RemoveDir;
}
bool is_content_op(DiskOp op) {
  return op == DiskOp::Write || op == DiskOp::Preallocate || op == DiskOp::Truncate;
}

// Files as they would be on the disk: names lead to inodes, inodes hold bytes.
struct Disk {
  std::map<std::string, std::uint64_t> names;
  std::map<std::uint64_t, ByteVec> contents;
  std::set<std::string> directories;

  void put(std::uint64_t file, std::uint64_t offset, Bytes bytes) {
    ByteVec& held = contents[file];
    if (held.size() < offset + bytes.size()) held.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), held.begin() + static_cast<std::ptrdiff_t>(offset));
  }
};

Result<void> load(const std::string& root, const std::string& below, Disk& disk) {
  Storage& storage = system_storage();
  UniqueFd dir = TRY(storage.open_dir(FdRef::cwd(), below.empty() ? root : root + "/" + below));
  for (const std::string& name : TRY(storage.list(dir.borrow(), 1'000'000))) {
    const std::string path = below.empty() ? name : below + "/" + name;
    if (storage.open_dir(dir.borrow(), name)) {
      disk.directories.insert(path);
      TRY(load(root, path, disk));
      continue;
    }
    // Numbers beyond those of real files, so that they cannot meet.
    const std::uint64_t file = (std::uint64_t{1} << 63) + disk.contents.size();
    disk.contents[file] = TRY(read_file(storage, dir.borrow(), name, 1'000'000'000));
    disk.names[path] = file;
  }
  return {};
}

}  // namespace

std::vector<std::size_t> durable_since(const std::vector<RecordedOp>& record) {
  std::vector<std::size_t> since(record.size(), record.size());
  std::map<std::uint64_t, std::vector<std::size_t>> contents;  // by file: not synced yet
  std::map<std::string, std::vector<std::size_t>> names;       // by directory
  const auto synced = [&](std::vector<std::size_t>& waiting, std::size_t at) {
    for (const std::size_t one : std::exchange(waiting, {})) since[one] = at;
    since[at] = at;
  };
  for (std::size_t i = 0; i < record.size(); ++i) {
    const RecordedOp& op = record[i];
    if (is_content_op(op.op)) contents[op.file].push_back(i);
    if (is_name_op(op.op)) names[directory_part(op.path)].push_back(i);
    if (op.op == DiskOp::SyncData) synced(contents[op.file], i);
    if (op.op == DiskOp::SyncDir) synced(names[op.path], i);
  }
  return since;
}

std::vector<bool> durable_at(const std::vector<RecordedOp>& record, std::size_t count) {
  const std::vector<std::size_t> since = durable_since(record);
  std::vector<bool> durable(count);
  for (std::size_t i = 0; i < count; ++i) durable[i] = since[i] < count;
  return durable;
}

std::vector<RecordedOp> split_writes(const std::vector<RecordedOp>& record, std::uint64_t unit) {
  std::vector<RecordedOp> out;
  for (const RecordedOp& op : record) {
    if (op.op != DiskOp::Write) {
      out.push_back(op);
      continue;
    }
    for (std::uint64_t done = 0; done < op.length;) {
      const std::uint64_t step = std::min(unit - (op.offset + done) % unit, op.length - done);
      RecordedOp piece = op;
      piece.offset = op.offset + done;
      piece.length = step;
      piece.bytes = to_vec(Bytes(op.bytes).subspan(done, step));
      out.push_back(std::move(piece));
      done += step;
    }
  }
  return out;
}

Result<void> rebuild(const std::vector<RecordedOp>& record, const std::vector<bool>& kept,
                     const std::string& dir) {
  // `real` follows the whole record, to know which file a name meant then; `left` is the outcome.
  Disk real;
  TRY(load(dir, "", real));
  Disk left = real;
  std::map<std::uint64_t, std::uint64_t> known;  // recorded number → number here, for older files
  const auto file_of = [&](const RecordedOp& op) {
    auto found = known.find(op.file);
    if (found != known.end()) return found->second;
    const auto name = real.names.find(op.path);
    const std::uint64_t file = name == real.names.end() ? op.file : name->second;
    known[op.file] = file;
    return file;
  };
  std::uint64_t fresh = std::uint64_t{1} << 62;
  for (std::size_t i = 0; i < record.size() && i < kept.size(); ++i) {
    const RecordedOp& op = record[i];
    for (Disk* disk : {&real, &left}) {
      if (disk == &left && !kept[i]) continue;
      switch (op.op) {
        case DiskOp::MakeDir: disk->directories.insert(op.path); break;
        case DiskOp::CreateFile:
          if (disk == &real) known[op.file] = ++fresh;
          disk->names[op.path] = known[op.file];
          disk->contents.try_emplace(known[op.file]);
          break;
        case DiskOp::Write: disk->put(file_of(op), op.offset, op.bytes); break;
        case DiskOp::Preallocate: disk->put(file_of(op), op.offset, ByteVec(op.length)); break;
        case DiskOp::Truncate: disk->contents[file_of(op)].resize(op.length); break;
        case DiskOp::Unlink: disk->names.erase(op.path); break;
        case DiskOp::RemoveDir: disk->directories.erase(op.path); break;
        case DiskOp::Rename:
        case DiskOp::Link:
        case DiskOp::SyncData:
        case DiskOp::SyncDir:
        case DiskOp::Read:
        case DiskOp::Lock: break;
      }
    }
    if (op.op == DiskOp::Rename || op.op == DiskOp::Link) {
      const auto file = real.names.find(op.path);
      if (file == real.names.end()) {
        return Error(Code::Internal, "the record renames `" + op.path + "`, which is not there");
      }
      const std::uint64_t number = file->second;
      for (Disk* disk : {&real, &left}) {
        if (disk == &left && !kept[i]) continue;
        if (op.op == DiskOp::Rename) disk->names.erase(op.path);
        disk->names[op.to] = number;
      }
    }
  }

  Storage& storage = system_storage();
  UniqueFd root = TRY(storage.open_dir(FdRef::cwd(), dir));
  Disk before;
  TRY(load(dir, "", before));
  for (const auto& [path, file] : before.names) TRY(storage.unlink(root.borrow(), path));
  for (auto at = before.directories.rbegin(); at != before.directories.rend(); ++at) {
    TRY(storage.remove_dir(root.borrow(), *at));
  }
  const auto reachable = [&](std::string path) {
    while (!(path = directory_part(path)).empty()) {
      if (!left.directories.contains(path)) return false;
    }
    return true;
  };
  for (const std::string& path : left.directories) {
    if (!reachable(path)) continue;
    TRY(storage.make_dir(root.borrow(), path));
  }
  for (const auto& [path, number] : left.names) {
    if (!reachable(path)) continue;
    UniqueFd file = TRY(storage.open_file(root.borrow(), path, FileUse::ReadWriteCreate));
    TRY(storage.write_at(file.borrow(), 0, left.contents[number]));
  }
  return {};
}

}  // namespace writ
