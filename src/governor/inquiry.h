// Inquiry: what a run asks its own governor: would this be allowed, and what was refused?
//
// A run whose grant names `writ` as a program has a SEQPACKET socket at enforce::kInquirySocket.
// One question and one answer a connection, deterministic CBOR of at most kMaxInquiry bytes each.
// The answer is a pure function of the question, the permit and the policy in force (judge.h): the
// governor looks at no file for it, so it tells of nothing that the run cannot see. Whoever asks
// states the facts (a program's digest, say); a lie is answered as what it says. Nothing is
// recorded, nothing comes of it.
//
//   InquiryDesk desk(std::move(socket), run, permit, verdicts);     // the governor's side
//   InquiryAnswer answer = TRY(inquire(AskRefusals{}));             // the run's
//
// Hostile: the run, all of it: what it sends, how often and how slowly. Decoding is strict and
// total. One connection is served at a time, for kInquiryWait at most, and kInquiryPause lies
// between two, so a process can keep others of its run from asking, and nobody else from anything.
// Thread safety: a desk has a thread of its own; the verdicts must outlive it.
#pragma once

#include <thread>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "governor/gate_verdicts.h"

namespace writ::governor {

inline constexpr std::size_t kMaxInquiry = std::size_t{128} << 10;
inline constexpr int kInquiryWait = 1000;  // ms
inline constexpr int kInquiryPause = 5;    // ms

struct AskRefusals {};  // the run's last ones
using Inquiry = std::variant<GateQuestion, AskRefusals>;

struct InquiryAnswer {
  RunId run;
  PermitId permit;
  std::optional<Denial> denial;  // of a GateQuestion; nothing: it would be allowed
  std::vector<Told> refusals;    // newest first; as many as there is room for
  std::string problem;           // the question could not be answered
};

// encode: Exhausted when it is longer than an inquiry may be.
Result<ByteVec> encode(const Inquiry& inquiry);
Result<Inquiry> decode_inquiry(Bytes bytes);
ByteVec encode(const InquiryAnswer& answer);
Result<InquiryAnswer> decode_inquiry_answer(Bytes bytes);

class InquiryDesk {
 public:
  InquiryDesk(UniqueFd socket, const RunId& run, const PermitId& permit,
              const GateVerdicts& verdicts);
  ~InquiryDesk();
  InquiryDesk(const InquiryDesk&) = delete;
  InquiryDesk& operator=(const InquiryDesk&) = delete;

 private:
  void loop();
  void serve(FdRef connection);
  InquiryAnswer answer(Bytes question) const;
  bool woken(FdRef also, int millis) const;

  UniqueFd socket_;
  UniqueFd wake_;
  RunId run_;
  PermitId permit_;
  const GateVerdicts& verdicts_;
  std::thread thread_;
};

// inside_run says whether this process is in a run that may ask.
bool inside_run();
// inquire asks this run's governor. Unavailable: nobody answers.
Result<InquiryAnswer> inquire(const Inquiry& inquiry);

}  // namespace writ::governor
