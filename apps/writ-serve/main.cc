// writ-serve: the ledger's faces on the network. `writ ledger serve` and `writ witness …` start it;
// it is a program of its own so that a run never loads an HTTP library.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <mutex>
#include <thread>

#include "base/config_text.h"
#include "base/fd.h"
#include "crypto/pem.h"
#include "governor/home.h"
#include "governor/keystore.h"
#include "json/write.h"
#include "ledger/add_checkpoint.h"
#include "ledger/store/reader.h"
#include "ledger/store/store.h"
#include "ledger/tile.h"
#include "ledger/trust_policy.h"
#include "witness/client.h"
#include "witness/witness.h"
#include "writ-serve/http_client.h"
#include "writ-serve/http_server.h"
#include "writ/output_file.h"
#include "writ/witness_report.h"

namespace writ::serve {
namespace {

struct Options {
  std::string verb;
  Listen listen;
  std::uint64_t minimum = 0;
  std::string name, policy, wait, url, origin, output;
  std::vector<std::string> logs;
  bool json = false;
};

void say(int fd, const std::string& text) {
  (void)write_all(FdRef(fd), as_bytes(std::string_view(text)));
}

HttpAnswer status(int code, const std::string& text) {
  HttpAnswer answer;
  answer.status = code;
  answer.body = text + "\n";
  return answer;
}

json::Value new_answer() {
  json::Value value = json::Value::object();
  value.set("schema", 0);
  return value;
}
void put_answer(const json::Value& value) {
  say(STDOUT_FILENO, json::write(value) + "\n");
}

// Serves until somebody ends it; says first where, and with which key (a witness).
Result<int> serve(const Options& options, std::size_t max_body, const Handler& handler,
                  const std::string& key = {}) {
  sigset_t ends;
  sigemptyset(&ends);
  for (const int one : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, one);
  (void)pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const auto server = TRY(HttpServer::start(options.listen, max_body, handler));
  const std::string url = fmt::format("http://{}:{}/", options.listen.address, server->port());
  if (options.json) {
    json::Value value = new_answer();
    value.set("url", url);
    if (!key.empty()) value.set("key", key);
    put_answer(value);
  } else {
    say(STDOUT_FILENO, (key.empty() ? "" : key + "\n") + url + "\n");
  }
  int which = 0;
  (void)sigwait(&ends, &which);
  return 0;
}

Result<int> serve_log(const Options& options, const governor::Home& home) {
  auto reader = TRY(ledger::LedgerReader::open(system_storage(), home.state));
  std::mutex mutex;  // one thread at a time for one reader
  return serve(options, 0, [&](const HttpRequest& request) -> HttpAnswer {
    if (request.method != "GET" && request.method != "HEAD") {
      return status(405, "read only");
    }
    const std::string path = request.path.empty() ? "" : request.path.substr(1);
    const Result<ledger::TileId> tile = ledger::parse_tile_path(path);
    if (path != "checkpoint" && !tile) return status(404, "no such file of a log");
    if (tile && ledger::may_be_pruned(*tile, LeafIndex(options.minimum))) {
      return status(410, "before the minimum index of this log");
    }
    const std::lock_guard<std::mutex> hold(mutex);
    const Result<ByteVec> bytes =
        reader->file(path, tile ? ledger::kMaxBundleBytes : ledger::kMaxNote);
    if (!bytes) {
      const bool missing = bytes.error().code() == Code::NotFound;
      return status(missing ? 404 : 500, missing ? "no such file" : "the log cannot be read");
    }
    HttpAnswer answer;
    answer.status = 200;
    answer.body = std::string(as_text(*bytes));
    answer.immutable = tile.has_value();
    if (tile) answer.type = "application/octet-stream";
    return answer;
  });
}

// The witness's key lies beside the others; made when it is first needed.
Result<crypto::PrivateKey> witness_key(const governor::Home& home) {
  Result<crypto::PrivateKey> key = governor::load_key(home, "witness");
  if (key || key.error().code() != Code::NotFound) return key;
  SystemRandom random;
  key = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  Storage& storage = system_storage();
  // A witness may live where no `writ init` was.
  const UniqueFd keys = TRY(open_made_dir(storage, home.config + "/keys"));
  const SecretBytes text = crypto::private_to_pem(*key);
  TRY(create_file_durably(storage, keys.borrow(), "witness.pem",
                          text.reveal(SecretAccess::for_reason("a witness key is written"))));
  return key;
}

Result<int> serve_witness(const Options& options, const governor::Home& home) {
  std::vector<ledger::VerifierKey> logs;
  for (const std::string& vkey : options.logs) logs.push_back(TRY(ledger::parse_vkey(vkey)));
  crypto::PrivateKey key = TRY(witness_key(home));
  static const SystemClock clock;
  const auto witness =
      TRY(witness::Witness::open(system_storage(), home.state + "/witness", options.name,
                                 std::move(key), std::move(logs), clock));
  const auto handler = [&](const HttpRequest& request) -> HttpAnswer {
    if (request.path == "/add-checkpoint") {
      if (request.method != "POST") return status(405, "POST a checkpoint here");
      return {witness->add_checkpoint(as_bytes(request.body))};
    }
    constexpr std::string_view kEnd = "/checkpoint";
    if (request.path.size() == 1 + 64 + kEnd.size() && request.path.ends_with(kEnd)) {
      if (request.method != "GET" && request.method != "HEAD") return status(405, "read only");
      return {witness->checkpoint(std::string_view(request.path).substr(1, 64))};
    }
    return status(404, "add-checkpoint, or <sha256 of the origin>/checkpoint");
  };
  return serve(options, ledger::kMaxAddCheckpoint, handler, ledger::to_string(witness->key()));
}

Result<ledger::TrustPolicy> policy_in(const std::string& path) {
  const ByteVec text = TRY(read_file(path, ledger::kMaxTrustPolicy));
  return ledger::parse_trust_policy(as_text(text));
}

// What came of asking, with what came of it before.
cli::WitnessReport report_of(const witness::Asked& asked, bool quorum, UnixMillis now,
                             const Result<cli::WitnessReport>& before) {
  cli::WitnessReport report;
  report.asked = now;
  report.size = asked.head.size.get();
  report.met = asked.met;
  report.quorum = quorum;
  for (const witness::WitnessNews& news : asked.witnesses) {
    report.witnesses.push_back(
        {news.name, news.cosigned, news.differs, news.why, news.clock_ahead});
  }
  if (asked.met) {
    report.met_at = now;
    report.met_size = report.size;
  } else if (before) {
    report.met_at = before->met_at;
    report.met_size = before->met_size;
  }
  return report;
}

// Asks once and keeps what came of it, for `doctor`.
Result<cli::WitnessReport> ask_once(const governor::Home& home, ledger::Store& store,
                                    const ledger::TrustPolicy& policy, const Clock& clock) {
  const crypto::PrivateKey log_key = TRY(governor::load_key(home, governor::kLogKey));
  TRY(store.sign_head(log_key));
  auto reader = TRY(ledger::LedgerReader::open(system_storage(), home.state));
  const witness::Asked asked =
      TRY(witness::ask_witnesses(*reader, store, policy, &http_post, clock.now()));
  cli::WitnessReport report;
  TRY(store.with_lock([&](ledger::LockedState& state) -> Result<void> {
    const Result<ByteVec> kept = state.read(cli::kWitnessReport, cli::kMaxWitnessReport);
    const Result<cli::WitnessReport> before =
        kept ? cli::parse_witness_report(*kept) : Result<cli::WitnessReport>(kept.error());
    report = report_of(asked, policy.quorum.has_value(), clock.now(), before);
    return state.write(cli::kWitnessReport, as_bytes(json::write(cli::to_json(report)) + "\n"));
  }));
  return report;
}

bool knows_another_history(const cli::WitnessReport& report) {
  return std::any_of(report.witnesses.begin(), report.witnesses.end(),
                     [](const cli::AskedWitness& witness) { return witness.differs; });
}

Result<int> ask(const Options& options, const governor::Home& home) {
  const ledger::TrustPolicy policy = TRY(policy_in(options.policy));
  std::uint64_t wait = 0;
  if (!options.wait.empty()) {
    const Result<std::uint64_t> given = parse_duration_ms(options.wait);
    if (!given) return Error(Code::InvalidArgument, "--wait: " + given.error().message());
    wait = std::min<std::uint64_t>(*given, std::uint64_t{365} * 86'400'000);
  }
  static const SystemClock clock;
  auto store = TRY(ledger::Store::open(system_storage(), home.state, clock, {}));
  const std::int64_t until = clock.boot_nanos() / 1'000'000 + static_cast<std::int64_t>(wait);
  std::int64_t pause = 250;  // ms, then longer
  cli::WitnessReport report;
  for (;;) {
    report = TRY(ask_once(home, *store, policy, clock));
    const std::int64_t left = until - clock.boot_nanos() / 1'000'000;
    // Who knows another history will not forget it.
    if (report.met || left <= 0 || knows_another_history(report)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(pause, left)));
    pause = std::min<std::int64_t>(pause * 2, 5'000);
  }
  if (options.json) {
    put_answer(cli::to_json(report));
    return report.met ? 0 : 1;
  }
  for (const cli::AskedWitness& witness : report.witnesses) {
    std::string how = witness.cosigned ? "cosigned" : printable(witness.why, 500);
    if (witness.clock_ahead != 0) {
      how += fmt::format("; its clock is {} s off ours, so when it saw this is not known",
                         witness.clock_ahead);
    }
    say(STDOUT_FILENO, fmt::format("{:<12} {}\n", printable(witness.name), how));
  }
  say(STDOUT_FILENO, fmt::format("head of {} entries: {}\n", report.size,
                                 !report.met      ? "not cosigned as the policy asks"
                                 : !report.quorum ? "the policy asks for no witness"
                                                  : "cosigned as the policy asks"));
  return report.met ? 0 : 1;
}

Result<int> fetch_head(const Options& options) {
  const bool slash = options.url.ends_with('/');
  const witness::Answer answer = TRY(http_get(options.url + (slash ? "" : "/") +
                                              witness::origin_hex(options.origin) + "/checkpoint"));
  if (answer.status != 200) {
    say(STDERR_FILENO, fmt::format("writ: the witness answered {}: {}\n", answer.status,
                                   printable(answer.body, 200)));
    return 1;
  }
  // Whether it is one, and whose, is for `writ ledger verify --head` to judge.
  (void)TRY(ledger::parse_note(as_bytes(answer.body)));
  TRY(cli::put_output(options.output, as_bytes(answer.body)));
  return 0;
}

Result<int> dispatch(const Options& options) {
  const governor::Account account = TRY(governor::this_account());
  const governor::Home home = TRY(governor::find_home(account));
  if (options.verb == "ledger serve") return serve_log(options, home);
  if (options.verb == "witness serve") return serve_witness(options, home);
  if (options.verb == "witness ask") return ask(options, home);
  return fetch_head(options);
}

int main_of(int argc, char** argv) {
  Options options;
  CLI::App app("Writ: the ledger's faces on the network.", "writ");
  app.require_subcommand(1);
  CLI::App* ledger = app.add_subcommand("ledger", "the log");
  ledger->require_subcommand(1);
  CLI::App* log = ledger->add_subcommand("serve", "serve the log over HTTP, read only");
  CLI::App* witness = app.add_subcommand("witness", "be a witness, or ask some");
  witness->require_subcommand(1);
  CLI::App* be = witness->add_subcommand("serve", "cosign the heads of other logs");
  for (CLI::App* one : {log, be}) {
    one->add_option("--address", options.listen.address, "where to listen (default 127.0.0.1)");
    one->add_option("--port", options.listen.port, "the port (default: one that is free)");
  }
  log->add_option("--minimum-index", options.minimum, "what lies before it may have gone");
  be->add_option("--name", options.name, "the witness's name")->required();
  be->add_option("--log", options.logs, "the verifier key of a log to watch")->required();
  CLI::App* ask_them = witness->add_subcommand("ask", "have the newest head of our log cosigned");
  ask_them->add_option("--policy", options.policy, "which witnesses (C2SP tlog-policy)")
      ->required();
  ask_them->add_option(
      "--wait", options.wait,
      "go on asking for so long (30s, 5m) until it is cosigned as the policy asks");
  CLI::App* head = witness->add_subcommand("head", "get the newest head that a witness has seen");
  head->add_option("url", options.url, "the witness")->required();
  head->add_option("--origin", options.origin, "of the log")->required();
  head->add_option("-o,--output", options.output, "a file (default: standard output)");
  for (CLI::App* one : {log, be, ask_them, head}) {
    one->add_flag("--json", options.json, "machine-readable output");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "writ: " << error.what() << "\n";
    return 2;
  }
  const CLI::App* group = app.get_subcommands().front();
  options.verb = group->get_name() + " " + group->get_subcommands().front()->get_name();
  const Result<int> status = dispatch(options);
  if (status) return *status;
  if (options.json) {
    json::Value body = json::Value::object();
    body.set("code", code_name(status.error().code())).set("message", status.error().message());
    json::Value value = new_answer();
    value.set("error", std::move(body));
    put_answer(value);
  }
  say(STDERR_FILENO, "writ: " + status.error().message() + "\n");
  switch (status.error().code()) {
    case Code::InvalidArgument: return 2;
    case Code::Malformed:
    case Code::NotFound:
    case Code::Denied:
    case Code::Conflict: return 1;
    default: return 125;
  }
}

}  // namespace
}  // namespace writ::serve

int main(int argc, char** argv) {
  (void)std::signal(SIGPIPE, SIG_IGN);
  return writ::serve::main_of(argc, argv);
}
