// Forecast: what would be answered, without doing it. `writ can`, outside a run.
//
// The steps are those of an admission (vetting.h) and the answers those of the gates (judge.h):
// there is no second way to decide. Nothing runs, nothing is recorded, no use of a permit is taken.
//
//   Forecast told = TRY(forecast(ask, scope, installation));
//   if (told.denial) …                       // the answer is no, and why
//
// Without a permit being named, whatever stored permit would allow it is meant; when none does, the
// denial is of the one that came nearest. Programs and paths are those of this machine now.
// Hostile: permit files. Errors: failures of Writ itself. Thread safety: one thread at a time.
// Not promised: that it will be so. Policy may look at the clock, files may change, a program may
// bring another environment, and only what a gate decides is recorded.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "governor/judge.h"
#include "governor/vetting.h"

namespace writ::governor {

struct AskExec {
  std::vector<std::string> command;      // as given, not empty
  std::vector<std::string> environment;  // of the caller; cleaned to what the rule allows
  std::string directory;
};
using Ask = std::variant<AskExec, AskEndpoint, AskPlace>;
// asked_text is the question for people: "exec /usr/bin/make test", "connect tcp:example.org:443".
std::string asked_text(const Ask& ask);

// Under what it is asked.
struct AskScope {
  std::string domain = "default";
  Objection unreadable;     // why the permit that was named cannot be read
  ByteVec permit_file;      // empty: the stored ones
  std::string permit_name;  // for messages
};

struct Forecast {
  Objection denial;
  std::string permit;  // short id of the one that allows it, or of the one that came nearest
  bool not_found = false;
};

// forecast is of an act in a run; forecast_run of a run's start, with that first command.
Result<Forecast> forecast(const Ask& ask, const AskScope& scope, Installation& here);
Result<Forecast> forecast_run(const RunRequest& request, Installation& here, Site& site);

}  // namespace writ::governor
