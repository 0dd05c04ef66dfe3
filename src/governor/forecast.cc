#include "governor/forecast.h"

#include "governor/denial.h"
#include "governor/resolve.h"

namespace writ::governor {
namespace {

// How near a permit came to allowing: one that names the thing explains best why it does not.
int nearness(const Denial& denial) {
  const std::string_view group = group_name(describe(denial.reason).group);
  if (denial.reason == Reason::NotGranted) return 1;
  return group == "permit" ? 0 : 2;
}

class Forecaster {
 public:
  Forecaster(const Ask& ask, Installation& here, std::string domain)
      : ask_(ask), here_(here), domain_(std::move(domain)), asked_(asked_text(ask)) {}

  // find looks the program or path up on this machine.
  Result<Objection> find() {
    if (const AskExec* exec = std::get_if<AskExec>(&ask_)) {
      Result<std::string> program =
          find_program(exec->command.at(0), exec->directory, exec->environment);
      if (!program) {
        not_found_ = true;
        return Objection(
            deny(Reason::NotGranted, asked_, program.error().message(), "check its name and PATH"));
      }
      program_ = std::move(*program);
    }
    if (const AskPlace* place = std::get_if<AskPlace>(&ask_)) {
      path_ = TRY(resolved(place->path));
      Reserved reserved = TRY(Reserved::find(here_.home, here_.account));
      permit::Grant one;
      one.read.push_back({path_, {}, true, {}});
      const bool own = permit::lies_under(path_, "/proc") || permit::lies_under(path_, "/dev");
      if (!own && reserved.names(path_)) return reserved_denial(one, reserved);
    }
    return Objection();
  }

  // under is the answer of a run under this permit.
  Result<Forecast> under(Bytes file) {
    Vetting vetting(here_, Purpose::Forecast, domain_, asked_);
    Forecast told;
    told.denial = TRY(judged(vetting, file));
    if (vetting.found.stated) told.permit = short_hex(vetting.found.stated->id);
    told.not_found = not_found_;
    return told;
  }

  bool not_found() const { return not_found_; }

 private:
  // What exists of a path is followed; the rest is as it is written.
  static Result<std::string> resolved(const std::string& path) {
    std::string rest;
    std::string head = path;
    for (;;) {
      Result<permit::Place> place = follow_path(head);
      if (place) return place->path == "/" && !rest.empty() ? rest : place->path + rest;
      const std::size_t slash = head.rfind('/');
      if (slash == std::string::npos || head == "/") return Error(place.error());
      rest = head.substr(slash) + rest;
      head = slash == 0 ? "/" : head.substr(0, slash);
    }
  }

  Result<Objection> judged(Vetting& vetting, Bytes file) {
    if (Objection no = TRY(vetting.stand())) return no;
    if (Objection no = TRY(vetting.read(file))) return no;
    const permit::Claims& claims = vetting.found.stated->claims;
    if (claims.holder && *claims.holder != here_.runner.public_key()) {
      return Objection(deny(Reason::NoPossession, asked_,
                            "the permit is held by another key than this machine's runner",
                            std::string(describe(Reason::NoPossession).remedy)));
    }
    if (Objection no = TRY(vetting.decide())) return no;
    const Found& found = vetting.found;
    const Bounds bounds{claims.grant, found.facts, found.when.get()};
    const InForce in_force{found.standing->policy, found.standing->bundle};
    GateQuestion question;
    if (const AskExec* exec = std::get_if<AskExec>(&ask_)) {
      Result<Chosen> chosen =
          choose(claims.grant, program_, exec->command, exec->environment, exec->directory);
      if (!chosen) {
        return Objection(deny(Reason::NotGranted, asked_, chosen.error().message(),
                              "check the program, or grant what it needs"));
      }
      if (const Denial* no = std::get_if<Denial>(&*chosen)) return Objection(*no);
      question = std::move(std::get<Command>(*chosen).facts);
    } else if (const AskEndpoint* endpoint = std::get_if<AskEndpoint>(&ask_)) {
      question = *endpoint;
    } else {
      question = AskPlace{std::get<AskPlace>(ask_).access, path_};
    }
    return TRY(judge(bounds, in_force, question, found.time)).denial;
  }

  const Ask& ask_;
  Installation& here_;
  std::string domain_;
  std::string asked_;
  std::string program_;
  std::string path_;
  bool not_found_ = false;
};

}  // namespace

std::string asked_text(const Ask& ask) {
  if (const AskExec* exec = std::get_if<AskExec>(&ask))
    return "exec " + command_line(exec->command);
  if (const AskEndpoint* endpoint = std::get_if<AskEndpoint>(&ask)) {
    return std::string(permit::way_name(endpoint->way)) + " " +
           printable(permit::endpoint_text(endpoint->facts));
  }
  const AskPlace& place = std::get<AskPlace>(ask);
  return std::string(permit::access_name(place.access)) + " " + printable(place.path);
}

Result<Forecast> forecast(const Ask& ask, const AskScope& scope, Installation& here) {
  Forecaster forecaster(ask, here, scope.domain);
  Forecast told;
  told.denial = scope.unreadable;
  if (told.denial) return told;
  told.denial = TRY(forecaster.find());
  told.not_found = forecaster.not_found();
  if (told.denial) return told;
  if (!scope.permit_file.empty()) {
    told = TRY(forecaster.under(scope.permit_file));
    if (told.denial && told.permit.empty()) {
      told.denial->asked = "use the permit " + printable(scope.permit_name);
    }
    return told;
  }
  std::optional<Forecast> nearest;
  const UnixSeconds now = seconds_of(here.clock.now());
  std::size_t in_time = 0;
  for (const StoredPermit& stored : stored_permits(here.home, scope.domain)) {
    if (!has_seconds_left(stored.stated, now)) continue;
    ++in_time;
    Forecast one = TRY(forecaster.under(stored.file));
    if (!one.denial) return one;
    if (!nearest || nearness(*one.denial) > nearness(*nearest->denial)) nearest = std::move(one);
  }
  if (!nearest) {
    told.denial = deny(Reason::NoPermit, asked_text(ask),
                       "no stored permit is for the domain " + printable(scope.domain) + " now",
                       "write a request JOB.toml, then:  writ permit issue JOB.toml");
    return told;
  }
  if (in_time > 1) {
    nearest->denial->because +=
        "; none of the " + std::to_string(in_time) + " stored permits allows it";
  }
  return std::move(*nearest);
}

Result<Forecast> forecast_run(const RunRequest& request, Installation& here, Site& site) {
  if (request.command.empty()) return Error(Code::InvalidArgument, "there is no command");
  Vetting vetting(here, Purpose::Forecast, request.domain, "run " + command_line(request.command));
  Forecast told;
  told.denial = TRY(vetting.run(request, site));
  told.not_found = vetting.found.no_program;
  if (vetting.found.stated) told.permit = short_hex(vetting.found.stated->id);
  return told;
}

}  // namespace writ::governor
