// fsck: what is wrong with a ledger directory, by name, and what to do about it.
//
// Reads everything as a stranger would (ledger/verify.h), then opens the log as its owner would,
// which repairs what a crash may leave: a torn write at the end, tiles that were not synced, files
// that never came into use. Nothing else is ever changed. Each kind of damage has a stable name, an
// exit status and advice:
//   10 tampering      bytes differ from what was signed, or say what no writer of ours says
//   13 key mismatch   the log is sound under another key than the one trusted or kept beside it
//   12 lost tail      signed or kept entries are not there
//   11 torn write     the end was cut at a write that a crash interrupted; repaired
//   14 index only     files that can be made again from entries are missing; nothing is lost
// The first of these in this order is the answer. The owner of the directory is not hostile here;
// what lies in it may be.
//
// Thread safety: one call at a time for one directory.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/durable.h"
#include "ledger/verify.h"

namespace writ::ledger {

enum class Damage {
  None = 0,
  Tampering = 10,
  TornWrite = 11,
  LostTail = 12,
  KeyMismatch = 13,
  IndexOnly = 14
};

struct FsckFinding {
  std::string name;  // stable: finding_name, or torn_write, unused_segment, leftovers,
                     // sync_failed, lost_tail, ledger_damaged
  Damage damage = Damage::None;
  std::string message;  // what is wrong, one sentence
};
// advice_for says what to do about one kind of damage.
std::string_view advice_for(Damage damage);
// damage_of classifies a finding of the verifier.
Damage damage_of(FindingKind kind);

struct FsckReport {
  VerifyReport verified;  // as found, before any repair
  std::vector<FsckFinding> findings;
  // status is the damage that decides, in the order above; None: the ledger is sound.
  Damage status() const;
};

struct FsckOptions {
  VerifyOptions verify;  // without a log_key the one beside the log is taken
  bool repair = true;    // false: look only
};
// fsck: an error only when the directory cannot be looked at (NotFound, rights, busy).
Result<FsckReport> fsck(Storage& storage, const std::string& state_dir, const Clock& clock,
                        const FsckOptions& options);

}  // namespace writ::ledger
