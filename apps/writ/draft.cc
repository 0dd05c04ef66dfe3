// draft: a request made from a run: what its permit grants, and what the gates refused.
#include "governor/draft.h"

#include <fmt/format.h>

#include "writ/ledger_files.h"
#include "writ/log_search.h"
#include "writ/output_file.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {

Result<int> draft(const Options& options, Machine& machine) {
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  const RunId run = TRY(find_run(options, *reader, "draft --from"));
  LogSearch search(options, machine, *reader);
  const auto each = [&](const governor::OnEvent& call) -> Result<void> {
    const auto visit = [&](LeafIndex, const ledger::Event& event, Bytes) -> Result<bool> {
      const Result<ledger::Side> side = reader->side(event.id());
      call(event, side ? &*side : nullptr);
      return true;
    };
    return search->each({.run = run}, visit);
  };
  governor::Reserved reserved = TRY(governor::Reserved::find(machine.home, machine.account));
  const governor::Places places{"/", machine.account.directory, machine.home, std::move(reserved)};
  const governor::Draft made = TRY(governor::draft_from(*reader, run, each, places));
  if (options.json) {
    json::Value value = new_answer();
    value.set("run", to_string(run)).set("request", made.text);
    value.set("additions", static_cast<std::uint64_t>(made.additions));
    value.set("refusals", made.refusals).set("unreadable", made.unreadable);
    put_answer(value);
    return kYes;
  }
  TRY(put_output(options.output, as_bytes(std::string_view(made.text))));
  if (options.output.empty() || options.quiet) return kYes;
  if (made.refusals == 0) answer("nothing was refused: it grants what the run had");
  if (made.refusals > 0)
    answer(fmt::format("drafted from {} refusal{}: {} addition{}, commented out", made.refusals,
                       made.refusals == 1 ? "" : "s", made.additions,
                       made.additions == 1 ? "" : "s"));
  answer(fmt::format("wrote {0}    review it, then:  writ permit issue {0}", options.output));
  return kYes;
}

}  // namespace writ::cli
