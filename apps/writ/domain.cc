// Verbs about domains: list, show, check.
#include <fmt/format.h>

#include "base/config_text.h"
#include "enforce/probe.h"
#include "governor/standing.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

std::string name_of(const Options& options) {
  return options.target.empty() ? "default" : options.target;
}

}  // namespace

Result<int> domain_list(const Options& options, Machine& machine) {
  const std::vector<std::string> names = TRY(governor::list_domains(machine.home));
  json::Value list = json::Value::array();
  for (const std::string& name : names) {
    if (options.json) {
      list.push(name);
    } else {
      answer(name);
    }
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("domains", std::move(list));
    put_answer(value);
  }
  return kYes;
}

Result<int> domain_show(const Options& options, Machine& machine) {
  governor::MaybeStanding maybe = TRY(governor::load_standing(machine.home, name_of(options)));
  if (const Denial* no = std::get_if<Denial>(&maybe)) return refused(*no, options.json);
  const governor::Standing& standing = std::get<governor::Standing>(maybe);
  const domain::Domain& domain = standing.domain;
  const enforce::Capabilities kernel = enforce::probe();
  std::string authorities;
  for (const permit::Authority& authority : standing.authorities) {
    authorities += (authorities.empty() ? "" : ", ") + authority.name +
                   (authority.ceiling.anything ? " (anything)" : " (ceiling)");
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("domain", domain.name).set("definition", to_hex(domain::domain_digest(domain)));
    value.set("policy", to_hex(standing.bundle)).set("generation", standing.generation);
    value.set("tier", domain::tier_name(domain.least_tier));
    value.set("record", domain::recording_name(domain.record));
    value.set("continuity_ms", domain.continuity_ms).set("ready", kernel.sandbox_ready());
    put_answer(value);
    return kYes;
  }
  const auto row = [](const char* what, const std::string& how) {
    answer(fmt::format("  {:<34}  {}", what, how));
  };
  answer(fmt::format("domain {}   definition {}…", domain.name,
                     short_hex(domain::domain_digest(domain))));
  row("execution permissions validated",
      "permits by " + authorities + ", verified at each admission");
  row("policy requirements enforced",
      fmt::format("Cedar bundle {} generation {} ({}…), any error denies", domain.policy,
                  standing.generation, short_hex(standing.bundle)));
  row("authorization artifacts verified", "COSE signature, time, audience, possession, revocation");
  row("cryptographic trust established", "authority keys and ceilings; log key; runner key");
  row("execution lineage attached", "every event: run and number, cause, permit and decision");
  row("runtime actions constrained",
      kernel.sandbox_ready()
          ? fmt::format("tier sandbox: namespaces, Landlock {}, seccomp gate, exec stop",
                        kernel.landlock_abi)
          : std::string("not here: writ doctor shows what is missing; every run is denied"));
  row("governance persistence maintained",
      fmt::format("verified anew every {}; expiry, revocation and a lost governor end the run",
                  print_duration(domain.continuity_ms)));
  row("records", std::string(domain::recording_name(domain.record)));
  return kYes;
}

Result<int> domain_check(const Options& options, Machine& machine) {
  governor::MaybeStanding maybe = TRY(governor::load_standing(machine.home, name_of(options)));
  if (const Denial* no = std::get_if<Denial>(&maybe)) return refused(*no, options.json);
  const governor::Standing& standing = std::get<governor::Standing>(maybe);
  if (options.json) {
    json::Value value = new_answer();
    value.set("domain", standing.domain.name).set("ok", true);
    put_answer(value);
  } else if (!options.quiet) {
    answer(fmt::format(
        "{}: definition, {} authorit{}, policy generation {} with {} policies: all in order",
        standing.domain.name, standing.authorities.size(),
        standing.authorities.size() == 1 ? "y" : "ies", standing.generation,
        standing.policy->set().policies().size()));
  }
  return kYes;
}

}  // namespace writ::cli
