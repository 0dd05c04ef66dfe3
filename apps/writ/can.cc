// can: would this be allowed? Outside a run under a permit of this machine; inside, under the
// run's own (governor/inquiry.h).
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <memory>

#include "governor/forecast.h"
#include "governor/inquiry.h"
#include "governor/resolve.h"
#include "permit/endpoint.h"
#include "writ/print.h"
#include "writ/request_of.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

// Stands for whatever public address a name may lead to, where it leads to none here.
constexpr std::string_view kSomePublicAddress = "1.1.1.1";

struct Asked {
  std::vector<governor::Ask> asks;  // a name's every address: the answer is yes when all are
  std::string note;
};

Error unclear(const std::string& text, const char* form) {
  return Error(Code::InvalidArgument, "`" + printable(text) + "` is not " + form);
}

// addresses_of looks a name up; none when it leads nowhere here.
std::vector<IpAddress> addresses_of(const std::string& name) {
  addrinfo wanted = {};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<IpAddress> addresses;
  if (::getaddrinfo(name.c_str(), nullptr, &wanted, &found) != 0) return addresses;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0) {
      continue;
    }
    const std::string number =
        std::string(text.data()).substr(0, std::string(text.data()).find('%'));
    if (const std::optional<IpAddress> address = parse_ip_address(number))
      addresses.push_back(*address);
  }
  return addresses;
}

Result<Asked> endpoint(permit::Way way, std::string text) {
  const char* const form =
      way == permit::Way::Listen
          ? "ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080"
          : "HOST:PORT, as in example.org:443, udp:192.0.2.1:123 or unix:/PATH";
  const std::string whole = text;
  Asked asked;
  permit::EndpointFacts facts;
  if (text.starts_with("unix:")) {
    facts.protocol = permit::Protocol::Unix;
    facts.host = text.substr(5);
    if (way == permit::Way::Listen || !permit::is_normal(facts.host)) return unclear(whole, form);
    asked.asks.push_back(governor::AskEndpoint{way, facts});
    return asked;
  }
  if (text.starts_with("udp:")) facts.protocol = permit::Protocol::Udp;
  if (text.starts_with("udp:") || text.starts_with("tcp:")) text.erase(0, 4);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return unclear(whole, form);
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data() + colon + 1, end, facts.port);
  if (number.ec != std::errc() || number.ptr != end || facts.port == 0) return unclear(whole, form);
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return unclear(whole, form);
  }
  std::vector<IpAddress> addresses;
  if (const std::optional<IpAddress> address = parse_ip_address(host)) {
    addresses.push_back(*address);
  } else {
    for (char& one : host) one = one >= 'A' && one <= 'Z' ? static_cast<char>(one + 32) : one;
    if (way == permit::Way::Listen || host.front() == '*' || !permit::is_host_name(host)) {
      return unclear(whole, form);
    }
    facts.host = host;
    addresses = addresses_of(host);
    if (addresses.empty()) {
      addresses.push_back(*parse_ip_address(kSomePublicAddress));
      asked.note = host + " leads to no address here: asked as if it led to a public one";
    }
  }
  for (const IpAddress& address : addresses) {
    facts.address = address;
    asked.asks.push_back(governor::AskEndpoint{way, facts});
  }
  return asked;
}

Result<Asked> asked_of(const Options& options, const governor::RunRequest& context) {
  const std::vector<std::string>& words = *options.command;
  const std::string& kind = options.target;
  Asked asked;
  if (kind == "exec") {
    asked.asks.push_back(governor::AskExec{words, context.environment, context.directory});
    return asked;
  }
  const std::string& word = words.at(0);
  if (kind == "connect") return endpoint(permit::Way::Connect, word);
  if (kind == "listen") return endpoint(permit::Way::Listen, word);
  const permit::Access access = kind == "write" ? permit::Access::ToWrite : permit::Access::ToRead;
  const std::optional<std::string> path = permit::join_path(context.directory, word);
  if (!path) return unclear(word, "a path");
  asked.asks.push_back(governor::AskPlace{access, *path});
  return asked;
}

int told(const Options& options, const std::string& question, const governor::Forecast& forecast,
         const std::string& note) {
  if (options.json) {
    json::Value value = new_answer();
    value.set("can", !forecast.denial.has_value()).set("asked", question);
    if (!forecast.permit.empty()) value.set("permit", forecast.permit);
    if (forecast.denial) value.set("denied", as_json(*forecast.denial));
    if (!note.empty()) value.set("note", note);
    put_answer(value);
    return forecast.denial ? kNo : kYes;
  }
  if (options.quiet) return forecast.denial ? kNo : kYes;
  if (forecast.denial) {
    answer(lines_of(*forecast.denial, {}, "no").substr(std::string("writ: ").size()));
  } else {
    answer("yes: " + question);
  }
  if (!forecast.permit.empty()) answer(fmt::format("  {:<9}  {}…", "permit", forecast.permit));
  if (!note.empty()) answer(fmt::format("  {:<9}  {}", "note", printable(note, 400)));
  return forecast.denial ? kNo : kYes;
}

// What the gate would see of a program, as far as the run can see it itself.
Result<std::variant<permit::ExecFacts, Denial>> facts_here(const governor::AskExec& ask) {
  permit::ExecFacts facts;
  facts.argv = ask.command;
  facts.environment = ask.environment;
  facts.directory = ask.directory;
  const std::string& name = ask.command.at(0);
  const Result<std::string> program = governor::find_program(name, ask.directory, ask.environment);
  if (!program) {
    if (name.find('/') == std::string::npos) {
      Denial no;
      no.asked = governor::asked_text(ask);
      no.because = "there is no program `" + printable(name) +
                   "` in this run: what is not granted does not exist here";
      no.allow = "ask about its whole path: that shows the rule to grant";
      return std::variant<permit::ExecFacts, Denial>(std::move(no));
    }
    const std::optional<std::string> path = permit::join_path(ask.directory, name);
    if (!path) return unclear(name, "a path");
    facts.program = *path;
    return std::variant<permit::ExecFacts, Denial>(std::move(facts));
  }
  const permit::Place place = TRY(governor::follow_path(*program));
  Result<permit::ExecFacts> looked = governor::facts_for(
      place.path, *program, ask.command, ask.environment, ask.directory, governor::digest_file);
  if (looked) return std::variant<permit::ExecFacts, Denial>(std::move(*looked));
  facts.program = place.path;
  return std::variant<permit::ExecFacts, Denial>(std::move(facts));
}

}  // namespace

Result<int> can_inside(const Options& options) {
  if (options.target == "run") {
    return Error(Code::InvalidArgument, "a run starts no other run yet: ask about `exec`");
  }
  if (!options.permit.empty()) {
    return Error(Code::InvalidArgument, "inside a run its own permit is meant: no --permit");
  }
  const governor::RunRequest here = TRY(request_here(options));
  const Asked asked = TRY(asked_of(options, here));
  governor::Forecast forecast;
  std::string question;
  for (const governor::Ask& ask : asked.asks) {
    question = governor::asked_text(ask);
    governor::GateQuestion gate;
    if (const auto* exec = std::get_if<governor::AskExec>(&ask)) {
      auto facts = TRY(facts_here(*exec));
      if (Denial* no = std::get_if<Denial>(&facts)) {
        forecast.denial = std::move(*no);
        break;
      }
      gate = std::move(std::get<permit::ExecFacts>(facts));
    } else if (const auto* endpoint = std::get_if<governor::AskEndpoint>(&ask)) {
      gate = *endpoint;
    } else {
      gate = std::get<governor::AskPlace>(ask);
    }
    governor::InquiryAnswer told = TRY(governor::inquire(std::move(gate)));
    forecast.permit = short_hex(told.permit);
    forecast.denial = std::move(told.denial);
    if (forecast.denial) break;
  }
  return told(options, question, forecast, asked.note);
}

Result<int> can(const Options& options, Machine& machine) {
  const governor::RunRequest request = TRY(request_of(options, machine));
  std::optional<Asked> asked;
  if (options.target != "run") asked = TRY(asked_of(options, request));
  governor::MaybeInstallation opened = TRY(governor::open_installation(
      machine.home, machine.account, machine.storage, machine.clock, machine.random));
  governor::Forecast answer;
  if (Denial* no = std::get_if<Denial>(&opened)) {
    answer.denial = std::move(*no);
    return told(options, options.target, answer, "");
  }
  governor::Installation& here = *std::get<std::unique_ptr<governor::Installation>>(opened);
  if (!asked) {
    governor::ProbedSite site;
    answer = TRY(governor::forecast_run(request, here, site));
    return told(options, "run " + governor::command_line(request.command), answer, "");
  }
  const governor::AskScope scope{request.domain, request.unreadable, request.permit_file,
                                 request.permit_name};
  std::string question;
  for (const governor::Ask& ask : asked->asks) {
    question = governor::asked_text(ask);
    answer = TRY(governor::forecast(ask, scope, here));
    if (answer.denial) break;
  }
  return told(options, question, answer, asked->note);
}

}  // namespace writ::cli
