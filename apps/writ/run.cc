#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <mutex>

#include "governor/govern.h"
#include "writ/announcer.h"
#include "writ/front.h"
#include "writ/print.h"
#include "writ/request_of.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

// denied prints a denial before the run and gives its status.
int denied(const Options& options, const governor::Refused& refused) {
  if (options.json) {
    json::Value value = new_answer();
    value.set("denied", as_json(refused.denial));
    if (refused.leaf) value.set("entry", refused.leaf->get());
    say(json_line(value));
  } else {
    DenialMore more;
    if (refused.leaf) {
      more.record = fmt::format("entry {0}          writ explain {0}", refused.leaf->get());
    } else {
      more.record = "none: the ledger cannot be written";
    }
    say(lines_of(refused.denial, more));
  }
  return refused.not_found ? kNotFound : kDenied;
}

std::string ended_words(const governor::RunEnd& end) {
  switch (end.reason) {
    case EndReason::Exited: return fmt::format("exited {}", end.status);
    case EndReason::Signalled: {
      const char* name = ::sigabbrev_np(end.status);
      return fmt::format("signalled SIG{}", name != nullptr ? name : std::to_string(end.status));
    }
    default: return std::string(code_of(end.reason));
  }
}

int status_of(const governor::RunEnd& end) {
  if (end.reason == EndReason::Exited) return end.status;
  if (end.reason == EndReason::Signalled) return 128 + end.status;
  return kEndedByWrit;
}

void told_ended(const Options& options, const governor::RunEnd& end, const RunId& run) {
  const std::uint64_t refused = end.counts.refused + end.counts.violated;
  if (options.json) {
    json::Value value = new_answer();
    json::Value body = json::Value::object();
    body.set("run", to_string(run)).set("reason", code_of(end.reason)).set("status", end.status);
    body.set("detail", end.detail).set("execs", end.counts.released).set("denied", refused);
    body.set("wall_nanos", end.wall_nanos).set("end_latency_nanos", end.end_latency_nanos);
    body.set("first", end.first.get()).set("last", end.last.get());
    body.set("head", end.head.size.get());
    value.set("ended", std::move(body));
    say(json_line(value));
    return;
  }
  const bool by_itself = end.reason == EndReason::Exited || end.reason == EndReason::Signalled;
  if (options.quiet && by_itself) return;
  std::string line = fmt::format(
      "writ: ended: {} · {} exec{} · {} denied · {} · entries {}-{} · head {} signed",
      ended_words(end), end.counts.released, end.counts.released == 1 ? "" : "s", refused,
      seconds(end.wall_nanos), end.first.get(), end.last.get(), end.head.size.get());
  if (!by_itself && !end.detail.empty()) {
    line += fmt::format("\n  because    {}", printable(end.detail, 1000));
    if (end.end_latency_nanos > 0) {
      line += fmt::format("\n  gone       {} after that", seconds(end.end_latency_nanos));
    }
  }
  say(line);
}

// A terminal in raw mode makes no carriage return of a line feed.
std::string with_returns(const std::string& lines) {
  std::string out;
  for (const char one : lines) out += one == '\n' ? "\r\n" : std::string(1, one);
  return out + "\r";
}

// run_governed is `writ run` in the process that governs; `front` leads to the other, if any.
Result<int> run_governed(const Options& options, Machine& machine, enforce::Terminal kind,
                         UniqueFd front) {
  // Signals to end the governor are taken by its watch (governor/watch.h), in every thread, and a
  // terminal's change of size by its keeper.
  sigset_t taken;
  ::sigemptyset(&taken);
  for (const int one : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) ::sigaddset(&taken, one);
  (void)::pthread_sigmask(SIG_BLOCK, &taken, nullptr);

  governor::RunRequest request = TRY(request_of(options, machine));
  request.terminal = kind;
  std::unique_ptr<governor::CallerTerminal> terminal;
  if (kind != enforce::Terminal::None) {
    terminal = TRY(governor::CallerTerminal::open(std::move(front)));
  }
  governor::MaybeInstallation opened = TRY(governor::open_installation(
      machine.home, machine.account, machine.storage, machine.clock, machine.random));
  if (const Denial* no = std::get_if<Denial>(&opened)) {
    governor::Refused refused;
    refused.denial = *no;
    return denied(options, refused);
  }
  governor::Installation& here = *std::get<std::unique_ptr<governor::Installation>>(opened);
  const std::unique_ptr<governor::RunSite> site = TRY(governor::RunSite::open(here.who));
  const governor::Admitted admitted = TRY(governor::admit(request, here, *site));
  if (const governor::Refused* no = std::get_if<governor::Refused>(&admitted)) {
    return denied(options, *no);
  }
  const governor::Admission& admission = std::get<governor::Admission>(admitted);

  const bool shares_screen = kind == enforce::Terminal::All && !options.live;
  Announcer announcer(shares_screen ? std::function<bool()>([&] { return !terminal->speakable(); })
                                    : std::function<bool()>());
  const auto tell = [&](const std::string& lines) {
    announcer.tell(kind == enforce::Terminal::All ? with_returns(lines) : lines);
  };
  const std::string where = run_and_permit(admission.run(), admission.permit().id());
  governor::GovernOptions govern_options;
  govern_options.terminal = terminal.get();
  govern_options.on_refusal = [&](const governor::Told& told) {
    if (options.quiet) return;
    tell(options.json ? json_line(as_json(told)) : lines_of(told, where));
  };
  // From here on it waits: what reading and verifying took goes back, and its few threads share.
  (void)::mallopt(M_ARENA_MAX, 2);
  (void)::malloc_trim(0);
  const Result<governor::RunEnd> end = governor::govern(admission, here, *site, govern_options);
  announcer.close();
  if (!end) return Error(end.error());
  told_ended(options, *end, admission.run());
  return status_of(*end);
}

}  // namespace

Result<int> run(const Options& options, Machine& machine) {
  enforce::Terminal kind = governor::CallerTerminal::kind();
  if (options.terminal && kind == enforce::Terminal::None) {
    return Error(Code::InvalidArgument,
                 "--terminal needs one: standard input and output are not both a terminal");
  }
  if (options.no_terminal) kind = enforce::Terminal::None;
  UniqueFd front_socket;
  if (kind != enforce::Terminal::None) {
    Front front = TRY(Front::split());
    if (front.status) return *front.status;
    front_socket = std::move(front.socket);
  }
  return run_governed(options, machine, kind, std::move(front_socket));
}

}  // namespace writ::cli
