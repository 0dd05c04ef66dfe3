#include "governor/registry.h"

#include "cbor/reader.h"
#include "cbor/value.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "crypto/sha.h"
#include "governor/process.h"
#include "ledger/store/reader.h"

namespace writ::governor {
namespace {

constexpr std::size_t kMaxStateFile = std::size_t{64} << 20;
constexpr std::uint64_t kVersion = 0;

ByteVec finished(cbor::Writer&& writer) {
  Result<ByteVec> bytes = std::move(writer).finish();
  WRIT_ASSERT(bytes.has_value());
  return std::move(*bytes);
}

Result<void> expect_version(cbor::Reader& reader, const char* what) {
  const std::uint64_t version = TRY(reader.uint());
  if (version == kVersion) return {};
  return Error(Code::Unsupported,
               std::string(what) + ": version " + std::to_string(version) + " is not known");
}

template <typename Id>
Result<Id> read_id(cbor::Reader& reader) {
  return id_from_bytes<Id>(TRY(reader.bytes()));
}

template <typename Id>
Result<std::set<Id>> read_set(cbor::Reader& reader) {
  std::set<Id> ids;
  const std::size_t count = TRY(reader.enter_array());
  for (std::size_t i = 0; i < count; ++i) ids.insert(TRY(read_id<Id>(reader)));
  TRY(reader.leave());
  return ids;
}

Result<std::map<PermitId, std::uint64_t>> read_uses(ledger::LockedState& state) {
  std::map<PermitId, std::uint64_t> uses;
  Result<ByteVec> bytes = state.read("uses", kMaxStateFile);
  if (!bytes) {
    if (bytes.error().code() == Code::NotFound) return uses;
    return Error(std::move(bytes).error());
  }
  cbor::Reader r(*bytes);
  TRY(r.enter_array_of(2));
  TRY(expect_version(r, "uses"));
  const std::size_t count = TRY(r.enter_map());
  for (std::size_t i = 0; i < count; ++i) {
    const PermitId id = TRY(read_id<PermitId>(r));
    uses[id] = TRY(r.uint());
  }
  TRY(r.leave());
  TRY(r.leave());
  TRY(r.finish());
  return uses;
}

// What the ledger holds of definitions: name → digest, and for bundles the generation.
struct Recorded {
  std::map<std::string, Digest32> domains;
  std::map<std::string, Digest32> trust;
  std::map<std::string, std::pair<Digest32, std::uint64_t>> policies;  // by domain
};

Result<Recorded> read_recorded(ledger::LockedState& state) {
  Recorded recorded;
  Result<ByteVec> bytes = state.read("recorded", kMaxStateFile);
  if (!bytes) {
    if (bytes.error().code() == Code::NotFound) return recorded;
    return Error(std::move(bytes).error());
  }
  cbor::Reader r(*bytes);
  TRY(r.enter_array_of(4));
  TRY(expect_version(r, "recorded"));
  for (auto* map : {&recorded.domains, &recorded.trust}) {
    const std::size_t count = TRY(r.enter_map());
    for (std::size_t i = 0; i < count; ++i) {
      std::string name(TRY(r.text()));
      (*map)[std::move(name)] = TRY(read_id<Digest32>(r));
    }
    TRY(r.leave());
  }
  const std::size_t count = TRY(r.enter_map());
  for (std::size_t i = 0; i < count; ++i) {
    std::string name(TRY(r.text()));
    TRY(r.enter_array_of(2));
    const Digest32 digest = TRY(read_id<Digest32>(r));
    recorded.policies[std::move(name)] = {digest, TRY(r.uint())};
    TRY(r.leave());
  }
  TRY(r.leave());
  TRY(r.leave());
  TRY(r.finish());
  return recorded;
}

Digest32 bundle_as_digest(const BundleDigest& bundle) {
  return Digest32(bundle.get());
}

}  // namespace

ByteVec encode_registration(const Registration& run) {
  cbor::Writer w;
  w.array([&] {
    w.uint(kVersion).bytes(as_bytes(run.run)).integer(run.governor.number);
    w.uint(run.governor.start_ticks).text(run.boot).bytes(as_bytes(run.permit));
    w.bytes(as_bytes(run.authority));
    if (run.holder) {
      w.bytes(as_bytes(*run.holder));
    } else {
      w.null();
    }
    w.bytes(as_bytes(run.decision)).text(run.domain).text(run.subject).text(run.command);
    w.integer(run.started.get()).integer(run.expires.get()).uint(run.from.get());
  });
  return finished(std::move(w));
}

Result<Registration> decode_registration(Bytes bytes) {
  cbor::Reader r(bytes);
  Registration run;
  TRY(r.enter_array_of(15));
  TRY(expect_version(r, "run registration"));
  const Bytes id = TRY(r.bytes());
  std::array<std::byte, 16> raw{};
  if (id.size() != raw.size()) return r.refuse("a run id has 16 bytes");
  std::copy(id.begin(), id.end(), raw.begin());
  run.run = RunId(raw);
  const std::int64_t number = TRY(r.integer());
  if (number <= 0 || number > INT32_MAX) return r.refuse("no process number");
  run.governor.number = static_cast<std::int32_t>(number);
  run.governor.start_ticks = TRY(r.uint());
  run.boot = TRY(r.text());
  run.permit = TRY(read_id<PermitId>(r));
  run.authority = TRY(read_id<KeyId>(r));
  if (TRY(r.peek()) == cbor::Type::Null) {
    TRY(r.null());
  } else {
    run.holder = TRY(read_id<KeyId>(r));
  }
  run.decision = TRY(read_id<Digest32>(r));
  run.domain = TRY(r.text());
  run.subject = TRY(r.text());
  run.command = TRY(r.text());
  run.started = UnixMillis(TRY(r.integer()));
  run.expires = UnixSeconds(TRY(r.integer()));
  run.from = LeafIndex(TRY(r.uint()));
  TRY(r.leave());
  TRY(r.finish());
  return run;
}

bool Revocations::hits(const Registration& run) const {
  return permits.contains(run.permit) || keys.contains(run.authority) || runs.contains(run.run) ||
         (run.holder && keys.contains(*run.holder));
}

ByteVec encode_revocations(const Revocations& revocations) {
  cbor::Writer w;
  w.array([&] {
    w.uint(kVersion);
    w.array([&] {
      for (const PermitId& id : revocations.permits) w.bytes(as_bytes(id));
    });
    w.array([&] {
      for (const KeyId& id : revocations.keys) w.bytes(as_bytes(id));
    });
    w.array([&] {
      for (const RunId& id : revocations.runs) w.bytes(as_bytes(id));
    });
  });
  return finished(std::move(w));
}

Result<Revocations> decode_revocations(Bytes bytes) {
  cbor::Reader r(bytes);
  Revocations revocations;
  TRY(r.enter_array_of(4));
  TRY(expect_version(r, "revocations"));
  revocations.permits = TRY(read_set<PermitId>(r));
  revocations.keys = TRY(read_set<KeyId>(r));
  const std::size_t count = TRY(r.enter_array());
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes id = TRY(r.bytes());
    std::array<std::byte, 16> raw{};
    if (id.size() != raw.size()) return r.refuse("a run id has 16 bytes");
    std::copy(id.begin(), id.end(), raw.begin());
    revocations.runs.insert(RunId(raw));
  }
  TRY(r.leave());
  TRY(r.leave());
  TRY(r.finish());
  return revocations;
}

Result<Revocations> read_revocations(ledger::LockedState& state) {
  Result<ByteVec> bytes = state.read("revoked", kMaxStateFile);
  if (bytes) return decode_revocations(*bytes);
  if (bytes.error().code() == Code::NotFound) return Revocations();
  return Error(std::move(bytes).error());
}

Result<std::uint64_t> uses_taken(ledger::LockedState& state, const PermitId& permit) {
  const std::map<PermitId, std::uint64_t> uses = TRY(read_uses(state));
  const auto found = uses.find(permit);
  return found == uses.end() ? 0 : found->second;
}

Result<void> take_use(ledger::LockedState& state, const PermitId& permit) {
  std::map<PermitId, std::uint64_t> uses = TRY(read_uses(state));
  ++uses[permit];
  cbor::Writer w;
  w.array([&] {
    w.uint(kVersion);
    w.map([&] {
      for (const auto& [id, count] : uses) w.bytes(as_bytes(id)).uint(count);
    });
  });
  return state.write("uses", finished(std::move(w)));
}

Result<void> add_run(ledger::LockedState& state, const Registration& run) {
  return state.write("runs/" + to_string(run.run), encode_registration(run));
}

Result<void> remove_run(ledger::LockedState& state, const RunId& run) {
  return state.remove("runs/" + to_string(run));
}

Result<std::vector<Registration>> list_runs(ledger::LockedState& state) {
  std::vector<Registration> runs;
  for (const std::string& name : TRY(state.list("runs"))) {
    if (!parse_run_id(name)) continue;  // a temporary file of another process
    Result<ByteVec> bytes = state.read("runs/" + name, 64 * 1024);
    if (!bytes && bytes.error().code() == Code::NotFound) continue;
    if (!bytes) return Error(std::move(bytes).error());
    Result<Registration> run = decode_registration(*bytes);
    if (!run) return Error(std::move(run).error()).context("runs/" + name);
    runs.push_back(std::move(*run));
  }
  return runs;
}

Result<std::vector<ledger::Draft>> definition_drafts(ledger::LockedState& state,
                                                     const Standing& standing, const KeyId& actor) {
  const Recorded recorded = TRY(read_recorded(state));
  std::vector<ledger::Draft> drafts;
  const auto add = [&](ledger::Body body) -> Result<void> {
    ledger::Event event = TRY(ledger::make_event({ledger::kNoRun, Seq(0)}, ledger::kGenesisEvent,
                                                 ledger::KeyAuthority{actor}, std::move(body)));
    drafts.push_back({std::move(event), {}});
    return {};
  };
  for (const proof::AuthorityRecord& authority : standing.records) {
    const Digest32 digest = crypto::sha256(proof::encode_authority(authority));
    const auto known = recorded.trust.find(authority.name);
    if (known != recorded.trust.end() && known->second == digest) continue;
    ledger::Trust trust;
    trust.name = authority.name;
    trust.key = cose::key_id(authority.key);
    trust.ceiling = digest;
    TRY(add(std::move(trust)));
  }
  const std::string& name = standing.domain.name;
  const Digest32 definition = domain::domain_digest(standing.domain);
  const auto domain = recorded.domains.find(name);
  if (domain == recorded.domains.end() || domain->second != definition) {
    TRY(add(ledger::Domain{name, definition}));
  }
  const auto policy = recorded.policies.find(name);
  if (policy != recorded.policies.end() && standing.generation < policy->second.second) {
    return Error(Code::Denied, "the policy bundle is of generation " +
                                   std::to_string(standing.generation) + ", and " +
                                   std::to_string(policy->second.second) + " was in force already");
  }
  if (policy == recorded.policies.end() ||
      policy->second.first != bundle_as_digest(standing.bundle)) {
    if (policy != recorded.policies.end() && standing.generation == policy->second.second) {
      return Error(Code::Denied, "another policy bundle of generation " +
                                     std::to_string(standing.generation) + " was in force already");
    }
    TRY(add(ledger::Policy{name, standing.bundle, standing.generation}));
  }
  return drafts;
}

Result<void> note_definitions(ledger::LockedState& state, const Standing& standing) {
  Recorded recorded = TRY(read_recorded(state));
  for (const proof::AuthorityRecord& authority : standing.records) {
    recorded.trust[authority.name] = crypto::sha256(proof::encode_authority(authority));
  }
  recorded.domains[standing.domain.name] = domain::domain_digest(standing.domain);
  recorded.policies[standing.domain.name] = {bundle_as_digest(standing.bundle),
                                             standing.generation};
  cbor::Writer w;
  w.array([&] {
    w.uint(kVersion);
    for (const auto* map : {&recorded.domains, &recorded.trust}) {
      w.map([&] {
        for (const auto& [name, digest] : *map) w.key(name).bytes(as_bytes(digest));
      });
    }
    w.map([&] {
      for (const auto& one : recorded.policies) {
        const auto write = [&, in_force = one.second] {
          w.bytes(as_bytes(in_force.first)).uint(in_force.second);
        };
        w.key(one.first).array(write);
      }
    });
  });
  return state.write("recorded", finished(std::move(w)));
}

Result<std::vector<Lost>> sweep(ledger::LockedState& state, Storage& storage,
                                const std::string& state_dir) {
  std::vector<Lost> lost;
  const std::string boot = TRY(storage.boot_id());
  for (Registration& run : TRY(list_runs(state))) {
    if (run.boot == boot && alive(run.governor)) continue;
    Lost found;
    found.reason = run.boot == boot ? EndReason::GovernorLost : EndReason::Interrupted;
    // What the ledger knows of the run: its last event, and whether it has ended.
    std::optional<Seq> last;
    bool ended = false;
    auto reader = TRY(ledger::LedgerReader::open(storage, state_dir));
    const Result<void> looked =
        reader->for_each(run.from, [&](LeafIndex, Bytes entry) -> Result<bool> {
          const ledger::Event event = TRY(ledger::decode_event(entry));
          if (event.id().run == run.run) {
            last = event.seq();
            ended = ended || event.kind() == ledger::EventKind::End ||
                    event.kind() == ledger::EventKind::Interrupted;
          }
          return !ended;
        });
    if (!looked) return Error(looked.error());
    if (last && !ended) {
      ledger::Interrupted body;
      body.reason = found.reason;
      body.last_durable = *last;
      body.unproven_millis = run.boot == boot ? 0 : 20;
      ledger::Event event = TRY(
          ledger::make_event({run.run, Seq(last->get() + 1)}, ledger::EventId{run.run, *last},
                             ledger::PermitAuthority{run.permit, run.decision}, std::move(body)));
      std::vector<ledger::Draft> batch;
      batch.push_back({std::move(event), {}});
      (void)TRY(state.append(std::move(batch), ledger::Wait::Durable));
      found.recorded = true;
    }
    TRY(remove_run(state, run.run));
    found.run = std::move(run);
    lost.push_back(std::move(found));
  }
  return lost;
}

}  // namespace writ::governor
