#include "writ/log_search.h"

#include "writ/print.h"

namespace writ::cli {

LogSearch::LogSearch(const Options& options, Machine& machine, ledger::LedgerReader& reader)
    : quiet_(options.quiet) {
  ledger::SearchOptions wanted;
  const bool silent = options.quiet || options.json;
  wanted.progress = [this, &machine, silent](std::uint64_t done, std::uint64_t total) {
    if (!progress_) progress_ = std::make_unique<Progress>(machine.clock, "indexing", silent);
    progress_->show(done, total);
    if (done >= total) progress_.reset();
  };
  search_ = ledger::Search::open(machine.storage, machine.home.state, reader, wanted);
}

LogSearch::~LogSearch() {
  if (!quiet_ && !search_->note().empty()) say("writ: " + printable(search_->note(), 1000));
}

}  // namespace writ::cli
