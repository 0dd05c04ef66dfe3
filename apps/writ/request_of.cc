#include "writ/request_of.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "writ/permit_file.h"

extern char** environ;

namespace writ::cli {

Result<governor::RunRequest> request_here(const Options& options) {
  governor::RunRequest request;
  request.domain = options.domain;
  request.command = *options.command;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    request.environment.emplace_back(*variable);
  }
  std::array<char, PATH_MAX> directory{};
  if (::getcwd(directory.data(), directory.size()) == nullptr || directory[0] != '/') {
    return Error(Code::NotFound, "the working directory is gone or cannot be named");
  }
  request.directory = directory.data();
  return request;
}

Result<governor::RunRequest> request_of(const Options& options, const Machine& machine) {
  governor::RunRequest request = TRY(request_here(options));
  if (!options.permit.empty()) {
    request.permit_name = options.permit;
    Result<ByteVec> file = find_permit(machine.home, options.permit);
    if (file && file->empty()) file = Error(Code::Malformed, "the file is empty");
    if (file) {
      request.permit_file = std::move(*file);
    } else {
      const bool missing =
          file.error().code() == Code::NotFound || file.error().sys_errno() == ENOENT;
      Denial no;
      no.reason = missing ? Reason::NoPermit : Reason::Malformed;
      no.asked = "use the permit " + printable(options.permit);
      no.because = file.error().message();
      no.allow = std::string(describe(no.reason).remedy);
      request.unreadable = std::move(no);
    }
  }
  return request;
}

}  // namespace writ::cli
