#include "cases.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace writ::conformance {

namespace fs = std::filesystem;

namespace {

Result<void> unpack(const fs::path& archive, const fs::path& into) {
  std::string tar = "tar";
  std::string flags = "-xJf";
  std::string from = archive.string();
  std::string change = "-C";
  std::string to = into.string();
  std::array<char*, 6> argv = {tar.data(),    flags.data(), from.data(),
                               change.data(), to.data(),    nullptr};
  pid_t pid = 0;
  if (const int error = posix_spawnp(&pid, "tar", nullptr, nullptr, argv.data(), environ);
      error != 0) {
    return errno_error(error, "starting tar");
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno_error(errno, "waiting for tar");
  }
  if (status != 0) return Error(Code::Malformed, "tar could not unpack " + from);
  return {};
}

}  // namespace

Result<Source> Source::open(const fs::path& path) {
  Source out;
  if (fs::is_directory(path)) {
    out.root_ = path;
    return out;
  }
  if (!fs::is_regular_file(path)) return Error(Code::NotFound, "there is no " + path.string());
  std::string folder = (fs::temp_directory_path() / "cedar-conformance-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return errno_error(errno, "making " + folder);
  out.root_ = folder;
  out.remove_ = folder;
  TRY(unpack(path, folder));
  return out;
}

Source::Source(Source&& other) noexcept
    : root_(std::move(other.root_)), remove_(std::exchange(other.remove_, fs::path())) {}

Source::~Source() {
  std::error_code ignored;
  if (!remove_.empty()) fs::remove_all(remove_, ignored);
}

Result<std::string> Source::read(const fs::path& file) const {
  fs::path full = root_ / file;
  if (!fs::exists(full)) full = root_.parent_path() / file;
  std::ifstream in(full, std::ios::binary);
  if (!in) return Error(Code::NotFound, "cannot read " + (root_ / file).string());
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

Result<std::string> read_xz(const fs::path& file) {
  if (!fs::is_regular_file(file)) return Error(Code::NotFound, "there is no " + file.string());
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  std::string xz = "xz";
  std::string flags = "-dc";
  std::string from = file.string();
  std::array<char*, 4> argv = {xz.data(), flags.data(), from.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "xz", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string out;
  std::array<char, 65536> buffer{};
  ssize_t got = 0;
  while (error == 0 && ((got = ::read(ends[0], buffer.data(), buffer.size())) > 0 ||
                        (got < 0 && errno == EINTR))) {
    if (got > 0) out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  if (error != 0) return errno_error(error, "starting xz");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno_error(errno, "waiting for xz");
  }
  if (got < 0 || status != 0) return Error(Code::Malformed, "xz could not unpack " + from);
  return out;
}

bool same_json(const json::Value& a, const json::Value& b) {
  if (a.type() != b.type()) return false;
  if (const auto* items = a.as_array()) {
    return std::equal(items->begin(), items->end(), b.as_array()->begin(), b.as_array()->end(),
                      same_json);
  }
  const auto* members = a.as_object();
  if (members == nullptr) return a == b;
  return members->size() == b.as_object()->size() &&
         std::all_of(members->begin(), members->end(), [&](const json::Member& member) {
           const json::Value* other = b.find(member.name);
           return other != nullptr && same_json(member.value, *other);
         });
}

fs::path data_path(const std::string& name) {
  const char* shared = std::getenv("WRIT_SHARED");
  return fs::path(shared == nullptr ? "../shared" : shared) / "cedar-corpus" / name;
}

}  // namespace writ::conformance
