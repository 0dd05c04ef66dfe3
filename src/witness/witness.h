// A witness of logs (C2SP tlog-witness): it remembers the largest head of each log that it was
// shown, and cosigns a head only if it continues that one.
//
//   auto witness = TRY(Witness::open(storage, dir, "witness.example/w", std::move(key), logs,
//   clock)); Answer answer = witness->add_checkpoint(body);          // POST …/add-checkpoint
//   Answer newest = witness->checkpoint(hex_of_origin);     // GET …/<sha256(origin)>/checkpoint
//
// Requests come from anyone: bodies are bounded and parsed strictly. What was remembered is checked
// and replaced under one lock, also between processes, and is on the disk before a cosignature
// leaves; a witness that cannot write cosigns nothing. A clock that is behind the last cosignature
// of a log is answered 500: a witness does not take back the time.
//
// Trusted: its directory. An older copy of it makes the witness forget; its operator's duty.
// Thread safety: any number of threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/durable.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "ledger/cosignature.h"
#include "ledger/note.h"

namespace writ::witness {

// What goes back over HTTP.
struct Answer {
  int status = 500;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
};

class Witness {
 public:
  // open: `logs` are the keys it watches, by the origins that are their names. InvalidArgument for
  // a bad name or key. The directory is made when it is missing.
  static Result<std::unique_ptr<Witness>> open(Storage& storage, const std::string& directory,
                                               std::string_view name, crypto::PrivateKey key,
                                               std::vector<ledger::VerifierKey> logs,
                                               const Clock& clock);
  virtual ~Witness() = default;

  // add_checkpoint answers one request:
  //   200 cosignature line   400 malformed, or old larger than the head   403 no trusted signature
  //   404 unknown origin     409 old is not the last size; the body is that size
  //   422 the proof does not hold            500 the witness itself failed
  virtual Answer add_checkpoint(Bytes body) = 0;
  // checkpoint gives the last cosigned head of the log whose origin has this SHA-256; 404 without.
  virtual Answer checkpoint(std::string_view origin_digest_hex) = 0;

  virtual const ledger::CosignerKey& key() const = 0;
};

// origin_hex is the lower-case SHA-256 of an origin, as the monitoring path has it.
std::string origin_hex(std::string_view origin);

}  // namespace writ::witness
