// What a Cedar decision costs. The set: role and folder scopes with a short condition, every tenth
// policy a forbid; users in two roles, documents in a tree of folders. `bench/cedar` runs this,
// beside another engine, and puts the figures together.
//
//   cedar_bench time POLICIES ENTITIES       one line of JSON, figures in nanoseconds and bytes
//   cedar_bench dump POLICIES ENTITIES DIR   the same set as files, and this engine's decisions
//
// One thread; entities loaded. Decisions are timed one by one: the clock's own cost (`clock`) is in
// every figure.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include "policy/authorizer.h"
#include "policy/validator.h"
#include "policy/value_json.h"

namespace {

std::size_t live_bytes = 0;
std::size_t allocations = 0;

}  // namespace

// Not inlined: the compiler would see malloc meet operator delete and call it a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* out = std::malloc(size);
  if (out == nullptr) std::abort();
  live_bytes += malloc_usable_size(out);
  ++allocations;
  return out;
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return operator new(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace writ::policy {
namespace {

using Clock = std::chrono::steady_clock;

double nanos(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::nano>(to - from).count();
}

constexpr std::size_t kRoles = 12;
constexpr std::size_t kFolders = 30;
constexpr const char* kActions[] = {"read", "write", "share", "delete"};

std::string number(std::size_t n) {
  return std::to_string(n);
}

constexpr const char* kSchema = R"(
entity Role;
entity Folder in [Folder];
entity User in [Role] { level: Long, team: String };
entity Doc in [Folder] { level: Long, owner: User, archived: Bool };
action read, write, share, delete appliesTo {
  principal: [User], resource: [Doc], context: { mfa: Bool, hour: Long }
};
)";

std::string policies_text(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string role = number((i * 7 + i / kRoles) % kRoles);
    const std::string folder = number((i * 11 + i / kFolders) % kFolders);
    const char* action = kActions[i % 4];
    if (i % 10 == 9) {
      out += "forbid (principal in Role::\"r" + role + "\", action == Action::\"" + action +
             "\", resource in Folder::\"f" + folder +
             "\") when { resource.archived && !(principal == resource.owner) };\n";
    } else {
      out += "permit (principal in Role::\"r" + role + "\", action == Action::\"" + action +
             "\", resource in Folder::\"f" + folder +
             "\") when { principal.level >= " + number(i % 5) +
             " && (context.mfa || resource.level < " + number(i % 3 + 1) + ") };\n";
    }
  }
  return out;
}

std::string uid_json(const std::string& type, const std::string& id) {
  return R"({"type":")" + type + R"(","id":")" + id + R"("})";
}

// How many there are of what, for so many entities: roles and folders first, then two users for
// every three documents.
struct Counts {
  std::size_t users;
  std::size_t docs;
  explicit Counts(std::size_t entities) {
    const std::size_t rest = entities - std::min(entities, kRoles + kFolders);
    users = std::max<std::size_t>(4, rest * 2 / 5);
    docs = std::max<std::size_t>(4, rest - std::min(rest, users));
  }
};

std::string entities_text(const Counts& counts) {
  std::string out = "[";
  std::size_t made = 0;
  const auto add = [&](const std::string& type, const std::string& id, const std::string& attrs,
                       const std::string& parents) {
    if (made++ > 0) out += ",\n";
    out += R"({"uid":)" + uid_json(type, id) + R"(,"attrs":{)" + attrs + R"(},"parents":[)" +
           parents + "]}";
  };
  for (std::size_t i = 0; i < kRoles; ++i) add("Role", "r" + number(i), "", "");
  for (std::size_t i = 0; i < kFolders; ++i) {
    add("Folder", "f" + number(i), "", i < 3 ? "" : uid_json("Folder", "f" + number(i / 3)));
  }
  for (std::size_t i = 0; i < counts.users; ++i) {
    add("User", "u" + number(i),
        R"("level":)" + number(i % 6) + R"(,"team":"team )" + number(i % 9) + '"',
        uid_json("Role", "r" + number(i % kRoles)) + "," +
            uid_json("Role", "r" + number((i * 5 + 1) % kRoles)));
  }
  for (std::size_t i = 0; i < counts.docs; ++i) {
    add("Doc", "d" + number(i),
        R"("level":)" + number(i % 4) + R"(,"owner":{"__entity":)" +
            uid_json("User", "u" + number(i % counts.users)) + R"(},"archived":)" +
            (i % 5 == 0 ? "true" : "false"),
        uid_json("Folder", "f" + number(i % kFolders)));
  }
  return out + "]";
}

// Users and documents from all over the store.
std::vector<Request> requests(std::size_t count, const Counts& counts) {
  std::vector<Request> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({EntityUid::make("User", "u" + number(i * 7'919 % counts.users)),
                   EntityUid::make("Action", kActions[i % 4]),
                   EntityUid::make("Doc", "d" + number(i * 104'729 % counts.docs)),
                   Value::record({{"mfa", Value::boolean(i % 2 == 0)},
                                  {"hour", Value::integer(static_cast<std::int64_t>(i % 24))}})});
  }
  return out;
}

struct Quantiles {
  double p50 = 0;
  double p99 = 0;
};
Quantiles quantiles(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() * 99 / 100]};
}

template <typename Decide>
Quantiles timed(std::size_t rounds, std::size_t requests, const Decide& decide) {
  std::vector<double> values;
  values.reserve(rounds * requests);
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < requests; ++i) {
      const auto before = Clock::now();
      decide(i);
      values.push_back(nanos(before, Clock::now()));
    }
  }
  return quantiles(values);
}

// Bytes of the heap that `make` leaves in use.
template <typename Make>
double bytes_of(const Make& make) {
  const std::size_t before = live_bytes;
  const auto made = make();
  return static_cast<double>(live_bytes - before);
}

template <typename Work>
double median_time(int rounds, const Work& work) {
  std::vector<double> values;
  for (int i = 0; i < rounds; ++i) {
    const auto before = Clock::now();
    work();
    values.push_back(nanos(before, Clock::now()));
  }
  return quantiles(values).p50;
}

int time_all(std::size_t policies, std::size_t entity_count) {
  const Counts counts(entity_count);
  const auto asked = requests(8, counts);
  const auto many = requests(4'096, counts);
  const Schema schema = Schema::parse(kSchema).value();
  const std::string text = policies_text(policies);
  const std::string world = entities_text(counts);
  const Entities entities = Entities::parse_json(world).value();
  const PolicySet set = PolicySet::parse(text).value();
  const std::array<const PolicySet*, 1> sets = {&set};
  if (!validate(schema, set).value().valid()) {
    std::fprintf(stderr, "cedar_bench: the set does not validate\n");
    return 1;
  }

  Authorizer authorizer;
  volatile bool sink = false;
  const auto measure = [&](const char* name, Find find, const std::vector<Request>& questions,
                           std::size_t rounds) {
    const auto once = [&](std::size_t i) {
      sink = authorizer.decide(sets, entities, questions[i], OnError::Deny, find).decision ==
             Decision::Allow;
    };
    timed(rounds / 4 + 2, questions.size(), once);
    const std::size_t before = allocations;
    for (std::size_t i = 0; i < questions.size(); ++i) once(i);
    const auto taken = static_cast<double>(allocations - before);
    const Quantiles out = timed(rounds, questions.size(), once);
    std::printf("\"%s\": {\"p50\": %.0f, \"p99\": %.0f, \"allocations\": %.0f}, ", name, out.p50,
                out.p99, taken);
  };
  std::printf("{\"policies\": %zu, \"entities\": %zu, ", policies, entities.size());
  measure("indexed", Find::Indexed, asked, 5'000);
  measure("one_by_one", Find::OneByOne, asked,
          std::max<std::size_t>(50, 200'000 / (policies + 40)));
  measure("spread", Find::Indexed, many, 10);
  const Quantiles clock = timed(1'000, asked.size(), [](std::size_t) {});
  const int few = policies + entity_count > 5'000 ? 3 : 9;
  const double parse = median_time(few, [&] { (void)PolicySet::parse(text).value(); });
  const double index = median_time(few, [&] {
    const PolicySet copy = set;
    (void)copy.scope_index();
  });
  const double check = median_time(few, [&] { (void)validate(schema, set).value(); });
  const double load = median_time(few, [&] { (void)Entities::parse_json(world).value(); });
  const double policy_bytes = bytes_of([&] {
    PolicySet made = PolicySet::parse(text).value();
    (void)made.scope_index();
    return made;
  });
  const double entity_bytes = bytes_of([&] { return Entities::parse_json(world).value(); });
  std::printf(
      "\"clock\": %.0f, \"parse\": %.0f, \"index\": %.0f, \"validate\": %.0f, \"load\": %.0f, "
      "\"bytes_per_policy\": %.0f, \"bytes_per_entity\": %.0f}\n",
      clock.p50, parse, index, check, load, policy_bytes / static_cast<double>(policies),
      entity_bytes / static_cast<double>(entities.size()));
  return 0;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
}

int dump(std::size_t policies, std::size_t entity_count, const std::string& folder) {
  const Counts counts(entity_count);
  const std::string text = policies_text(policies);
  const std::string world = entities_text(counts);
  const PolicySet set = PolicySet::parse(text).value();
  const Entities entities = Entities::parse_json(world).value();
  std::string out = "[";
  for (const Request& request : requests(8, counts)) {
    const Response answer = authorize(set, entities, request, OnError::Skip);
    out += out.size() > 1 ? ",\n" : "";
    out += R"({"request":)" + to_json(request).value() + R"(,"decision":)" +
           (answer.decision == Decision::Allow ? R"("allow")" : R"("deny")") + R"(,"reasons":)" +
           std::to_string(answer.reasons.size()) + "}";
  }
  write_file(folder + "/policies.cedar", text);
  write_file(folder + "/entities.json", world);
  write_file(folder + "/requests.json", out + "]");
  return 0;
}

}  // namespace
}  // namespace writ::policy

int main(int argc, char** argv) {
  const std::string_view verb = argc > 3 ? argv[1] : "";
  if (!(verb == "time" && argc == 4) && !(verb == "dump" && argc == 5)) {
    std::fprintf(stderr,
                 "usage: cedar_bench time POLICIES ENTITIES | dump POLICIES ENTITIES DIR\n");
    return 2;
  }
  const auto policies = static_cast<std::size_t>(std::strtoul(argv[2], nullptr, 10));
  const auto entities = static_cast<std::size_t>(std::strtoul(argv[3], nullptr, 10));
  if (verb == "dump") return writ::policy::dump(policies, entities, argv[4]);
  return writ::policy::time_all(policies, entities);
}
