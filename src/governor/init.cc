#include "governor/init.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "cose/key.h"
#include "crypto/pem.h"
#include "crypto/seal.h"
#include "governor/config.h"
#include "governor/issue.h"
#include "governor/keystore.h"
#include "governor/registry.h"
#include "ledger/store/reader.h"

namespace writ::governor {
namespace {

constexpr std::string_view kDomain =
    "# A domain: who may issue permits here, which policy stands, what every run is held to.\n"
    "authorities = [\"you\"]           # trust/you.pub, with its ceiling in trust/you.toml\n"
    "policy      = \"default\"         # the signed bundle in force\n"
    "least_tier  = \"sandbox\"\n"
    "record      = \"ordered\"         # or \"strict\": every record durable before effect\n"
    "continuity  = \"5s\"\n"
    "\n"
    "[limits]                        # where a permit says nothing\n"
    "wall = \"8h\"\n"
    "tasks = 1024\n";

constexpr std::string_view kCeiling =
    "# What the authority \"you\" may give: on its own machine, anything.\n"
    "ceiling = \"anything\"\n";

bool exists(const std::string& path) {
  struct stat facts = {};
  return ::lstat(path.c_str(), &facts) == 0;
}

// make_parents makes the directories above `path` as the account's umask has them.
Result<void> make_parents(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string dir = path.substr(0, at);
    if (::mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST) {
      const int failed = errno;
      if (exists(dir)) continue;  // a read-only file system says EROFS for what is there
      return errno_error(failed, "making " + printable(dir));
    }
  }
  return {};
}

Result<void> remove_tree(const std::string& path) {
  // Only what init itself makes stands here: two levels of plain names.
  Storage& storage = system_storage();
  Result<UniqueFd> dir = storage.open_dir(FdRef::cwd(), path);
  if (!dir) return {};
  for (const std::string& name : TRY(storage.list(dir->borrow(), 100'000))) {
    const std::string inner = path + "/" + name;
    struct stat facts = {};
    if (::lstat(inner.c_str(), &facts) != 0) continue;
    if (S_ISDIR(facts.st_mode)) {
      TRY(remove_tree(inner));
    } else if (::unlink(inner.c_str()) != 0) {
      return errno_error(errno, "removing " + printable(inner));
    }
  }
  if (::rmdir(path.c_str()) != 0) return errno_error(errno, "removing " + printable(path));
  return {};
}

Result<void> put_in_place(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    return errno_error(errno, "putting " + printable(to) + " in its place");
  }
  const UniqueFd parent = TRY(system_storage().open_dir(FdRef::cwd(), to.substr(0, to.rfind('/'))));
  return system_storage().sync_dir(parent.borrow());
}

class Maker {
 public:
  Maker(std::string root, Storage& storage) : root_(std::move(root)), storage_(storage) {}

  Result<void> directory(const std::string& name) {
    const std::string path = name.empty() ? root_ : root_ + "/" + name;
    if (::mkdir(path.c_str(), 0700) != 0) return errno_error(errno, "making " + printable(path));
    return {};
  }
  Result<void> file(const std::string& dir, const std::string& name, Bytes bytes) {
    const UniqueFd at =
        TRY(storage_.open_dir(FdRef::cwd(), dir.empty() ? root_ : root_ + "/" + dir));
    return write_file_durably(storage_, at.borrow(), name, bytes);
  }
  Result<void> file(const std::string& dir, const std::string& name, std::string_view text) {
    return file(dir, name, as_bytes(text));
  }

 private:
  std::string root_;
  Storage& storage_;
};

// The log's name becomes a note's key name: no white space, no plus sign.
std::string log_name(const std::string& account, const std::string& host) {
  std::string name;
  for (const char c : account + "@" + host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '_' || c == '@';
    name.push_back(plain ? c : '-');
  }
  return name.substr(0, 200);
}

Result<InitDone> summary(const Home& home, Storage& storage, bool finished_earlier) {
  const Config config = TRY(load_config(home));
  auto reader = TRY(ledger::LedgerReader::open(storage, home.state));
  InitDone done;
  done.log = config.log;
  done.head = TRY(reader->head());
  done.entries = done.head.size.get();
  done.finished_earlier = finished_earlier;
  return done;
}

}  // namespace

Result<InitDone> initialise(const Home& home, const Account& account, const InitSettings& settings,
                            Storage& storage, const Clock& clock, Random& random) {
  const std::string making_config = home.config + ".making";
  const std::string making_state = home.state + ".making";
  if (exists(home.config)) {
    return Error(Code::Conflict, "Writ is set up here already: " + home.config +
                                     " is there (writ doctor shows its state)");
  }
  if (exists(home.state)) {
    // State is put in place before the configuration: a former init may have stopped in between.
    if (exists(making_config + "/writ.toml")) {
      TRY(put_in_place(making_config, home.config));
      return summary(home, storage, true);
    }
    return Error(Code::Conflict, home.state + " is there, but its configuration is not: put " +
                                     home.config +
                                     " back, or move the old state away to begin anew");
  }
  TRY(make_parents(home.config));
  TRY(make_parents(home.state));
  TRY(remove_tree(making_config));
  TRY(remove_tree(making_state));

  const crypto::PrivateKey authority = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  const crypto::PrivateKey runner = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  const crypto::PrivateKey log_key = crypto::generate_key(crypto::Algorithm::EdDSA, random);

  Config config;
  config.log = log_name(account.name, settings.host);
  if (account.uid == 0) {
    config.root_uid = 65534;
    config.root_gid = 65534;
  }
  Maker conf(making_config, storage);
  TRY(conf.directory(""));
  for (const char* name : {"keys", "trust", "domains", "sets", "policy"}) TRY(conf.directory(name));
  const auto secret = [&](const SecretBytes& text) {
    return text.reveal(SecretAccess::for_reason("a private key is written to its file"));
  };
  if (settings.passphrase) {
    const std::string sealed = TRY(crypto::seal(authority, *settings.passphrase, random));
    TRY(conf.file("keys", "authority.pem", sealed));
  } else {
    const SecretBytes text = crypto::private_to_pem(authority);
    TRY(conf.file("keys", "authority.pem", secret(text)));
  }
  const SecretBytes runner_text = crypto::private_to_pem(runner);
  TRY(conf.file("keys", "runner.pem", secret(runner_text)));
  const SecretBytes log_text = crypto::private_to_pem(log_key);
  TRY(conf.file("keys", "log.pem", secret(log_text)));
  TRY(conf.file("trust", "you.pub", crypto::to_pem(authority.public_key())));
  TRY(conf.file("trust", "you.toml", kCeiling));
  TRY(conf.file("domains", "default.toml", kDomain));
  for (const auto& [name, text] : settings.sets) TRY(conf.file("sets", name + ".toml", text));
  domain::Bundle bundle;
  bundle.name = "default";
  bundle.generation = 1;
  bundle.policies = settings.policies;
  bundle.schema = settings.schema;
  const ByteVec bundle_file = TRY(domain::sign_bundle(bundle, authority));
  TRY(conf.file("policy", "default.bundle", bundle_file));
  TRY(conf.file("policy", "default.cedar", settings.policies));
  TRY(conf.file("policy", "default.cedarschema", settings.schema));

  // The ledger, with the definitions that stand from the start.
  Maker state(making_state, storage);
  TRY(state.directory(""));
  for (const char* name : {"permits", "runs"}) TRY(state.directory(name));
  Array32 nonce{};
  random.fill(nonce);
  {
    auto store =
        TRY(ledger::Store::create(storage, making_state, clock, {}, config.log, log_key, nonce));
    const KeyId actor = cose::key_id(authority.public_key());
    const auto key_draft = [&](const char* role,
                               const crypto::PrivateKey& key) -> Result<ledger::Draft> {
      ledger::Key body;
      body.role = role;
      body.name = role;
      body.key = cose::key_id(key.public_key());
      ledger::Event event = TRY(ledger::make_event({ledger::kNoRun, Seq(0)}, ledger::kGenesisEvent,
                                                   ledger::KeyAuthority{actor}, std::move(body)));
      return ledger::Draft{std::move(event), {}};
    };
    std::vector<ledger::Draft> drafts;
    drafts.push_back(TRY(key_draft("authority", authority)));
    drafts.push_back(TRY(key_draft("runner", runner)));
    drafts.push_back(TRY(key_draft("log", log_key)));
    Home made = home;
    made.config = making_config;
    MaybeStanding standing = TRY(load_standing(made, "default"));
    if (const Denial* no = std::get_if<Denial>(&standing)) {
      return Error(Code::Internal, "the new domain does not stand: " + no->because);
    }
    const Standing& stands = std::get<Standing>(standing);
    (void)TRY(store->put_object(stands.bundle_file));
    (void)TRY(store->put_object(stands.bundle_payload));
    (void)TRY(store->put_object(domain::encode_domain(stands.domain)));
    for (const proof::AuthorityRecord& record : stands.records) {
      (void)TRY(store->put_object(proof::encode_authority(record)));
    }
    const Result<void> recorded = store->with_lock([&](ledger::LockedState& s) -> Result<void> {
      for (ledger::Draft& draft : TRY(definition_drafts(s, stands, actor))) {
        drafts.push_back(std::move(draft));
      }
      (void)TRY(s.append(std::move(drafts), ledger::Wait::Durable));
      return note_definitions(s, stands);
    });
    if (!recorded) return Error(recorded.error());
    (void)TRY(store->sign_head(log_key));
  }
  TRY(conf.file("", "writ.toml", print_config(config)));
  TRY(put_in_place(making_state, home.state));
  TRY(put_in_place(making_config, home.config));
  return summary(home, storage, false);
}

}  // namespace writ::governor
