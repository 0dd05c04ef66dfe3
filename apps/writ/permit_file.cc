#include "writ/permit_file.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "permit/permit.h"

namespace writ::cli {

Result<ByteVec> find_permit(const governor::Home& home, const std::string& name) {
  struct stat facts = {};
  const bool hex = name.size() >= 6 && name.size() <= 64 &&
                   name.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!hex || ::stat(name.c_str(), &facts) == 0) return read_file(name, permit::kMaxPermitFile);
  std::vector<std::string> found;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(home.permits().c_str()), ::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    const std::string file = entry->d_name;
    if (file.starts_with(name) && file.ends_with(".permit")) found.push_back(file);
  }
  if (found.empty()) return Error(Code::NotFound, "no stored permit's id begins with " + name);
  if (found.size() > 1) {
    return Error(Code::Conflict, std::to_string(found.size()) + " stored permits' ids begin with " +
                                     name + ": give more");
  }
  return read_file(home.permits() + "/" + found[0], permit::kMaxPermitFile);
}

}  // namespace writ::cli
