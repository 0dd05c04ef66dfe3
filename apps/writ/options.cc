#include "writ/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "base/bytes.h"

namespace writ::cli {
namespace {

// One row of the table of verbs.
struct Verb {
  const char* name;
  const char* about;
};

constexpr Verb kVerbs[] = {
    {"init", "make keys, trust, the domain \"default\", the starter policy and a ledger"},
    {"run", "run a command under a permit: writ run [--permit P] -- COMMAND"},
    {"can", "would it be allowed?  writ can run|exec|connect|listen|read|write WHAT"},
    {"draft", "draft a request from a run, with what was refused: writ draft --from RUN"},
    {"permit issue", "issue a permit from a request: writ permit issue JOB.toml"},
    {"permit show", "show what a permit says"},
    {"permit verify", "check a permit as a domain would"},
    {"revoke", "revoke a permit, key or run, and end what runs under it"},
    {"freeze", "hold a run: all its processes stop and its gates answer nothing"},
    {"thaw", "let a frozen run go on"},
    {"ps", "show the runs that are alive; --all: those that have ended too"},
    {"explain", "say why: an event of the ledger, the last refusal, or all reason codes"},
    {"domain list", "list the domains that are defined here"},
    {"domain show", "show a domain: what it enforces, and what carries it"},
    {"domain check", "check a domain: definition, trust, policy"},
    {"policy check",
     "parse Cedar policies and schemas, and validate policies: policy check FILE..."},
    {"policy test", "run requests with expected decisions: policy test TESTS.toml..."},
    {"policy authorize", "ask policies one question: allow or deny, and by which policies"},
    {"policy explain", "say why: what decided, and for a deny what came nearest"},
    {"policy fmt", "lay out Cedar policies or a schema"},
    {"policy convert", "Cedar text to JSON, and JSON to text"},
    {"policy replay", "make every recorded decision again, and compare"},
    {"ledger show", "show the ledger's entries, or the story of runs as trees"},
    {"ledger verify", "verify the ledger, offline, and replay every recorded decision"},
    {"ledger prove", "prove that an entry is in the log, or that an older head is continued"},
    {"ledger fsck", "say what is damaged, by name; repair what a crash left"},
    {"ledger export", "copy the log for any web server, or one entry's receipt (COSE)"},
    {"ledger rotate", "change the log key; the old one hands over in the log"},
    {"ledger erase", "erase the clear text of an event or a run; the log still verifies"},
    {"proof export", "put a run's evidence into one file: proof export RUN -o FILE"},
    {"proof verify", "check such a file with public keys alone: proof verify FILE"},
    {"ledger serve", "serve the log over HTTP, read only"},
    {"witness serve", "cosign the heads of other logs"},
    {"witness ask", "have the newest head of our log cosigned"},
    {"witness head", "get the newest head that a witness has seen"},
    {"doctor", "show what this machine offers, by really trying, and what is missing"},
    {"demo", "one minute with a governed agent, in a temporary home"},
    {"version", "show the version and the formats"},
};

const char* about(const std::string& name) {
  for (const Verb& verb : kVerbs) {
    if (name == verb.name) return verb.about;
  }
  return "";
}

class Parser {
 public:
  Parser() : app_("Writ: nothing runs here without a permit, a decision and a record.", "writ") {
    app_.require_subcommand(1);
    app_.set_help_flag("-h,--help", "this help");
    app_.get_formatter()->column_width(26);
    groups();
    CLI::App* init = verb("init");
    init->add_flag("--no-passphrase", options_.no_passphrase, "leave the authority key open");
    init->add_option("--passphrase-file", options_.passphrase_file, "read the passphrase there");

    CLI::App* run = verb("run");
    run->add_option("--permit", options_.permit, "a permit file, or the start of a stored id");
    run->add_option("--domain", options_.domain, "the domain to run in");
    CLI::Option* terminal =
        run->add_flag("--terminal", options_.terminal,
                      "a terminal of its own for the run (the default on a terminal)");
    run->add_flag("--no-terminal", options_.no_terminal, "pipes, even on a terminal")
        ->excludes(terminal);
    run->add_flag("--live", options_.live, "show refusals at once, even over a full screen");

    CLI::App* can = verb("can");
    can->add_option("--permit", options_.permit, "under it: a file, or the start of a stored id");
    can->add_option("--domain", options_.domain, "the domain to run in");
    can->add_option("question", options_.target, "run, exec, connect, listen, read or write")
        ->required()
        ->check(CLI::IsMember({"run", "exec", "connect", "listen", "read", "write"}));
    can->footer(
        "run COMMAND: to start it as a run     exec COMMAND: to execute it in a run\n"
        "connect HOST:PORT, udp:HOST:PORT, unix:/PATH     listen ADDRESS:PORT\n"
        "read PATH, write PATH\n"
        "Options come before the question. Exit status: 0 yes, 1 no. It is a forecast: nothing\n"
        "runs, nothing is recorded, and what counts is what the gate decides.");

    CLI::App* draft = verb("draft");
    CLI::Option* from =
        draft->add_option("--from", options_.target, "the run's id, or the start of it");
    draft->add_flag("--last", options_.last, "the run that was admitted last")->excludes(from);
    draft->add_option("-o,--output", options_.output, "where to (default: standard output)");

    CLI::App* issue = verb("permit issue");
    issue->add_option("request", options_.target, "the request (TOML)")->required();
    issue->add_option("-o,--output", options_.output, "where a copy goes (default: beside it)");
    issue->add_flag("--no-store", options_.no_store, "do not keep it among the stored permits");
    issue->add_flag("--bearer", options_.bearer, "bind it to no holder");
    issue->add_option("--passphrase-file", options_.passphrase_file, "read the passphrase there");
    issue->add_option("--domain", options_.domain, "whose policy `policy = \"pin\"` means");

    verb("permit show")->add_option("permit", options_.target, "a permit")->required();
    CLI::App* verify = verb("permit verify");
    verify->add_option("permit", options_.target, "a permit")->required();
    verify->add_option("--domain", options_.domain, "the domain that is to accept it");

    CLI::App* revoke = verb("revoke");
    revoke->add_option("target", options_.target, "a permit file, permit id, run id or key id")
        ->required();
    revoke->add_option("--reason", options_.reason, "why, for the record");
    revoke->add_flag("--key", options_.key, "the target is a key id");

    verb("ps")->add_flag("-a,--all", options_.all, "runs that have ended too, from the ledger");
    for (const char* name : {"freeze", "thaw"}) {
      verb(name)->add_option("run", options_.target, "a run's id, or the start of it")->required();
    }
    CLI::App* explain = verb("explain");
    explain->add_option("event", options_.target,
                        "an entry's number, or RUN/SEQ (-/SEQ outside runs)");
    explain->add_flag("--last", options_.last, "the last refusal");
    explain->add_flag("--codes", options_.codes, "all reason codes");

    verb("domain list");
    verb("domain show")->add_option("name", options_.target, "the domain");
    verb("domain check")->add_option("name", options_.target, "the domain");

    policy_verbs();

    CLI::App* show = verb("ledger show");
    show->add_option("run", options_.target, "only this run");
    show->add_flag("--last", options_.last, "only the last run");
    show->add_flag("--tree", options_.tree, "draw each run as a tree");
    show->add_option("--command", options_.program, "only runs of this program");
    ledger_verbs(show);

    proof_verbs();

    verb("doctor");
    verb("demo")->add_flag("--keep", options_.keep, "leave the temporary home behind");
    verb("version");
  }

  std::variant<Options, int> parse(std::vector<std::string> arguments) {
    split(arguments);
    // The name of an event outside runs looks like an option: it has another form too.
    for (std::string& one : arguments) {
      if (one.starts_with("-/")) one = "outside" + one.substr(1);
    }
    std::reverse(arguments.begin(), arguments.end());
    try {
      app_.parse(arguments);
    } catch (const CLI::Success& help) {
      return app_.exit(help) == 0 ? kYes : kFailed;
    } catch (const CLI::ParseError& error) {
      std::cerr << "writ: " << error.what() << "\n";
      return kWrongUse;
    }
    for (const CLI::App* sub : app_.get_subcommands()) {
      options_.verb = sub->get_name();
      for (const CLI::App* inner : sub->get_subcommands()) {
        options_.verb += " " + inner->get_name();
      }
    }
    return checked();
  }

 private:
  // split takes the command from the end: what follows `--` or, for `can`, its question.
  void split(std::vector<std::string>& arguments) {
    auto end = std::find(arguments.begin(), arguments.end(), "--");
    auto command = end == arguments.end() ? end : end + 1;
    if (!arguments.empty() && arguments[0] == "can") {
      auto word = arguments.begin() + 1;
      while (word < end && word->starts_with("-")) {
        word += *word == "--permit" || *word == "--domain" ? 2 : 1;
      }
      if (word < end) {
        if (word + 1 != end) command = word + 1;
        end = word + 1;
      }
    }
    if (command == arguments.end()) return;
    options_.command.emplace(command, arguments.end());
    arguments.erase(end, arguments.end());
  }

  std::variant<Options, int> checked() const {
    const bool run = options_.verb == "run";
    const bool can = options_.verb == "can";
    const std::size_t words = options_.command ? options_.command->size() : 0;
    if ((run || can) != options_.command.has_value() || (run || can) != (words > 0)) {
      std::cerr << (run   ? "writ: which command?  writ run [--permit P] -- COMMAND ARGUMENTS\n"
                    : can ? "writ: can it what?  writ can " + options_.target + " WHAT\n"
                          : "writ: only `writ run` takes a command after `--`\n");
      return kWrongUse;
    }
    if (can && words > 1 && options_.target != "run" && options_.target != "exec") {
      std::cerr << "writ: one at a time (options come first):  writ can " << options_.target << " "
                << writ::printable(options_.command->front()) << "\n";
      return kWrongUse;
    }
    return options_;
  }

  void groups() {
    for (const auto& [name, text] :
         {std::pair{"permit", "issue, show and verify permits"},
          std::pair{"domain", "list, show and check domains"},
          std::pair{"policy", "check, test, explain and write Cedar policies"},
          std::pair{"ledger", "show, verify and take care of the ledger"},
          std::pair{"proof", "one run's evidence for strangers"},
          std::pair{"witness", "be a witness of logs, or ask some"}}) {
      groups_[name] = app_.add_subcommand(name, text);
      groups_[name]->require_subcommand(1);
    }
  }

  void policy_verbs() {
    PolicyOptions& policy = options_.policy;
    const char* const schema = "the schema to validate against";
    const char* const entities = "entities (JSON)";
    CLI::App* check = verb("policy check");
    check->add_option("file", policy.files, "policies (text or JSON) or schemas; - reads here")
        ->required();
    check->add_option("--schema", policy.schema, schema);
    check->add_option("--entities", policy.entities, entities);

    verb("policy test")->add_option("tests", policy.files, "test files (TOML)")->required();

    for (const char* name : {"policy authorize", "policy explain"}) {
      CLI::App* ask = verb(name);
      ask->add_option("policies", options_.target, "the policies (text or JSON)")->required();
      ask->add_option("--schema", policy.schema, schema);
      ask->add_option("--entities", policy.entities, entities);
      ask->add_option("--request", policy.request, "the whole request (JSON)");
      ask->add_option("--principal", policy.principal, "who, as User::\"ann\"");
      ask->add_option("--action", policy.action, "does what");
      ask->add_option("--resource", policy.resource, "with what");
      ask->add_option("--context", policy.context, "the context: a file, or JSON");
      ask->add_flag("--cedar", policy.cedar,
                    "Cedar's own rule: a policy that fails takes no part (Writ: it denies)");
    }

    CLI::App* fmt = verb("policy fmt");
    fmt->add_option("file", policy.files, "policies or schemas (text); - reads here")->required();
    fmt->add_flag("-w,--write", policy.write, "write the files back");
    fmt->add_flag("--check", policy.check, "only say which files are not formatted");

    CLI::App* convert = verb("policy convert");
    convert->add_option("file", options_.target, "policies or a schema; - reads here")->required();
    convert->add_option("-o,--output", options_.output, "where to (default: standard output)");
  }

  void ledger_verbs(CLI::App* show) {
    LedgerOptions& ledger = options_.ledger;
    const auto trust = [&](CLI::App* one) {
      one->add_option("--log-key", options_.log_key, "the log key to trust (vkey text)");
      one->add_option("--policy", ledger.policy, "logs and witnesses to trust (C2SP tlog-policy)");
    };
    verb("policy replay")
        ->add_option("--log-key", options_.log_key, "the log key to trust (vkey text)");
    const auto head = [&](CLI::App* one) {
      one->add_option("--head", ledger.head, "a head kept earlier (a checkpoint file)");
    };
    const auto range = [&](CLI::App* one) {
      one->add_option("--from", ledger.from, "the first entry");
      one->add_option("--to", ledger.to, "the last entry");
    };
    range(show);
    show->add_option("--kind", ledger.kind, "only events of this kind (exec, refusal, …)");
    show->add_option("--permit", ledger.permit, "only what was done under this permit (id, start)");
    show->add_option("--reason", ledger.reason,
                     "only denials, refusals and ends with this reason code");
    show->add_option("--since", ledger.since,
                     "only events from then on (2026-01-31T12:00:00Z, or 10m: ten minutes ago)");
    show->add_option("--until", ledger.until, "only events up to then");
    show->add_flag("-f,--follow", ledger.follow, "stay, and show entries as they are written");
    CLI::App* check = verb("ledger verify");
    trust(check), head(check), range(check);
    CLI::App* prove = verb("ledger prove");
    prove->add_option("entry", options_.target,
                      "an entry's number, or RUN/SEQ (-/SEQ outside runs)");
    prove->add_option("-o,--output", options_.output, "where to (default: standard output)");
    prove->add_option("--entry", ledger.entry, "the raw entry goes to, or comes from, this file");
    prove->add_flag("--cosigned", ledger.cosigned, "under the last head that witnesses cosigned");
    prove->add_option("--check", ledger.check, "check this proof, offline");
    trust(prove), head(prove);
    CLI::App* fsck = verb("ledger fsck");
    fsck->add_option("--log-key", options_.log_key, "the log key to trust (vkey text)");
    fsck->add_flag("--look-only", ledger.look_only, "repair nothing");
    head(fsck);
    CLI::App* exported = verb("ledger export");
    exported->add_option("directory", options_.target, "where the log goes");
    exported->add_option("--receipt", ledger.receipt, "a receipt of this entry instead");
    exported->add_option("--entry", ledger.entry, "the raw entry goes to this file");
    exported->add_option("-o,--output", options_.output, "where the receipt goes");
    verb("ledger rotate");
    CLI::App* erase = verb("ledger erase");
    erase->add_option("what", options_.target, "an entry's number, RUN/SEQ, or a whole RUN")
        ->required();
    erase->add_option("--reason", options_.reason, "why, for the record");
    for (const char* served : {"ledger serve", "witness serve", "witness ask", "witness head"}) {
      verb(served);  // named for the help: main hands them to writ-serve before this
    }
  }

  void proof_verbs() {
    LedgerOptions& ledger = options_.ledger;
    CLI::App* made = verb("proof export");
    made->add_option("run", options_.target, "a run's id, or the start of it");
    made->add_flag("--last", options_.last, "the run that was admitted last");
    made->add_option("-o,--output", options_.output, "where to (default: standard output)");
    made->add_option("--head", ledger.head, "under this head of the log (a checkpoint file)");
    made->add_flag("--cosigned", ledger.cosigned, "under the last head that witnesses cosigned");
    CLI::App* check = verb("proof verify");
    check->add_option("file", options_.target, "the proof")->required();
    check->add_option("--trust", options_.trust, "an authority to trust: its public key (PEM file)")
        ->allow_extra_args(false);  // one file for each --trust
    check->add_option("--log-key,--log", options_.log_key, "the log key to trust (vkey text)");
    check->add_option("--policy", ledger.policy, "logs and witnesses to trust (C2SP tlog-policy)");
    check->add_option("--head", ledger.head, "the head it must be under (a checkpoint file)");
  }

  CLI::App* verb(const std::string& name) {
    const std::size_t space = name.find(' ');
    CLI::App* sub = space == std::string::npos
                        ? app_.add_subcommand(name, about(name))
                        : groups_.at(name.substr(0, space))
                              ->add_subcommand(name.substr(space + 1), about(name));
    sub->add_flag("--json", options_.json, "machine-readable output");
    sub->add_flag("-q,--quiet", options_.quiet, "say nothing that is not asked for");
    return sub;
  }

  CLI::App app_;
  std::map<std::string, CLI::App*> groups_;
  Options options_;
};

}  // namespace

std::variant<Options, int> parse(const std::vector<std::string>& arguments) {
  return Parser().parse(arguments);
}

}  // namespace writ::cli
