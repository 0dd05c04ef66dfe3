// What the ledger's tests share: a home for a store, events to append, a stranger's look at it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/durable_faults.h"
#include "base/random.h"
#include "crypto/sha.h"
#include "ledger/store/reader.h"
#include "ledger/store/store.h"
#include "ledger/verify.h"

namespace writ::ledger {

// The long forms, by hand: thousands of kills, every subset of twelve unsynced writes.
inline bool thorough() {
  const char* wanted = std::getenv("WRIT_TEST_LONG");
  return wanted != nullptr && *wanted != '\0';
}

inline Digest32 digest_of(std::string_view text) {
  return crypto::sha256(as_bytes(text));
}
inline RunId run_number(std::uint8_t n) {
  RunId::rep rep{};
  rep[0] = std::byte{1};
  rep[15] = static_cast<std::byte>(n);
  return RunId(rep);
}
inline PermitAuthority some_permit() {
  return {PermitId(digest_of("permit").get()), digest_of("decision")};
}
inline KeyAuthority some_key() {
  return {KeyId(digest_of("key").get())};
}

inline Admission some_admission() {
  Admission a;
  a.domain = "default";
  a.chain = {PermitId(digest_of("permit").get())};
  a.tier = "sandbox";
  a.mechanisms = {"namespaces", "landlock", "seccomp"};
  a.host = "host";
  a.command = "/usr/bin/make";
  return a;
}
inline Draft admission(const RunId& run) {
  return {make_event({run, Seq(0)}, kGenesisEvent, some_permit(), some_admission()).value(), {}};
}
inline Draft exec(const RunId& run, std::uint64_t seq) {
  Exec e;
  e.pid = 2;
  e.path = "/usr/bin/cc";
  e.file = digest_of("cc");
  e.argv = digest_of("argv" + std::to_string(seq));
  return {make_event({run, Seq(seq)}, EventId{run, Seq(seq - 1)}, some_permit(), e).value(), {}};
}
inline Draft refusal(const RunId& run, std::uint64_t seq) {
  Refusal r;
  r.gate = "exec";
  return {make_event({run, Seq(seq)}, EventId{run, Seq(seq - 1)}, some_permit(), r).value(), {}};
}
inline Draft end(const RunId& run, std::uint64_t seq, std::uint64_t execs,
                 std::uint64_t refusals = 0) {
  End e;
  e.counts = {execs + refusals, refusals, 0, 0, 0, execs, execs};
  return {make_event({run, Seq(seq)}, EventId{run, Seq(seq - 1)}, some_permit(), e).value(), {}};
}
inline Draft denial() {
  Denial d;
  d.domain = "default";
  return {make_event({kNoRun, Seq(0)}, kGenesisEvent, some_key(), d).value(), {}};
}

inline crypto::PrivateKey log_key_of(std::uint64_t seed = 1) {
  SeededRandom random(seed);
  return crypto::generate_key(crypto::Algorithm::EdDSA, random);
}

// A directory of its own that goes away.
class Home {
 public:
  explicit Home(const std::filesystem::path& base = std::filesystem::temp_directory_path()) {
    std::string pattern = (base / "writ-ledger-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Home() { std::filesystem::remove_all(path_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  std::string state() const { return path_ + "/state"; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Result<std::unique_ptr<Store>> create_store(Storage& storage, const Home& home,
                                                   const Clock& clock, StoreOptions options = {}) {
  return Store::create(storage, home.state(), clock, options, "you@host", log_key_of(),
                       digest_of("nonce").get());
}

// Reads the log as a stranger with the log's key would.
inline VerifyReport look(const std::string& state, VerifyOptions options = {}) {
  Result<std::unique_ptr<LedgerReader>> reader = LedgerReader::open(system_storage(), state);
  if (!reader) {
    VerifyReport report;
    report.findings_total = 1;
    report.findings.push_back({FindingKind::SourceFailed, {}, {}, reader.error().message()});
    return report;
  }
  if (!options.log_key) {
    options.log_key = make_vkey("you@host", log_key_of().public_key()).value();
  }
  return verify_log(**reader, options);
}
inline std::string text_of(const VerifyReport& report) {
  std::string text = std::to_string(report.entries) + " entries, " +
                     std::to_string(report.findings_total) + " findings";
  for (const Finding& f : report.findings) {
    text += "\n  " + std::string(finding_name(f.kind)) + " " +
            (f.index ? std::to_string(f.index->get()) : "-") + ": " + f.message;
  }
  return text;
}

}  // namespace writ::ledger
