// A verb's search of the ledger (ledger/store/search.h): with a bar while the index is made, and
// one line on standard error when a log that is worth an index could not have one. Thread safety:
// one verb at a time.
#pragma once

#include <memory>

#include "ledger/store/search.h"
#include "writ/progress.h"
#include "writ/verbs.h"

namespace writ::cli {

class LogSearch {
 public:
  LogSearch(const Options& options, Machine& machine, ledger::LedgerReader& reader);
  ~LogSearch();
  LogSearch(const LogSearch&) = delete;
  LogSearch& operator=(const LogSearch&) = delete;

  ledger::Search& operator*() { return *search_; }
  ledger::Search* operator->() { return search_.get(); }

 private:
  const bool quiet_;
  std::unique_ptr<Progress> progress_;  // only while the index is made
  std::unique_ptr<ledger::Search> search_;
};

}  // namespace writ::cli
