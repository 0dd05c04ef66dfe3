// The command line of `writ`, read: one table of verbs, from which help and parsing come.
//
// What follows `--`, or the question of `can`, is a command and is never looked at as options.
// Exit statuses: 0 yes, 1 the honest answer is no, 2 wrong use, 125 Writ itself failed; `run` has
// the program's own, 124, 126, 127 and 128+n besides (DESIGN §5).
// Thread safety: pure apart from help, which goes to standard output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace writ::cli {

inline constexpr int kYes = 0;
inline constexpr int kNo = 1;
inline constexpr int kWrongUse = 2;
inline constexpr int kEndedByWrit = 124;
inline constexpr int kFailed = 125;
inline constexpr int kDenied = 126;
inline constexpr int kNotFound = 127;

// Of the verbs `policy …`.
struct PolicyOptions {
  std::vector<std::string> files;
  std::string schema;
  std::string entities;
  std::string request;    // a file
  std::string principal;  // entity ids as text
  std::string action;
  std::string resource;
  std::string context;  // a file, or JSON that begins with `{`
  bool write = false;   // fmt
  bool check = false;   // fmt
  bool cedar = false;   // authorize, explain: what fails takes no part
};

// Of the verbs `ledger …`.
struct LedgerOptions {
  std::string head;                        // a kept head: a checkpoint's file
  std::string policy;                      // a trust policy: a file
  std::string check;                       // prove: a proof to check
  std::string entry;                       // prove, export: the file of the raw entry
  std::string receipt;                     // export: of this entry
  std::string kind, permit, since, until;  // show
  std::string reason;                      // show: a code
  std::optional<std::uint64_t> from, to;   // show, verify: entries
  bool follow = false;                     // show
  bool cosigned = false;                   // prove
  bool look_only = false;                  // fsck
};

struct Options {
  std::string verb;  // "run", "permit issue", …
  bool json = false;
  bool quiet = false;
  std::string domain = "default";
  std::string permit;              // run: a file or the start of a stored permit's id
  std::string target;              // the one operand of most verbs
  std::string output;              // permit issue: where the copy goes
  std::string passphrase_file;     // init, permit issue
  std::string reason;              // revoke
  std::string program;             // ledger show: only runs of this program
  std::vector<std::string> trust;  // proof verify: public keys of authorities (files)
  std::string log_key;             // ledger verify: the key that is trusted
  bool no_passphrase = false;
  bool no_store = false;
  bool bearer = false;
  bool key = false;   // revoke: the target is a key id
  bool last = false;  // explain, ledger show
  bool codes = false;
  bool tree = false;
  bool all = false;          // ps: runs that have ended too
  bool keep = false;         // demo
  bool terminal = false;     // run: it must be one
  bool no_terminal = false;  // run: pipes
  bool live = false;         // run: refusals at once
  PolicyOptions policy;
  LedgerOptions ledger;
  std::optional<std::vector<std::string>> command;  // after `--` or the question
};

// parse reads the arguments: the options, or the exit status when help or an error was printed.
std::variant<Options, int> parse(const std::vector<std::string>& arguments);

}  // namespace writ::cli
