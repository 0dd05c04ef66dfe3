#include "proof/proof_bundle.h"

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "crypto/sha.h"
#include "ledger/event.h"
#include "ledger/note.h"
#include "ledger/side.h"

namespace writ::proof {
namespace {

constexpr std::string_view kIs = "writ proof ";
constexpr std::string_view kVersion = "0";
constexpr std::size_t kDepth = 3;
constexpr std::size_t kMaxPathForEach = 64;  // hashes

Error too_large(const std::string& what, std::size_t is, std::size_t limit) {
  return Error(Code::Exhausted, "a proof bundle has at most " + std::to_string(limit) + " " + what +
                                    ", this one has " + std::to_string(is));
}
Result<void> check_size(const std::string& what, std::size_t is, std::size_t limit) {
  if (is > limit) return too_large(what, is, limit);
  return {};
}

Result<void> expect_version(cbor::Reader& reader) {
  const std::string_view is = TRY(reader.text());
  if (!is.starts_with(kIs)) return reader.refuse("this is no proof bundle");
  const std::string_view version = is.substr(kIs.size());
  if (version == kVersion) return {};
  return Error(Code::Unsupported,
               "proof bundle version `" + printable(version, 20) + "` is not known");
}

Result<ByteVec> read_sized(cbor::Reader& reader, const char* what, std::size_t limit) {
  const Bytes bytes = TRY(reader.bytes());
  if (bytes.empty()) return reader.refuse(std::string("an empty ") + what);
  if (bytes.size() > limit) return reader.refuse(std::string("too large: ") + what);
  return to_vec(bytes);
}

Result<void> read_entries(cbor::Reader& reader, ProofBundle& bundle) {
  const std::size_t count = TRY(reader.enter_array());
  TRY(check_size("entries", count, kMaxProofEntries));
  for (std::size_t i = 0; i < count; ++i) {
    ProofEntry entry;
    TRY(reader.enter_array_of(3));
    entry.index = LeafIndex(TRY(reader.uint()));
    if (i > 0 && entry.index <= bundle.entries.back().index) {
      return reader.refuse("the entries are not in the order of the log, each once");
    }
    entry.entry = TRY(read_sized(reader, "entry", ledger::kMaxEntry));
    if (TRY(reader.peek()) == cbor::Type::Null) {
      TRY(reader.null());
    } else {
      entry.side = TRY(read_sized(reader, "clear text", ledger::kMaxSide));
    }
    TRY(reader.leave());
    bundle.entries.push_back(std::move(entry));
  }
  return reader.leave();
}

Result<void> read_path(cbor::Reader& reader, ProofBundle& bundle) {
  const std::size_t count = TRY(reader.enter_array());
  TRY(check_size("hashes in its path", count, kMaxPathForEach * bundle.entries.size()));
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes raw = TRY(reader.bytes());
    const Result<NodeHash> hash = id_from_bytes<NodeHash>(raw);
    if (!hash) return reader.refuse("a hash that is not 32 bytes");
    bundle.path.push_back(*hash);
  }
  return reader.leave();
}

Result<void> read_objects(cbor::Reader& reader, ProofBundle& bundle) {
  const std::size_t count = TRY(reader.enter_array());
  TRY(check_size("objects", count, kMaxProofObjects));
  Digest32 last;
  for (std::size_t i = 0; i < count; ++i) {
    ByteVec object = TRY(read_sized(reader, "object", kMaxProofFile));
    const Digest32 digest = crypto::sha256(object);
    if (i > 0 && digest <= last) {
      return reader.refuse("the objects are not in the order of their digests, each once");
    }
    last = digest;
    bundle.objects.push_back(std::move(object));
  }
  return reader.leave();
}

}  // namespace

Result<ByteVec> encode_proof(const ProofBundle& bundle) {
  cbor::Writer w;
  w.array([&] {
    w.text(std::string(kIs) + std::string(kVersion)).bytes(as_bytes(bundle.run)).text(bundle.head);
    w.array([&] {
      for (const ProofEntry& one : bundle.entries) {
        w.array([&] {
          w.uint(one.index.get()).bytes(one.entry);
          if (one.side) {
            w.bytes(*one.side);
          } else {
            w.null();
          }
        });
      }
    });
    w.array([&] {
      for (const NodeHash& hash : bundle.path) w.bytes(as_bytes(hash));
    });
    w.array([&] {
      for (const ByteVec& object : bundle.objects) w.bytes(object);
    });
  });
  ByteVec file = TRY(std::move(w).finish());
  TRY(check_size("bytes", file.size(), kMaxProofFile));
  const Result<ProofBundle> read = decode_proof(file);
  if (read) return file;
  if (read.error().code() == Code::Exhausted) return Error(read.error());
  return Error(Code::InvalidArgument, "this is no proof bundle: " + read.error().message());
}

Result<ProofBundle> decode_proof(Bytes file) {
  TRY(check_size("bytes", file.size(), kMaxProofFile));
  cbor::Reader r(file, kDepth);
  ProofBundle bundle;
  if (TRY(r.enter_array()) == 0) return r.refuse("this is no proof bundle");
  TRY(expect_version(r));
  const Result<RunId> run = id_from_bytes<RunId>(TRY(r.bytes()));
  if (!run || *run == ledger::kNoRun) return r.refuse("this is no run's id");
  bundle.run = *run;
  bundle.head = TRY(r.text());
  if (bundle.head.empty() || bundle.head.size() > ledger::kMaxNote) {
    return r.refuse("a head of that size");
  }
  TRY(read_entries(r, bundle));
  TRY(read_path(r, bundle));
  TRY(read_objects(r, bundle));
  TRY(r.leave());
  TRY(r.finish());
  return bundle;
}

}  // namespace writ::proof
