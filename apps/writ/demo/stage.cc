#include "demo/stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "demo_assets.h"

namespace writ::demo {
namespace {

constexpr std::size_t kMaxOutput = 1 << 20;
using Time = std::chrono::steady_clock;

int left_ms(Time::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Time::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

// drain reads what is there into `text`; false at the end of the stream.
bool drain(const UniqueFd& fd, std::string& text) {
  char buffer[16384];
  const ssize_t got = ::read(fd.number(), buffer, sizeof buffer);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  if (text.size() < kMaxOutput) text.append(buffer, static_cast<std::size_t>(got));
  return true;
}

}  // namespace

Result<Stage> Stage::open(std::string writ_program, bool keep) {
  const char* base = std::getenv("TMPDIR");
  std::string name =
      std::string(base != nullptr && *base == '/' ? base : "/tmp") + "/writ-demo.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) return errno_error(errno, "make a directory for the demo");
  Stage stage;
  stage.root_ = std::filesystem::canonical(name).string();
  stage.program_ = std::move(writ_program);
  stage.keep_ = keep;
  const std::pair<const char*, std::string_view> files[] = {
      {"project/Makefile", assets::makefile()},
      {"project/src/stats.h", assets::stats_h()},
      {"project/src/stats.c", assets::stats_c()},
      {"project/tests/test_stats.c", assets::test_stats_c()},
      {"project/tools/agent.sh", assets::agent_sh()},
      {"project/tools/report.py", assets::report_py()},
      {"project/data/prices.csv", assets::prices_csv()},
      {"project/job.toml", assets::job_toml()},
      {"project/report.toml", assets::report_toml()},
      {"hostile/poison.c", assets::poison_c()},
      {"hostile/mark.c", assets::mark_c()},
      {"hostile/evil.c", assets::evil_c()},
  };
  std::error_code failed;
  for (const auto& [path, text] : files) {
    const std::string full = stage.root_ + "/" + path;
    std::filesystem::create_directories(std::filesystem::path(full).parent_path(), failed);
    TRY(stage.write(full, std::string(text)));
  }
  std::filesystem::create_directories(stage.project() + "/build", failed);
  if (failed) return Error(Code::Unavailable, "unpack the demo: " + failed.message());
  return stage;
}

Stage::Stage(Stage&& other) noexcept
    : root_(std::exchange(other.root_, {})),
      program_(std::move(other.program_)),
      keep_(other.keep_) {}

Stage::~Stage() {
  std::error_code ignored;
  if (!root_.empty() && !keep_) std::filesystem::remove_all(root_, ignored);
}

Result<Going> Stage::start(const std::vector<std::string>& argv) {
  FdPair out = TRY(pipe_pair());
  FdPair error = TRY(pipe_pair());
  std::vector<std::string> words = argv;
  const std::string program = words[0] == "writ" ? program_ : words[0];
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> settings = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                                       "HOME=" + root_, "WRIT_HOME=" + home()};
  std::vector<char*> environment;
  for (std::string& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.second.number(), 1);
  posix_spawn_file_actions_adddup2(&actions, error.second.number(), 2);
  posix_spawn_file_actions_addchdir_np(&actions, project().c_str());
  pid_t pid = -1;
  const int failed =
      posix_spawnp(&pid, program.c_str(), &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return errno_error(failed, "start `" + program + "`");
  return Going{pid, std::move(out.first), std::move(error.first)};
}

Result<Ran> Stage::wait(Going going, int seconds) {
  Ran ran;
  bool out_open = true;
  bool error_open = true;
  const auto deadline = Time::now() + std::chrono::seconds(seconds);
  while (out_open || error_open) {
    pollfd fds[] = {{out_open ? going.out.number() : -1, POLLIN, 0},
                    {error_open ? going.error.number() : -1, POLLIN, 0}};
    const int left = left_ms(deadline);
    if (left == 0 || poll(fds, 2, left) < 0) {
      if (left != 0 && errno == EINTR) continue;
      kill(going.pid, SIGKILL);
      waitpid(going.pid, nullptr, 0);
      return Error(Code::Exhausted, "the command did not end in time");
    }
    if (fds[0].revents != 0) out_open = drain(going.out, ran.out);
    if (fds[1].revents != 0) error_open = drain(going.error, ran.error);
  }
  int status = 0;
  while (waitpid(going.pid, &status, 0) < 0) {
    if (errno != EINTR) return errno_error(errno, "wait for a command");
  }
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

Result<bool> Stage::wait_for(Going& going, const std::string& text, int seconds) {
  std::string seen;
  const auto deadline = Time::now() + std::chrono::seconds(seconds);
  while (seen.find(text) == std::string::npos) {
    pollfd fd{going.out.number(), POLLIN, 0};
    const int left = left_ms(deadline);
    if (left == 0) return false;
    if (poll(&fd, 1, left) > 0 && !drain(going.out, seen)) return false;
  }
  return true;
}

Result<Ran> Stage::run(const std::vector<std::string>& argv, int seconds) {
  return wait(TRY(start(argv)), seconds);
}

Result<std::string> Stage::read(const std::string& path) const {
  const ByteVec bytes = TRY(read_file(path, std::size_t{64} << 20));
  return std::string(as_text(bytes));
}

Result<void> Stage::write(const std::string& path, const std::string& text) const {
  UniqueFd file = TRY(open_at(FdRef::cwd(), path, O_WRONLY | O_CREAT | O_TRUNC, 0, 0644));
  TRY(write_all(file.borrow(), as_bytes(text)));
  return file.close();
}

std::size_t Stage::processes_with(const std::string& marker) const {
  std::size_t count = 0;
  DIR* dir = opendir("/proc");
  if (dir == nullptr) return 0;
  for (const dirent* entry = readdir(dir); entry != nullptr; entry = readdir(dir)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    Result<UniqueFd> file =
        open_at(FdRef::cwd(), std::string("/proc/") + entry->d_name + "/cmdline", O_RDONLY);
    if (!file) continue;
    Result<ByteVec> line = read_all(file->borrow(), 1 << 16);
    if (!line) continue;
    const std::string_view text = as_text(*line);
    if (text.find(marker) != text.npos && text.rfind(program_, 0) != 0) ++count;
  }
  closedir(dir);
  return count;
}

}  // namespace writ::demo
