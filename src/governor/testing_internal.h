// Helpers of this module's tests: a temporary home that removes itself, and short requests.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "governor/home.h"

namespace writ::governor {

// shipped_schema is the schema that `writ init` puts into the first bundle.
inline std::string shipped_schema() {
  std::ifstream in("config/writ.cedarschema");
  EXPECT_TRUE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

class TestHome {
 public:
  TestHome() {
    std::string pattern = "/tmp/writ-governor.XXXXXX";
    char* made = ::mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr);
    root = std::filesystem::canonical(made).string();
    account.uid = ::geteuid();
    account.name = "tester";
    account.directory = root + "/user";
    std::filesystem::create_directories(account.directory);
    account.writ_home = root + "/writ";
    Result<Home> found = find_home(account);
    EXPECT_TRUE(found);
    home = *found;
  }
  ~TestHome() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  TestHome(const TestHome&) = delete;
  TestHome& operator=(const TestHome&) = delete;

  std::string file(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    const std::string path = root + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  std::string root;
  Account account;
  Home home;
};

}  // namespace writ::governor
