#include "enforce/gate_harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "crypto/sha.h"

namespace writ::enforce::test {
namespace {

constexpr std::uint32_t kRunUid = 62002;  // of the run, when the tests run as root

FileIdentity identity_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return {info.st_dev, info.st_ino};
}

void copy_program(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::copy_file(from, to, error);
  ASSERT_FALSE(error) << from << ": " << error.message();
  ::chmod(to.c_str(), 0755);
}

bool evil(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (text.find("EVIL") != std::string::npos) return true;
  }
  return false;
}

Digest32 digest_of(const std::string& path) {
  const Result<ByteVec> bytes = read_file(path, std::size_t{64} << 20);
  return bytes ? crypto::sha256(*bytes) : Digest32();
}

}  // namespace

const Capabilities& kernel() {
  static const Capabilities found = probe();
  return found;
}

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

Scratch::Scratch() {
  std::string name = "/var/tmp/writ-gate-XXXXXX";
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  path_ = name;
  ::chmod(path_.c_str(), 0755);
  for (const char* program : {"gate_play", "gate_target", "gate_other1"}) {
    const bool other = std::string(program) == "gate_other1";  // a name of the same length
    copy_program(std::string(WRIT_TEST_PROGRAMS) + "/" + (other ? "gate_forbidden" : program),
                 path_ + "/" + program);
  }
  const std::string work = path_ + "/work";
  ::mkdir(work.c_str(), 0755);
  // The one file that an exec of it fails with ENOEXEC.
  const Result<UniqueFd> text =
      open_at(FdRef::cwd(), work + "/not-a-program", O_WRONLY | O_CREAT, 0, 0755);
  if (text) (void)!::write(text->number(), "text\n", 5);
  ::chmod((work + "/not-a-program").c_str(), 0755);
  if (::geteuid() == 0) {
    EXPECT_EQ(::chown(work.c_str(), kRunUid, kRunUid), 0);
    EXPECT_EQ(::chown((work + "/not-a-program").c_str(), kRunUid, kRunUid), 0);
  }
}

Scratch::~Scratch() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

Grants::Grants(const std::string& root) {
  grant(root + "/gate_play");
  grant(root + "/gate_target");
  grant(root + "/work/not-a-program");
}

void Grants::grant(const std::string& path) {
  digests_.insert(digest_of(path));
}

Result<Courtesy> Grants::before(const ExecAttempt& attempt) {
  if (keep_) {
    const std::lock_guard lock(mutex_);
    attempts_.push_back(attempt);
  }
  if (attempt.resolved.empty()) return Courtesy{false, attempt.failed, false};
  if (evil(attempt.argv) || evil(attempt.environment)) return Courtesy{false, EACCES, true};
  // The same name and file outside: what a run sees of these directories is the host's.
  if (!digests_.contains(digest_of(attempt.resolved))) return Courtesy{false, EACCES, true};
  return Courtesy{true, 0, false};
}

std::optional<Reason> Grants::judge(const ExecImage& image) const {
  if (evil(image.argv)) return Reason::ArgsMismatch;
  if (evil(image.environment)) return Reason::EnvNotGranted;
  if (!digests_.contains(image.digest)) return Reason::DigestMismatch;
  for (const Script& script : image.scripts) {
    if (!digests_.contains(script.digest)) return Reason::ScriptMismatch;
  }
  return std::nullopt;
}

Result<StopVerdict> Grants::at_stop(const ExecImage& image) {
  if (keep_) {
    const std::lock_guard lock(mutex_);
    images_.push_back(image);
  }
  const std::optional<Reason> fault = judge(image);
  if (fault) return StopVerdict{false, *fault};
  ++released_;
  return StopVerdict{true, Reason::NotGranted};
}

std::optional<Courtesy> GrantsAtOnce::before_at_once(const ExecAttempt& attempt) {
  const Result<Courtesy> courtesy = before(attempt);
  if (!courtesy || !courtesy->go) return std::nullopt;
  ++checked_;
  return *courtesy;
}

std::optional<StopVerdict> GrantsAtOnce::at_stop_at_once(const ExecImage& image) {
  if (judge(image)) return std::nullopt;
  const Result<StopVerdict> verdict = at_stop(image);
  ++released_at_once_;
  return *verdict;
}

std::vector<ExecAttempt> Grants::attempts() {
  const std::lock_guard lock(mutex_);
  return attempts_;
}

std::vector<ExecImage> Grants::images() {
  const std::lock_guard lock(mutex_);
  return images_;
}

GovernedRun::GovernedRun(Scratch& scratch, Verdicts& verdicts, std::vector<std::string> play,
                         const Limits& limits, const Clock* clock)
    : verdicts_(verdicts), clock_(clock != nullptr ? *clock : system_clock_) {
  const std::string& root = scratch.path();
  const std::string work = root + "/work";
  plan.identity.uid = ::geteuid() == 0 ? kRunUid : ::geteuid();
  plan.identity.gid = ::geteuid() == 0 ? kRunUid : ::getegid();
  plan.limits = limits;
  for (const char* program : {"/gate_play", "/gate_target", "/gate_other1"}) {
    plan.mounts.push_back(
        Mount{root + program, MountKind::Program, false, identity_of(root + program)});
  }
  plan.mounts.push_back(Mount{work, MountKind::Write, true, identity_of(work)});
  plan.mounts.push_back(Mount{work, MountKind::Produced, true, identity_of(work)});
  plan.program = root + "/gate_play";
  plan.argv = {"gate_play"};
  plan.directory = work;
  for (std::string& one : play) {
    const std::pair<const char*, std::string> names[] = {
        {"%T", root + "/gate_target"}, {"%F", root + "/gate_other1"}, {"%W", work}};
    for (const auto& [mark, path] : names) {
      const std::size_t at = one.find(mark);
      if (at != std::string::npos) one.replace(at, 2, path);
    }
    plan.argv.push_back(one);
  }
}

void GovernedRun::start() {
  Result<FdPair> in = pipe_pair();
  Result<FdPair> out = pipe_pair();
  ASSERT_TRUE(in && out);
  Result<UniqueFd> error = dup_fd(out->second.borrow());
  ASSERT_TRUE(error);
  streams_ = RunStreams{std::move(in->first), std::move(out->second), std::move(error).value()};
  input_ = std::move(in->second);
  output_ = std::move(out->first);
  supervisor_ = std::make_unique<Supervisor>(plan, verdicts_, clock_);
  reader_ = std::thread([this] { read_output(); });
  loop_ = std::thread([this] {
    Result<Outcome> result = supervisor_->run(std::move(streams_), kernel());
    const std::lock_guard lock(mutex_);
    result_.emplace(std::move(result));
    ended_ = true;
    changed_.notify_all();
  });
}

void GovernedRun::read_output() {
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(output_.number(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    const std::lock_guard lock(mutex_);
    text_.append(buffer, static_cast<std::size_t>(size));
    changed_.notify_all();
  }
}

bool GovernedRun::wait_for_output(const std::string& text) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(60),
                    [&] { return ended_ || text_.find(text) != std::string::npos; });
  return text_.find(text) != std::string::npos;
}

void GovernedRun::write_input(const std::string& text) {
  (void)!::write(input_.number(), text.data(), text.size());
}

Result<Finished> GovernedRun::finish() {
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(300), [this] { return ended_; })) {
      ADD_FAILURE() << "the run did not end; its output so far:\n" << text_;
      ::abort();  // its threads cannot be waited for
    }
  }
  loop_.join();
  reader_.join();
  Result<Outcome> result = std::move(*result_);
  if (!result) return std::move(result).error();
  const GateCounts& c = result->counts;
  EXPECT_EQ(c.asked, c.refused + c.failed + c.vanished + c.violated + c.released);
  EXPECT_EQ(c.exec_stops, c.violated + c.released);
  return Finished{std::move(result).value(), text_};
}

GovernedRun::~GovernedRun() {
  if (loop_.joinable()) {
    supervisor_->end(EndReason::Interrupted, "the test is over");
    loop_.join();
  }
  if (reader_.joinable()) reader_.join();
}

Finished run(Scratch& scratch, Verdicts& verdicts, std::vector<std::string> play,
             const Limits& limits) {
  GovernedRun one(scratch, verdicts, std::move(play), limits);
  one.start();
  Result<Finished> finished = one.finish();
  EXPECT_TRUE(finished) << finished.error().message();
  return finished ? std::move(finished).value() : Finished{};
}

bool forbidden_ran(const Scratch& scratch) {
  return ::access((scratch.path() + "/work/ran-forbidden").c_str(), F_OK) == 0;
}

void forget_mark(const Scratch& scratch) {
  (void)::unlink((scratch.path() + "/work/ran-forbidden").c_str());
}

}  // namespace writ::enforce::test
