#include "permit/place_match.h"

#include <algorithm>

#include "permit/match.h"

namespace writ::permit {
namespace {

enum class Kind : std::uint8_t { Data, Code, Written };

// The deepest place so far that holds the path.
struct Deepest {
  const Place* place = nullptr;
  Kind kind = Kind::Data;
};

bool holds(const Place& place, const std::string& path) {
  return place.tree ? lies_under(path, place.path) : path == place.path;
}

// Of places of the same path a later one stands: it is mounted over the earlier.
void offer(Deepest& deepest, const Place& place, Kind kind, const std::string& path) {
  if (!holds(place, path)) return;
  if (deepest.place != nullptr && deepest.place->path.size() > place.path.size()) return;
  deepest = {&place, kind};
}

// What a run has of its own, and whether it may write there.
struct Private {
  const char* tree;
  bool writable;
};
constexpr Private kPrivate[] = {
    {"/tmp", true}, {"/dev/shm", true}, {"/proc", false}, {"/dev", false}};

}  // namespace

const char* access_name(Access access) {
  return access == Access::ToWrite ? "write" : "read";
}

PlaceMatch match_place(const Grant& grant, Access access, const std::string& path) {
  Deepest deepest;
  for (const Place& place : grant.read) offer(deepest, place, Kind::Data, path);
  for (const Place& place : grant.write) offer(deepest, place, Kind::Written, path);
  for (const Place& place : grant.load) offer(deepest, place, Kind::Code, path);
  for (const ExecRule& rule : grant.exec) {
    if (rule.kind == ExecKind::Named) offer(deepest, rule.program, Kind::Code, path);
    if (rule.script) offer(deepest, rule.script->file, Kind::Code, path);
  }
  const bool write = access == Access::ToWrite;
  if (deepest.place != nullptr && (!write || deepest.kind == Kind::Written)) {
    return PlaceAllowed{deepest.place, deepest.kind != Kind::Code, deepest.kind == Kind::Written};
  }
  Denial denial;
  denial.asked = std::string(access_name(access)) + " " + printable(path);
  if (deepest.place == nullptr) {
    for (const Private& own : kPrivate) {
      if (!lies_under(path, own.tree)) continue;
      if (!write || own.writable) return PlaceAllowed{};
      denial.because = std::string("a run's own ") + own.tree + " cannot be written";
      denial.allow = "write below /tmp, or in a tree that is granted";
      return denial;
    }
    denial.because = write ? "no write tree of the permit holds it"
                           : "nothing that the permit grants holds it: it does not exist in a run";
  } else if (deepest.kind == Kind::Code) {
    denial.because =
        printable(deepest.place->path) + " is code that the permit names; a run cannot change it";
    denial.allow = "write to another place";
    return denial;
  } else {
    denial.because = "it may be read there, and no write tree of the permit holds it";
  }
  denial.allow = std::string("[files]\n") + access_name(access) + " = [" + toml_text(path) + "]";
  return denial;
}

}  // namespace writ::permit
