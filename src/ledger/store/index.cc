#include <sqlite3.h>

#include <cerrno>

#include "ledger/store/index_internal.h"

namespace writ::ledger {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kApplication = 0x57524958;  // "WRIX"
constexpr std::size_t kNumbersKept = 4'096;
constexpr int kBusyMillis = 2'000;

// As SQLite keeps them: each is compared to the letter when an index is opened.
constexpr const char* kSchema[] = {
    "CREATE TABLE about(id INTEGER PRIMARY KEY, ledger BLOB, size INTEGER, last BLOB)",
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, key BLOB)",
    "CREATE UNIQUE INDEX run_key ON runs(key)",
    "CREATE TABLE permits(id INTEGER PRIMARY KEY, key BLOB)",
    "CREATE UNIQUE INDEX permit_key ON permits(key)",
    ("CREATE TABLE entries(leaf INTEGER PRIMARY KEY, kind INTEGER, run INTEGER, seq INTEGER, "
     "time INTEGER, permit INTEGER, reason TEXT, refused INTEGER)"),
    "CREATE INDEX by_run ON entries(run, seq)",
    "CREATE INDEX by_permit ON entries(permit)",
    "CREATE INDEX by_reason ON entries(reason) WHERE reason IS NOT NULL",
    "CREATE INDEX by_refusal ON entries(refused) WHERE refused = 1",
    "CREATE INDEX by_time ON entries(time)",
    "CREATE INDEX by_kind ON entries(kind)",
};

std::string our_schema() {
  std::string all;
  for (const char* one : kSchema) all += std::string(one) + "\n";
  return all;
}

Bytes blob_at(sqlite3_stmt* row, int column) {
  const void* data = sqlite3_column_blob(row, column);
  return {static_cast<const std::byte*>(data),
          data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(row, column))};
}
std::string text_at(sqlite3_stmt* row, int column) {
  const unsigned char* text = sqlite3_column_text(row, column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(row, column))};
}
void bind_blob(const auto& statement, int at, Bytes bytes) {
  sqlite3_bind_blob(statement.get(), at, bytes.data(), static_cast<int>(bytes.size()),
                    SQLITE_TRANSIENT);
}

Error wrong(const char* what) {
  return Error(Code::Malformed, std::string("the index ") + what);
}

// The lowest or highest id that begins with these hex digits.
ByteVec bound(std::string hex, char fill) {
  hex.resize(64, fill);
  const Result<ByteVec> bytes = from_hex(hex);
  return bytes ? *bytes : ByteVec();
}

}  // namespace

void LogIndex::Closer::operator()(sqlite3* db) const {
  sqlite3_close(db);
}
void LogIndex::Closer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
LogIndex::~LogIndex() = default;

Error LogIndex::failure(const char* doing) const {
  const int code = sqlite3_errcode(db_.get());
  const bool full = code == SQLITE_FULL;
  return Error(full ? Code::Exhausted : Code::Unavailable,
               std::string(doing) + " the index: " + sqlite3_errmsg(db_.get()), full ? ENOSPC : 0);
}

Result<void> LogIndex::run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure("using");
  }
  return {};
}

Result<LogIndex::Statement> LogIndex::prepare(const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  const int done =
      sqlite3_prepare_v2(db_.get(), sql.c_str(), static_cast<int>(sql.size() + 1), &raw, nullptr);
  Statement statement(raw);
  if (done != SQLITE_OK) return failure("using");
  return statement;
}

Result<bool> LogIndex::step(const Statement& statement) {
  const int done = sqlite3_step(statement.get());
  if (done == SQLITE_ROW) return true;
  if (done == SQLITE_DONE) return false;
  return failure("reading");
}

Result<std::string> LogIndex::schema() {
  const Statement all = TRY(prepare("SELECT sql FROM sqlite_schema ORDER BY rowid"));
  std::string text;
  while (TRY(step(all))) text += text_at(all.get(), 0) + "\n";
  return text;
}

Result<std::unique_ptr<LogIndex>> LogIndex::open(const std::string& path, int flags) {
  std::unique_ptr<LogIndex> index(new LogIndex);
  sqlite3* raw = nullptr;
  const int done = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOFOLLOW, nullptr);
  index->db_.reset(raw);
  if (raw == nullptr) return Error(Code::Exhausted, "opening the index: out of memory");
  if (done != SQLITE_OK) return index->failure("opening");
  sqlite3_busy_timeout(raw, kBusyMillis);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, 1'000'000);
  TRY(index->run("PRAGMA cell_size_check = ON"));
  TRY(index->run("PRAGMA temp_store = MEMORY"));
  TRY(index->run("PRAGMA cache_size = -16000"));
  TRY(index->run("PRAGMA synchronous = NORMAL"));
  // What was cut off would read as zeros, and be left out of answers.
  const Statement pages =
      TRY(index->prepare("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"));
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  sqlite3_file_control(raw, "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
  if (!TRY(index->step(pages)) || file == nullptr || file->pMethods == nullptr ||
      file->pMethods->xFileSize(file, &size) != SQLITE_OK ||
      size != sqlite3_column_int64(pages.get(), 0)) {
    return wrong("is not as long as it says");
  }
  return index;
}

Result<std::unique_ptr<LogIndex>> LogIndex::open_to_read(const std::string& path) {
  auto index = TRY(open(path, SQLITE_OPEN_READONLY));
  const Statement version = TRY(index->prepare("PRAGMA user_version"));
  const bool ours = TRY(index->step(version)) && sqlite3_column_int64(version.get(), 0) == kVersion;
  if (!ours || TRY(index->schema()) != our_schema()) return wrong("is none of this version");
  return index;
}

Result<std::unique_ptr<LogIndex>> LogIndex::open_to_write(const std::string& path) {
  auto index = TRY(open(path, SQLITE_OPEN_READWRITE));
  const std::string schema = TRY(index->schema());
  if (schema.empty()) {
    TRY(index->run("BEGIN IMMEDIATE"));
    for (const char* one : kSchema) TRY(index->run(one));
    TRY(index->run(("PRAGMA application_id = " + std::to_string(kApplication)).c_str()));
    TRY(index->run(("PRAGMA user_version = " + std::to_string(kVersion)).c_str()));
    TRY(index->run("COMMIT"));
  } else if (schema != our_schema()) {
    return wrong("is none of this version");
  }
  const Statement version = TRY(index->prepare("PRAGMA user_version"));
  if (!TRY(index->step(version)) || sqlite3_column_int64(version.get(), 0) != kVersion) {
    return wrong("is none of this version");
  }
  index->insert_ =
      TRY(index->prepare("INSERT INTO entries(leaf, kind, run, seq, time, permit, reason, refused) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  return index;
}

Result<std::optional<IndexCover>> LogIndex::cover() {
  const Statement about = TRY(prepare("SELECT ledger, size, last FROM about WHERE id = 0"));
  if (!TRY(step(about))) return std::optional<IndexCover>();
  const std::int64_t size = sqlite3_column_int64(about.get(), 1);
  IndexCover cover{TRY(id_from_bytes<LedgerId>(blob_at(about.get(), 0))),
                   static_cast<std::uint64_t>(size),
                   TRY(id_from_bytes<LeafHash>(blob_at(about.get(), 2)))};
  const Statement ends =
      TRY(prepare("SELECT (SELECT min(leaf) FROM entries), max(leaf) FROM entries"));
  if (size <= 0 || !TRY(step(ends)) || sqlite3_column_int64(ends.get(), 0) != 0 ||
      sqlite3_column_int64(ends.get(), 1) != size - 1) {
    return wrong("does not hold what it says it holds");
  }
  return std::optional<IndexCover>(cover);
}

Result<void> LogIndex::begin() {
  return run("BEGIN IMMEDIATE");
}

void LogIndex::rollback() {
  (void)run("ROLLBACK");
  runs_.clear();
  permits_.clear();
}

// The small number that stands for a run or permit.
Result<std::int64_t> LogIndex::number_of(const char* table, Bytes key,
                                         std::map<ByteVec, std::int64_t>& known) {
  const auto found = known.find(to_vec(key));
  if (found != known.end()) return found->second;
  std::int64_t number = 0;
  const Statement look = TRY(prepare(std::string("SELECT id FROM ") + table + " WHERE key = ?"));
  bind_blob(look, 1, key);
  if (TRY(step(look))) {
    number = sqlite3_column_int64(look.get(), 0);
  } else {
    const Statement add = TRY(prepare(std::string("INSERT INTO ") + table + "(key) VALUES (?)"));
    bind_blob(add, 1, key);
    (void)TRY(step(add));
    number = sqlite3_last_insert_rowid(db_.get());
  }
  if (known.size() >= kNumbersKept) known.clear();
  known.emplace(to_vec(key), number);
  return number;
}

Result<void> LogIndex::add(LeafIndex index, const IndexRow& row) {
  const std::int64_t run = TRY(number_of("runs", as_bytes(row.id.run), runs_));
  sqlite3_stmt* const insert = insert_.get();
  sqlite3_reset(insert);
  sqlite3_clear_bindings(insert);
  sqlite3_bind_int64(insert, 1, static_cast<std::int64_t>(index.get()));
  sqlite3_bind_int64(insert, 2, static_cast<std::int64_t>(row.kind));
  sqlite3_bind_int64(insert, 3, run);
  sqlite3_bind_int64(insert, 4, static_cast<std::int64_t>(row.id.seq.get()));
  sqlite3_bind_int64(insert, 5, row.time);
  if (row.permit) {
    sqlite3_bind_int64(insert, 6, TRY(number_of("permits", as_bytes(*row.permit), permits_)));
  }
  if (!row.reason.empty()) {
    sqlite3_bind_text(insert, 7, row.reason.data(), static_cast<int>(row.reason.size()),
                      SQLITE_TRANSIENT);
  }
  sqlite3_bind_int64(insert, 8, row.refused ? 1 : 0);
  (void)TRY(step(insert_));
  sqlite3_reset(insert);
  return {};
}

Result<void> LogIndex::commit(const IndexCover& cover) {
  const Statement about =
      TRY(prepare("INSERT OR REPLACE INTO about(id, ledger, size, last) VALUES (0, ?, ?, ?)"));
  bind_blob(about, 1, as_bytes(cover.ledger));
  sqlite3_bind_int64(about.get(), 2, static_cast<std::int64_t>(cover.size));
  bind_blob(about, 3, as_bytes(cover.last));
  (void)TRY(step(about));
  return run("COMMIT");
}

Result<void> LogIndex::find(const EntryQuery& query, bool descending,
                            const std::function<bool(LeafIndex)>& fn) {
  // One condition, the one that leaves least, chooses SQLite's index; the others (with a `+`) only
  // filter.
  std::string where;
  std::vector<std::function<void(sqlite3_stmt*, int)>> values;
  const auto condition = [&](const std::string& column, const std::string& rest,
                             std::function<void(sqlite3_stmt*, int)> value) {
    where += (where.empty() ? "" : " AND +") + column + rest;
    values.push_back(std::move(value));
  };
  const auto number = [](std::int64_t n) {
    return [n](sqlite3_stmt* s, int at) { sqlite3_bind_int64(s, at, n); };
  };
  const auto blob = [](ByteVec bytes) {
    return [bytes = std::move(bytes)](sqlite3_stmt* s, int at) {
      sqlite3_bind_blob(s, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
    };
  };
  if (query.run) {
    condition("run", " = (SELECT id FROM runs WHERE key = ?)", blob(to_vec(as_bytes(*query.run))));
    if (query.seq) {
      where += " AND seq = ?";
      values.push_back(number(static_cast<std::int64_t>(query.seq->get())));
    }
  } else if (query.seq) {
    condition("seq", " = ?", number(static_cast<std::int64_t>(query.seq->get())));
  }
  if (!query.reason.empty()) {
    condition("reason", " = ?", [&](sqlite3_stmt* s, int at) {
      sqlite3_bind_text(s, at, query.reason.c_str(), -1, SQLITE_TRANSIENT);
    });
  }
  if (query.refused) where += std::string(where.empty() ? "" : " AND +") + "refused = 1";
  if (!query.permit.empty()) {
    condition("permit", " IN (SELECT id FROM permits WHERE key >= ?",
              blob(bound(query.permit, '0')));
    where += " AND key <= ?)";
    values.push_back(blob(bound(query.permit, 'f')));
  }
  const EntryQuery all;
  if (query.since != all.since || query.until != all.until) {
    condition("time", " BETWEEN ? AND ?", number(query.since));
    values.push_back(number(query.until));
  }
  if (query.kind) condition("kind", " = ?", number(static_cast<std::int64_t>(*query.kind)));
  const auto leaf = [](LeafIndex index) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::min(index.get(), kMost));
  };
  if (query.from != all.from) condition("leaf", " >= ?", number(leaf(query.from)));
  if (query.to != all.to) condition("leaf", " <= ?", number(leaf(query.to)));
  const Statement found =
      TRY(prepare("SELECT leaf FROM entries WHERE " + (where.empty() ? "1" : where) +
                  " ORDER BY leaf" + (descending ? " DESC" : "")));
  for (std::size_t i = 0; i < values.size(); ++i) values[i](found.get(), static_cast<int>(i) + 1);
  while (TRY(step(found))) {
    const std::int64_t at = sqlite3_column_int64(found.get(), 0);
    if (at < 0) return wrong("names an entry that cannot be");
    if (!fn(LeafIndex(static_cast<std::uint64_t>(at)))) break;
  }
  return {};
}

Result<void> LogIndex::each_row(const std::function<bool(LeafIndex, const IndexRow&)>& fn) {
  const Statement rows =
      TRY(prepare("SELECT leaf, kind, (SELECT key FROM runs WHERE id = run), seq, time, "
                  "(SELECT key FROM permits WHERE id = permit), reason, refused, permit "
                  "FROM entries ORDER BY leaf"));
  sqlite3_stmt* const at = rows.get();
  while (TRY(step(rows))) {
    IndexRow row;
    const std::int64_t kind = sqlite3_column_int64(at, 1);
    const Bytes run = blob_at(at, 2);
    if (kind < 0 || kind >= static_cast<std::int64_t>(kEventKinds) ||
        run.size() != sizeof(RunId::rep)) {
      return wrong("holds a row that says nothing");
    }
    row.kind = static_cast<EventKind>(kind);
    RunId::rep raw{};
    std::copy(run.begin(), run.end(), raw.begin());
    row.id = {RunId(raw), Seq(static_cast<std::uint64_t>(sqlite3_column_int64(at, 3)))};
    row.time = sqlite3_column_int64(at, 4);
    if (sqlite3_column_type(at, 8) != SQLITE_NULL) {
      row.permit = TRY(id_from_bytes<PermitId>(blob_at(at, 5)));
    }
    row.reason = text_at(at, 6);
    row.refused = sqlite3_column_int64(at, 7) != 0;
    if (!fn(LeafIndex(static_cast<std::uint64_t>(sqlite3_column_int64(at, 0))), row)) break;
  }
  return {};
}

Result<void> LogIndex::check() {
  const Statement checked = TRY(prepare("PRAGMA integrity_check(1)"));
  if (!TRY(step(checked))) return wrong("cannot be checked");
  const std::string said = text_at(checked.get(), 0);
  if (said != "ok") return Error(Code::Malformed, "the index is damaged: " + printable(said, 200));
  return {};
}

}  // namespace writ::ledger
