// The index file: one row an entry, in SQLite. Only Search and fsck use it.
//
//   about    ledger id, how many entries are covered, the leaf hash of the last one
//   runs     a small number for each run id; `permits` likewise
//   entries  leaf → kind, run, number, time, permit, reason, refused
//
// The file may be anybody's: its schema must be ours to the letter, nothing in it is executed
// (SQLITE_DBCONFIG_DEFENSIVE, no trusted schema), values of a wrong type are an error. Whatever
// goes wrong is an Error and the index is not used.
// Writers hold the lock file `index.lock`; a transaction is whole or did not happen.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ledger/store/search.h"

struct sqlite3;
struct sqlite3_stmt;

namespace writ::ledger {

inline constexpr const char* kIndexName = "index";
inline constexpr const char* kIndexJournal = "index-journal";
inline constexpr const char* kIndexLock = "index.lock";

// What the index says about one entry.
struct IndexRow {
  EventKind kind = EventKind::Genesis;
  EventId id;
  std::int64_t time = 0;
  std::optional<PermitId> permit;
  std::string reason;  // empty: none
  bool refused = false;
  friend bool operator==(const IndexRow&, const IndexRow&) = default;
};
IndexRow row_of(const Event& event);

struct IndexCover {
  LedgerId ledger;
  std::uint64_t size = 0;
  LeafHash last;  // of entry size-1
};

class LogIndex {
 public:
  // open_to_write makes the tables in an empty file; the file must exist. open_to_read changes
  // nothing. Both fail for a file that is no index of ours.
  static Result<std::unique_ptr<LogIndex>> open_to_write(const std::string& path);
  static Result<std::unique_ptr<LogIndex>> open_to_read(const std::string& path);
  ~LogIndex();
  LogIndex(const LogIndex&) = delete;
  LogIndex& operator=(const LogIndex&) = delete;

  // cover: nothing while the index is empty.
  Result<std::optional<IndexCover>> cover();
  // begin, add … commit is one transaction; rollback undoes it.
  Result<void> begin();
  Result<void> add(LeafIndex index, const IndexRow& row);
  Result<void> commit(const IndexCover& cover);
  void rollback();

  // find gives the entries that answer `query`, ascending or descending, until false.
  Result<void> find(const EntryQuery& query, bool descending,
                    const std::function<bool(LeafIndex)>& fn);
  // each_row gives every row, ascending. check: SQLite's own check of the file.
  Result<void> each_row(const std::function<bool(LeafIndex, const IndexRow&)>& fn);
  Result<void> check();

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Closer>;

  LogIndex() = default;
  static Result<std::unique_ptr<LogIndex>> open(const std::string& path, int flags);
  Error failure(const char* doing) const;
  Result<void> run(const char* sql);
  Result<Statement> prepare(const std::string& sql);
  Result<bool> step(const Statement& statement);
  Result<std::string> schema();
  Result<std::int64_t> number_of(const char* table, Bytes key, std::map<ByteVec, std::int64_t>&);

  std::unique_ptr<sqlite3, Closer> db_;
  Statement insert_;
  std::map<ByteVec, std::int64_t> runs_, permits_;  // numbers given, the last few
};

}  // namespace writ::ledger
