#include "ledger/store/fsck.h"

#include <algorithm>
#include <cerrno>

#include "ledger/store/reader.h"
#include "ledger/store/search.h"
#include "ledger/store/store.h"

namespace writ::ledger {
namespace {

FsckFinding of_repair(const RepairNote& note) {
  switch (note.repair) {
    case Repair::TornTail: return {"torn_write", Damage::TornWrite, note.sentence};
    case Repair::SegmentRemoved: return {"unused_segment", Damage::TornWrite, note.sentence};
    case Repair::Leftovers: return {"leftovers", Damage::TornWrite, note.sentence};
    case Repair::SyncFailure: return {"sync_failed", Damage::TornWrite, note.sentence};
    case Repair::TilesRewritten: return {"tiles_rewritten", Damage::None, note.sentence};
  }
  return {};
}

}  // namespace

std::string_view advice_for(Damage damage) {
  switch (damage) {
    case Damage::None: return "nothing to do";
    case Damage::Tampering:
      return "keep a copy of the directory as evidence; compare with a backup, a kept head or a "
             "witness; runs are denied until it is replaced";
    case Damage::TornWrite: return "repaired: what was cut had not been acknowledged as durable";
    case Damage::LostTail:
      return "restore the missing files from a backup that holds the signed head; what the head "
             "covers cannot be made again";
    case Damage::KeyMismatch:
      return "check which log this is and which key it has; a key change that was cut short is to "
             "be "
             "finished";
    case Damage::IndexOnly:
      return "no entry is lost: files that are made from entries are missing or wrong; a wrong "
             "index "
             "was removed and is made anew by the next search; tiles are made again after a "
             "restart "
             "of the machine, or copy them from a mirror";
  }
  return "";
}

Damage damage_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::HeadMissing:
    case FindingKind::HeadBehindKept:
    case FindingKind::BundleMissing: return Damage::LostTail;
    case FindingKind::KeyMismatch: return Damage::KeyMismatch;
    case FindingKind::TileMissing: return Damage::IndexOnly;
    default: return Damage::Tampering;
  }
}

Damage FsckReport::status() const {
  for (const Damage damage : {Damage::Tampering, Damage::KeyMismatch, Damage::LostTail,
                              Damage::TornWrite, Damage::IndexOnly}) {
    if (std::any_of(findings.begin(), findings.end(),
                    [&](const FsckFinding& finding) { return finding.damage == damage; })) {
      return damage;
    }
  }
  return Damage::None;
}

Result<FsckReport> fsck(Storage& storage, const std::string& state_dir, const Clock& clock,
                        const FsckOptions& options) {
  FsckReport report;
  Result<std::unique_ptr<LedgerReader>> reader = LedgerReader::open(storage, state_dir);
  if (!reader) {
    if (reader.error().sys_errno() != EUCLEAN) return std::move(reader).error();
    report.findings.push_back({"vkey_malformed", Damage::KeyMismatch, reader.error().message()});
    return report;
  }
  VerifyOptions verify = options.verify;
  if (!verify.log_key) verify.log_key = (*reader)->log_key();
  report.verified = verify_log(**reader, verify);
  const std::vector<Finding>& found = report.verified.findings;
  const bool incomplete = std::any_of(found.begin(), found.end(), [](const Finding& finding) {
    return finding.kind == FindingKind::BundleMissing;
  });
  for (const Finding& finding : found) {
    // Where entries are missing the root cannot be made again: that is said by what is missing.
    if (incomplete && finding.kind == FindingKind::RootDiffers) continue;
    report.findings.push_back(
        {std::string(finding_name(finding.kind)), damage_of(finding.kind), finding.message});
  }
  if (!report.verified.keys.empty() && report.verified.keys.back() != (*reader)->log_key() &&
      report.verified.ok()) {
    report.findings.push_back(
        {"key_mismatch", Damage::KeyMismatch,
         "ledger/vkey is not the log key in force: " + to_string(report.verified.keys.back())});
  }
  // An index is held against the log only where that is sound.
  const std::string index =
      report.findings.empty() ? index_fault(storage, state_dir, **reader) : std::string();
  if (!index.empty()) report.findings.push_back({"index_differs", Damage::IndexOnly, index});
  if (!options.repair) return report;
  if (!index.empty()) TRY(discard_index(storage, state_dir));
  Result<std::unique_ptr<Store>> store = Store::open(storage, state_dir, clock, {});
  if (store) {
    for (const RepairNote& note : (*store)->take_repairs()) {
      report.findings.push_back(of_repair(note));
    }
    return report;
  }
  const int number = store.error().sys_errno();
  if (number == ENODATA) {
    report.findings.push_back({"lost_tail", Damage::LostTail, store.error().message()});
  } else if (number == EUCLEAN && report.status() == Damage::None) {
    // Seen only by the owner: the write-ahead segment is not as it was written.
    report.findings.push_back({"ledger_damaged", Damage::Tampering, store.error().message()});
  } else if (report.status() == Damage::None) {
    return std::move(store).error();
  }
  return report;
}

}  // namespace writ::ledger
