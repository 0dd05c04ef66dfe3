#include "demo/demo.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "demo/stage.h"
#include "json/value.h"
#include "writ/print.h"

namespace writ::demo {
namespace {

constexpr int kDenied = 126;
constexpr int kEndedByWrit = 124;
constexpr int kRefusedInside = 3;  // what the poisoned program returns when it was refused

// The request that names one verb of the poisoned program.
std::string poison_request(const std::string& args, const std::string& more = "") {
  return "subject = \"agent/dependency\"\naudience = [\"default\"]\nttl = \"1h\"\n"
         "sets = [\"base\"]\n\n[[exec]]\nprogram = \"tools/poison\"\nargs = [" +
         args + "]\n" + more + "\n[files]\nread = [\".\"]\nwrite = [\"build\"]\n" +
         "\n[limits]\nwall = \"2m\"\ntasks = 64\n";
}

struct Row {
  std::string scene;
  int status = 0;
  std::string code;
  std::string expected;
  bool ok = false;
};

// The reason code in Writ's own lines: of a denial if there was one, else of the end.
std::string code_in(const std::string& error) {
  std::string end;
  std::size_t at = 0;
  while (at < error.size()) {
    const std::size_t stop = std::min(error.find('\n', at), error.size());
    const std::string line = error.substr(at, stop - at);
    at = stop + 1;
    const std::size_t open = line.rfind('(');
    const std::size_t close = line.rfind(')');
    if (line.rfind("writ: denied", 0) == 0 && open != line.npos && close > open) {
      return line.substr(open + 1, close - open - 1);
    }
    constexpr std::string_view kEnded = "writ: ended: ";
    if (line.rfind(kEnded, 0) == 0) {
      end = line.substr(kEnded.size());
      end = end.substr(0, end.find_first_of(" ·:("));
    }
  }
  return end;
}

class Demo {
 public:
  Demo(Stage& stage, std::FILE* out) : stage_(stage), out_(out) {}

  Result<void> play();
  const std::vector<Row>& rows() const { return rows_; }

 private:
  void act(const std::string& title) { fmt::print(out_, "\n\033[1m{}\033[0m\n", title); }
  void note(const std::string& text) { fmt::print(out_, "  {}\n", text); }
  void show(const std::vector<std::string>& argv, const Ran& ran) {
    std::string line = "  $";
    for (const std::string& word : argv) {
      const bool plain = word.find_first_of(" '\"$;&|") == word.npos && !word.empty();
      line += plain ? " " + shortened(word) : " '" + shortened(word) + "'";
    }
    fmt::print(out_, "{}\n", line);
    for (const std::string* text : {&ran.out, &ran.error}) {
      std::size_t at = 0;
      int count = 0;
      while (at < text->size()) {
        const std::size_t stop = std::min(text->find('\n', at), text->size());
        if (++count <= 30) fmt::print(out_, "    {}\n", shortened(text->substr(at, stop - at)));
        at = stop + 1;
      }
      if (count > 30) fmt::print(out_, "    … {} lines more\n", count - 30);
    }
  }
  // Paths of the temporary home, as a reader wants them.
  std::string shortened(std::string text) const {
    for (std::size_t at; (at = text.find(stage_.project())) != text.npos;) {
      text.replace(at, stage_.project().size(), "~/project");
    }
    for (std::size_t at; (at = text.find(stage_.root())) != text.npos;) {
      text.replace(at, stage_.root().size(), "~");
    }
    return text;
  }
  void record(const std::string& scene, int status, const std::string& code,
              const std::string& expected, bool ok) {
    rows_.push_back({scene, status, code, expected, ok});
    if (!ok) fmt::print(out_, "  \033[31mnot as promised: expected {}\033[0m\n", expected);
  }
  // scene runs a command and compares exit status and reason code (empty: whatever it is).
  Result<Ran> scene(const std::string& name, const std::vector<std::string>& argv, int status,
                    const std::string& code) {
    Ran ran = TRY(stage_.run(argv));
    show(argv, ran);
    const std::string got = code_in(ran.error);
    record(name, ran.status, got, fmt::format("{} {}", status, code),
           ran.status == status && (code.empty() || got == code));
    return ran;
  }
  // must runs a command that only prepares; anything but success ends the demo.
  Result<Ran> must(const std::vector<std::string>& argv, bool shown = true) {
    Ran ran = TRY(stage_.run(argv));
    if (shown || ran.status != 0) show(argv, ran);
    if (ran.status != 0) {
      return Error(Code::Internal, fmt::format("`{}` failed with {}", argv[0], ran.status));
    }
    return ran;
  }
  // issue writes a request and has its permit issued as NAME.permit.
  Result<void> issue(const std::string& name, const std::string& request) {
    TRY(stage_.write(stage_.project() + "/" + name + ".toml", request));
    TRY(must({"writ", "permit", "issue", "--no-store", "-o", name + ".permit", name + ".toml"},
             false));
    return {};
  }
  std::vector<std::string> under(const std::string& permit, std::vector<std::string> command) {
    std::vector<std::string> argv = {"writ", "run", "--permit", permit + ".permit", "--"};
    argv.insert(argv.end(), command.begin(), command.end());
    return argv;
  }

  Result<void> agent();
  Result<void> permits();
  Result<void> poison();
  Result<void> race();
  Result<void> revoke();
  Result<void> lost_governor();
  Result<void> afterwards();

  Stage& stage_;
  std::FILE* out_;
  std::vector<Row> rows_;
};

Result<void> Demo::agent() {
  act("1  An agent wants to build and test. Without a permit nothing runs.");
  TRY(must({"writ", "init", "--no-passphrase"}));
  TRY(scene("no permit", {"writ", "run", "--", "make", "-s", "test"}, kDenied, "no_permit"));

  act("2  With a permit it mends the failing test and runs what it built.");
  TRY(must({"writ", "permit", "issue", "job.toml"}));
  TRY(scene("agent mends, builds, tests", {"writ", "run", "--", "sh", "tools/agent.sh"}, 0,
            "exited"));
  TRY(must({"writ", "proof", "export", "--last", "-o", stage_.root() + "/agent.proof"}));
  TRY(must({"writ", "permit", "issue", "report.toml"}));
  TRY(scene(
      "python report",
      {"writ", "run", "--", "python3", "tools/report.py", "data/prices.csv", "build/report.txt"}, 0,
      "exited"));
  return {};
}

Result<void> Demo::permits() {
  act("3  A permit that was altered, has expired, or names another command gives nothing.");
  TRY(must({"writ", "permit", "issue", "--no-store", "-o", "job.permit", "job.toml"}, false));
  std::string bytes = TRY(stage_.read(stage_.project() + "/job.permit"));
  // The last byte belongs to the signature in either form of the file: take one well inside.
  bytes[bytes.size() - 40] = static_cast<char>(bytes[bytes.size() - 40] ^ 1);
  TRY(stage_.write(stage_.project() + "/altered.permit", bytes));
  TRY(scene("altered permit", under("altered", {"make", "-s", "test"}), kDenied, "bad_signature"));

  std::string request = TRY(stage_.read(stage_.project() + "/job.toml"));
  request.replace(request.find("\"1h\""), 4, "\"1s\"");
  TRY(issue("short", request));
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  TRY(scene("expired permit", under("short", {"make", "-s", "test"}), kDenied, "expired"));
  TRY(scene("argument outside the pattern",
            {"writ", "run", "--", "python3", "tools/report.py", "/etc/passwd", "build/report.txt"},
            kDenied, "args_mismatch"));

  TRY(issue(
      "say",
      "subject = \"agent/say\"\naudience = [\"default\"]\nttl = \"1h\"\n"
      "sets = [\"base\"]\n[[exec]]\nprogram = \"/bin/sh\"\nargs = [\"-c\", \"echo hello\"]\n"));
  TRY(scene("sh -c as granted", under("say", {"sh", "-c", "echo hello"}), 0, "exited"));
  TRY(scene("sh -c with other code", under("say", {"sh", "-c", "echo hello; cat /etc/passwd"}),
            kDenied, "args_mismatch"));
  return {};
}

Result<void> Demo::poison() {
  act("4  A poisoned dependency tries what it can.");
  for (const char* name : {"poison", "mark"}) {
    TRY(must({"cc", "-O1", "-pthread", "-o", std::string("tools/") + name,
              std::string("../hostile/") + name + ".c"},
             false));
  }
  TRY(must({"cc", "-O1", "-shared", "-fPIC", "-o", "tools/evil.so", "../hostile/evil.c"}, false));
  TRY(issue("poison", poison_request("\"{rest}\"")));

  TRY(scene("a program that is not granted",
            under("poison", {"tools/poison", "exec", "/usr/bin/perl"}), kRefusedInside,
            "not_granted"));
  const std::string outside = stage_.root() + "/outside.txt";
  const Ran wrote =
      TRY(scene("a write outside the grant (kernel alone)",
                under("poison", {"tools/poison", "write", outside}), kRefusedInside, ""));
  (void)wrote;
  TRY(scene("a write into a read tree (kernel alone)",
            under("poison", {"tools/poison", "write", "data/prices.csv"}), kRefusedInside, ""));
  TRY(scene("a program it dropped itself",
            under("poison", {"tools/poison", "drop", stage_.project() + "/build/dropped"}),
            kRefusedInside, "not_granted"));
  TRY(issue("maker", poison_request("\"{rest}\"",
                                    "\n[[exec]]\nproduced = \"build\"\nargs = [\"{rest}\"]\n")));
  TRY(scene("the same, with a produced rule",
            under("maker", {"tools/poison", "drop", stage_.project() + "/build/dropped"}), 0,
            "exited"));
  const Ran story = TRY(must({"writ", "ledger", "show", "--tree", "--last"}));
  record("its record shows the digest", story.status, "", "built here, sha256 …",
         story.out.find("built here, sha256") != story.out.npos);

  const std::string library = stage_.project() + "/tools/evil.so";
  TRY(issue("preload",
            poison_request("\"{rest}\"", "env = [\"LD_PRELOAD=" + library + "\", \"PATH\"]\n")));
  const Ran preload =
      TRY(scene("a library preloaded from a read tree (kernel alone)",
                under("preload", {"tools/poison", "preload", library}), 0, "exited"));
  record("… its code did not run", preload.status, "", "no output of it",
         preload.out.find("preloaded code ran") == preload.out.npos);

  TRY(scene(
      "a look for Writ's own keys",
      under("poison", {"tools/poison", "keys", stage_.home(), stage_.home() + "/config/keys"}),
      kRefusedInside, ""));

  std::string program = TRY(stage_.read(stage_.project() + "/tools/poison"));
  std::string changed = program;
  changed += '\n';
  TRY(stage_.write(stage_.project() + "/tools/poison", changed));
  TRY(scene("a granted program with altered bytes", under("poison", {"tools/poison", "hello"}),
            kDenied, "digest_mismatch"));
  TRY(stage_.write(stage_.project() + "/tools/poison", program));
  return {};
}

Result<void> Demo::race() {
  act("5  It swaps the program while the kernel executes it.");
  const std::vector<std::string> argv = under(
      "poison", {"tools/poison", "swap", "/usr/bin/true", stage_.project() + "/tools/mark", "400"});
  const Ran ran = TRY(stage_.run(argv));
  show(argv, ran);
  const std::string code = code_in(ran.error);
  const bool violation = ran.status == kEndedByWrit;
  const bool clean = ran.status == kRefusedInside;
  const bool swapped = access((stage_.project() + "/build/swapped-program-ran").c_str(), F_OK) == 0;
  record("program swapped during execve", ran.status, code,
         "124 changed_during_exec, or refused each time", (violation || clean) && !swapped);
  record("… the swapped program never ran", 0, "", "no mark of it", !swapped);
  return {};
}

// Another demo on this machine may be in the same scene.
std::string own_marker(const std::string& name) {
  return name + "-" + std::to_string(::getpid());
}

Result<void> Demo::revoke() {
  act("6  Its permit is revoked while it runs: twenty processes, some of them daemons.");
  TRY(issue("wait", poison_request("\"{rest}\"")));
  const std::string marker = own_marker("revoke-me");
  const std::vector<std::string> argv = under("wait", {"tools/poison", "wait", marker});
  Going going = TRY(stage_.start(argv));
  const bool ready = TRY(stage_.wait_for(going, "ready"));
  TRY(must({"writ", "ps"}));
  const std::size_t before = stage_.processes_with(marker);
  const Ran revoked = TRY(must({"writ", "revoke", "--reason", "leaked token", "wait.permit"}));
  const std::size_t after = stage_.processes_with(marker);
  const Ran ended = TRY(stage_.wait(std::move(going)));
  show(argv, ended);
  const std::string code = code_in(ended.error);
  record("running job revoked", ended.status, code, "124 revoked",
         ready && ended.status == kEndedByWrit && code == "revoked");
  record("… every process gone when `writ revoke` returns", static_cast<int>(after), "",
         fmt::format("0 of {}", before), before > 20 && after == 0);
  TRY(scene("the revoked permit again", under("wait", {"tools/poison", "hello"}), kDenied,
            "revoked"));
  return {};
}

Result<void> Demo::lost_governor() {
  act("7  The governor itself is killed with SIGKILL.");
  const std::string marker = own_marker("orphan-me");
  const std::vector<std::string> argv = under("poison", {"tools/poison", "wait", marker});
  Going going = TRY(stage_.start(argv));
  const bool ready = TRY(stage_.wait_for(going, "ready"));
  const std::size_t before = stage_.processes_with(marker);
  kill(going.pid, SIGKILL);
  const Ran ended = TRY(stage_.wait(std::move(going)));
  // The kernel ends the run's pid namespace with its init; give the last exits a moment.
  std::size_t after = stage_.processes_with(marker);
  for (int i = 0; i < 200 && after != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    after = stage_.processes_with(marker);
  }
  note(fmt::format("{} processes before, {} after", before, after));
  record("governor killed: all of the run gone", ended.status, "",
         fmt::format("137, 0 of {}", before),
         ready && before > 20 && after == 0 && ended.status == 137);
  return {};
}

Result<void> Demo::afterwards() {
  act("8  Afterwards: the record, verified offline.");
  TRY(scene("ledger verifies", {"writ", "ledger", "verify"}, 0, ""));
  // The ledger names programs, not the links that lead to them.
  const std::string shell = std::filesystem::canonical("/bin/sh").filename();
  const Ran runs = TRY(must({"writ", "ledger", "show", "--tree", "--command", shell}));
  record("the agent's story as a tree", runs.status, "", "make under sh, cc under make",
         runs.out.find("/usr/bin/make") != runs.out.npos);
  const Ran where =
      TRY(stage_.run({"find", stage_.home() + "/state/ledger/tile/entries", "-type", "f"}));
  std::string file = where.out.substr(0, where.out.find('\n'));
  std::string bytes = TRY(stage_.read(file));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  TRY(must({"chmod", "u+w", file}, false));
  TRY(stage_.write(file, bytes));
  note("one bit of one record is changed …");
  TRY(scene("one byte of the ledger changed", {"writ", "ledger", "verify"}, 1, ""));

  act("9  The proof of the agent's run, exported in step 2: it needs two public keys and no "
      "ledger.");
  const std::string proof = stage_.root() + "/agent.proof";
  std::string log_key = TRY(stage_.read(stage_.home() + "/state/ledger/vkey"));
  log_key.erase(log_key.find_last_not_of('\n') + 1);
  const std::vector<std::string> verify = {
      "writ",  "proof", "verify", proof, "--trust", stage_.home() + "/config/trust/you.pub",
      "--log", log_key};
  TRY(scene("the proof of the agent's run", verify, 0, ""));
  std::string altered = TRY(stage_.read(proof));
  altered[altered.size() / 2] = static_cast<char>(altered[altered.size() / 2] ^ 1);
  TRY(stage_.write(proof, altered));
  note("one bit of the proof is changed …");
  TRY(scene("one byte of the proof changed", verify, 1, ""));
  return {};
}

Result<void> Demo::play() {
  for (const char* tool : {"cc", "make", "python3"}) {
    const Ran found = TRY(stage_.run({"sh", "-c", std::string("command -v ") + tool}));
    if (found.status != 0) {
      return Error(Code::Unavailable, std::string("the demo works on a C project: `") + tool +
                                          "` is not installed (Debian: gcc make python3)");
    }
  }
  TRY(agent());
  TRY(permits());
  TRY(poison());
  TRY(race());
  TRY(revoke());
  TRY(lost_governor());
  return afterwards();
}

}  // namespace

Result<int> run_demo(const Options& options) {
  Stage stage = TRY(Stage::open(options.program, options.keep));
  std::FILE* out = options.json ? stderr : stdout;
  Demo demo(stage, out);
  Result<void> played = demo.play();
  if (!played) fmt::print(out, "\nthe demo stopped: {}\n", played.error().message());

  bool all = played.has_value();
  fmt::print(out, "\n{:52} {:>6}  {:20} {:36} {}\n", "scene", "status", "reason", "expected", "ok");
  json::Value scenes = json::Value::array();
  for (const Row& row : demo.rows()) {
    all = all && row.ok;
    fmt::print(out, "{:52} {:>6}  {:20} {:36} {}\n", row.scene, row.status,
               row.code.empty() ? "-" : row.code, row.expected, row.ok ? "ok" : "NO");
    json::Value scene = json::Value::object();
    scene.set("scene", row.scene).set("status", row.status);
    scene.set("reason", row.code).set("ok", row.ok);
    scenes.push(std::move(scene));
  }
  if (options.json) {
    json::Value value = cli::new_answer();
    value.set("scenes", std::move(scenes)).set("ok", all);
    cli::put_answer(value);
  }
  fmt::print(out, "\nnot shown yet: the network gate, delegation, approvals, the proof page\n");
  if (options.keep) fmt::print(out, "left behind: {}\n", stage.root());
  fmt::print(out,
             "\nthe same for your command:\n"
             "  writ init\n  writ permit issue JOB.toml      (start from job.toml of this demo)\n"
             "  writ run -- YOUR COMMAND\n");
  return all ? 0 : 1;
}

}  // namespace writ::demo
