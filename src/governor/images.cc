#include "governor/images.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"
#include "enforce/inspect.h"
#include "governor/resolve.h"

namespace writ::governor {

void RunningImages::started(const enforce::ExecImage& image, const permit::ExecRule& rule) {
  const bool produced = rule.kind == permit::ExecKind::Produced;
  const std::scoped_lock lock(mutex_);
  if (programs_.size() >= kMaxImages || scripts_.size() >= kMaxImages) {
    overflow_ = true;
    return;
  }
  const auto [entry, first] = programs_.try_emplace(image.identity);
  Program& program = entry->second;
  // The same file with the same bytes needs no new look at them.
  if (first || program.file.digest != image.digest || program.file.path != image.program) {
    program = {{image.program, image.digest, std::nullopt}, true, true};
  }
  // Of a produced script the script is what the run made, not its interpreter.
  program.produced = program.produced && produced && image.scripts.empty();
  program.fresh = true;
  scripts_.erase(image.caller.process);
  if (produced) return;
  std::vector<File> scripts;
  for (const enforce::Script& script : image.scripts) {
    scripts.push_back({script.path, script.digest, std::nullopt});
  }
  // Of "sh job.sh" the kernel knows no script; the rule does.
  if (scripts.empty() && rule.script && rule.script->file.digest) {
    scripts.push_back({rule.script->file.path, *rule.script->file.digest, std::nullopt});
  }
  if (!scripts.empty()) scripts_[image.caller.process] = std::move(scripts);
}

std::optional<std::string> RunningImages::stranger(const Running& running) const {
  const std::scoped_lock lock(mutex_);
  if (overflow_) return std::nullopt;
  for (const enforce::Footing::Running& one : running) {
    if (one.held || programs_.contains(one.file)) continue;
    return "a program runs that was never let through (device " + std::to_string(one.file.device) +
           ", inode " + std::to_string(one.file.inode) + ")";
  }
  return std::nullopt;
}

std::optional<std::string> RunningImages::problem_of(File& file, const enforce::GiveUp& give_up) {
  const std::string name = printable(file.path, 200);
  struct stat now {};
  if (::lstat(file.path.c_str(), &now) != 0) {
    return name + " runs and is not on disk any more: " + errno_error(errno, name).message();
  }
  const Look look = {static_cast<std::int64_t>(now.st_dev),
                     static_cast<std::int64_t>(now.st_ino),
                     now.st_size,
                     now.st_mtim.tv_sec,
                     now.st_mtim.tv_nsec,
                     now.st_ctim.tv_sec,
                     now.st_ctim.tv_nsec};
  if (file.looked == look) return std::nullopt;
  const Result<Digest32> digest = digest_file_unless(file.path, give_up);
  if (!digest) {
    if (give_up()) return std::nullopt;
    return name + " runs and cannot be read: " + digest.error().message();
  }
  if (*digest != file.digest) return name + " runs and has other bytes on disk than were checked";
  file.looked = look;
  return std::nullopt;
}

std::optional<std::string> RunningImages::changed(const Running& running,
                                                  const enforce::GiveUp& give_up) {
  std::map<enforce::FileIdentity, File> programs;
  std::map<Pid, std::vector<File>> scripts;
  {
    const std::scoped_lock lock(mutex_);
    const bool many = programs_.size() > kMany;
    for (auto one = programs_.begin(); one != programs_.end();) {
      const enforce::FileIdentity& identity = one->first;
      Program& program = one->second;
      const bool runs = std::any_of(running.begin(), running.end(),
                                    [&](const auto& seen) { return seen.file == identity; });
      if (runs && !program.produced) programs.emplace(identity, program.file);
      const bool forget = many && !runs && !program.fresh;
      program.fresh = false;
      one = forget ? programs_.erase(one) : std::next(one);
    }
    scripts = scripts_;
  }
  // Files are read without the lock: the gate does not wait for this.
  std::optional<std::string> found;
  for (auto& [identity, file] : programs) {
    if (!found) found = problem_of(file, give_up);
  }
  for (auto& [process, files] : scripts) {
    const Result<enforce::ProcessInfo> now = enforce::process_of(process.number);
    if (!now || now->process != process) files.clear();
    for (File& file : files) {
      if (!found) found = problem_of(file, give_up);
    }
  }
  const std::scoped_lock lock(mutex_);
  for (auto& [identity, file] : programs) {
    const auto known = programs_.find(identity);
    if (known == programs_.end()) continue;
    File& noted = known->second.file;
    if (noted.digest == file.digest && noted.path == file.path) noted.looked = file.looked;
  }
  for (auto& [process, files] : scripts) {
    const auto known = scripts_.find(process);
    if (known == scripts_.end()) continue;
    if (files.empty()) {
      scripts_.erase(known);  // the process is gone
    } else if (known->second.size() == files.size()) {
      known->second = std::move(files);
    }
  }
  return found;
}

}  // namespace writ::governor
