// What came of asking witnesses the last time: written to the state directory by `witness ask`,
// read by `doctor`. Nobody rests on it: it says how things stood, `ledger verify --policy` proves
// them.
//
// The file `witness-report` is one JSON object. Whoever can write the state directory can write
// anything there, so it is read within bounds, and its texts are printed as a stranger's.
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "json/value.h"

namespace writ::cli {

inline constexpr const char* kWitnessReport = "witness-report";
inline constexpr std::size_t kMaxWitnessReport = 1024 * 1024;

struct AskedWitness {
  std::string name;
  bool cosigned = false;
  bool differs = false;          // it knows another history of this log
  std::string why;               // not cosigned: why
  std::int64_t clock_ahead = 0;  // seconds; 0: about right
};
struct WitnessReport {
  UnixMillis asked;
  std::uint64_t size = 0;  // of the head that they were asked to cosign
  bool met = false;        // as the policy asks
  bool quorum = false;     // the policy asks for somebody at all
  std::vector<AskedWitness> witnesses;
  // When it was last as the policy asks, and for which head.
  std::optional<UnixMillis> met_at;
  std::uint64_t met_size = 0;
};

json::Value to_json(const WitnessReport& report);
// parse_witness_report: Malformed unless it is one.
Result<WitnessReport> parse_witness_report(Bytes bytes);
// sentence_of says how things stood, for a log whose head has `size` entries now.
std::string sentence_of(const WitnessReport& report, std::uint64_t size, UnixMillis now);

}  // namespace writ::cli
