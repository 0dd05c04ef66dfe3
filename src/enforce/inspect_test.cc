#include "enforce/inspect.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "crypto/sha.h"
#include "enforce/gate_harness.h"
#include "enforce/image.h"
#include "enforce/resolve.h"

namespace writ::enforce {
namespace {

// ---- the first stack

constexpr std::uint64_t kBase = 0x7ffc'0000'1000;

struct MadeStack {
  ByteVec bytes;
};

// As create_elf_tables lays it down.
MadeStack make_stack(const std::vector<std::string>& argv, const std::vector<std::string>& envp,
                     const std::string& executed, unsigned word) {
  const std::size_t words = 1 + argv.size() + 1 + envp.size() + 1 + 4;
  std::uint64_t at = kBase + words * word;
  ByteVec texts;
  ByteVec head;
  const auto put = [&](std::uint64_t value) {
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    append(head, {raw, word});
  };
  const auto lay = [&](const std::string& text) {
    const std::uint64_t where = word == 8 ? at : at & 0xffff'ffff;
    append(texts, as_bytes(text));
    texts.push_back(std::byte{0});
    at += text.size() + 1;
    return where;
  };
  put(argv.size());
  for (const auto& one : argv) put(lay(one));
  put(0);
  for (const auto& one : envp) put(lay(one));
  put(0);
  put(AT_EXECFN);
  put(lay(executed));
  put(AT_NULL);
  put(0);
  append(head, texts);
  return {head};
}

TEST(FirstStack, IsReadBackAsItWasLaidDown) {
  const std::vector<std::string> argv{"a", "", "c d"};
  const std::vector<std::string> envp{"X=1"};
  const MadeStack made = make_stack(argv, envp, "/bin/a", 8);
  const auto stack = parse_initial_stack(made.bytes, kBase, 8);
  ASSERT_TRUE(stack) << stack.error().message();
  EXPECT_EQ(stack->argv, argv);
  EXPECT_EQ(stack->environment, envp);
  EXPECT_EQ(stack->executed, "/bin/a");
}

TEST(FirstStack, OfA32BitProgramHasWordsOfFourBytes) {
  const MadeStack made = make_stack({"a", "b"}, {"X=1"}, "/bin/a", 4);
  const auto stack = parse_initial_stack(made.bytes, kBase & 0xffff'ffff, 4);
  ASSERT_TRUE(stack) << stack.error().message();
  EXPECT_EQ(stack->argv, (std::vector<std::string>{"a", "b"}));
}

TEST(FirstStack, CutAnywhereIsMalformed) {
  const MadeStack made = make_stack({"a", "bc"}, {"X=1"}, "/bin/a", 8);
  for (std::size_t size = 0; size < made.bytes.size(); ++size) {
    EXPECT_FALSE(parse_initial_stack(Bytes(made.bytes).first(size), kBase, 8)) << size;
  }
}

TEST(FirstStack, APointerOutsideOrACountThatLiesIsMalformed) {
  MadeStack made = make_stack({"a"}, {}, "/bin/a", 8);
  ByteVec moved = made.bytes;
  std::memset(moved.data() + 8, 0x11, 8);
  EXPECT_FALSE(parse_initial_stack(moved, kBase, 8));
  made.bytes[0] = std::byte{2};
  EXPECT_FALSE(parse_initial_stack(made.bytes, kBase, 8));
}

RC_GTEST_PROP(FirstStack, AnyBytesAreReadOrRefused, (std::vector<std::uint8_t> raw)) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(raw.data()), raw.size());
  for (const unsigned word : {4U, 8U}) {
    const auto stack = parse_initial_stack(bytes, 0, word);
    if (stack) RC_ASSERT(stack->argv.size() <= raw.size());
  }
}

// ---- script lines

std::optional<ScriptLine> line_of(const std::string& text) {
  return parse_script_line(as_bytes(text));
}

TEST(ScriptLine, NamesTheInterpreterAndOneArgument) {
  EXPECT_EQ(line_of("#!/bin/sh\nexit")->interpreter, "/bin/sh");
  EXPECT_FALSE(line_of("#!/bin/sh\n")->argument);
  EXPECT_EQ(line_of("#! \t/bin/sh  -e  x \t\n")->interpreter, "/bin/sh");
  EXPECT_EQ(*line_of("#! \t/bin/sh  -e  x \t\n")->argument, "-e  x");
  EXPECT_EQ(line_of("#!/bin/sh")->interpreter, "/bin/sh");  // the file ends there
}

TEST(ScriptLine, IsNothingForWhatTheKernelWouldNotTake) {
  for (const char* text : {"", "#", "/bin/sh", "#!\n/bin/sh", "#! \t\n", " #!/bin/sh\n"}) {
    EXPECT_FALSE(line_of(text)) << text;
  }
  // A name that does not end within what the kernel reads could be any other.
  EXPECT_FALSE(line_of("#!/" + std::string(300, 'a') + "\n"));
  EXPECT_TRUE(line_of("#!/bin/sh " + std::string(300, 'a') + "\n"));
}

// The kernel itself as judge: every line is executed, with a program that prints its arguments.
TEST(ScriptLine, AgreesWithTheKernel) {
  test::Scratch scratch;
  const std::string echo = "/bin/echo";
  const std::string script = scratch.path() + "/script";
  const std::vector<std::string> lines = {"#!/bin/echo\n",
                                          "#!/bin/echo one\n",
                                          "#! /bin/echo  one two  \n",
                                          "#!\t/bin/echo\tone\n",
                                          "#!/bin/echo",
                                          "#!/bin/echo one",
                                          "#!/bin/echo " + std::string(242, 'x') + "\n",
                                          "#!/bin/echo " + std::string(243, 'x') + "\n",
                                          "#!/bin/echo " + std::string(244, 'x') + "\n",
                                          "#!/bin/echo " + std::string(400, 'x') + "\n",
                                          "#!/bin/echo " + std::string(300, ' ') + "y\n",
                                          std::string("#!/bin/echo\0one\n", 16)};
  for (const std::string& text : lines) {
    {
      auto file = open_at(FdRef::cwd(), script, O_WRONLY | O_CREAT | O_TRUNC, 0, 0755);
      ASSERT_TRUE(file && write_all(file->borrow(), as_bytes(text)));
    }
    auto pipe = pipe_pair();
    ASSERT_TRUE(pipe);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(pipe->second.number(), 1);
      ::execl(script.c_str(), "x", static_cast<char*>(nullptr));
      ::_exit(99);
    }
    pipe->second.reset();
    const auto output = read_all(pipe->first.borrow(), 10000);
    ASSERT_TRUE(output);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    const auto line = parse_script_line(as_bytes(text));
    ASSERT_EQ(WEXITSTATUS(status) != 99, line.has_value()) << text;
    if (!line) continue;
    EXPECT_EQ(line->interpreter, echo) << text;
    const std::string expected =
        (line->argument ? *line->argument + " " : std::string()) + script + "\n";
    EXPECT_EQ(std::string(as_text(*output)), expected) << text;
  }
}

// ---- digests

class Digests : public ::testing::Test {
 protected:
  UniqueFd write(const std::string& text) {
    auto file = open_at(FdRef::cwd(), path(), O_RDWR | O_CREAT, 0, 0755);
    EXPECT_TRUE(file && write_all(file->borrow(), as_bytes(text)));
    return std::move(file).value();
  }
  UniqueFd reading() { return std::move(open_at(FdRef::cwd(), path(), O_RDONLY)).value(); }
  std::string path() { return scratch.path() + "/file"; }
  test::Scratch scratch;
  SystemClock clock;
};

TEST_F(Digests, AreRememberedForAFileThatHasSettled) {
  DigestCache cache(clock, true);
  write("one").reset();
  ::usleep(200'000);
  const UniqueFd file = reading();
  const auto first = cache.of_running(file.borrow());
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, crypto::sha256(as_bytes("one")));
  EXPECT_EQ(*cache.of_running(file.borrow()), *first);
  EXPECT_EQ(cache.totals().computed, 1U);
  EXPECT_EQ(cache.totals().remembered, 1U);
}

TEST_F(Digests, OfAFileThatChangedAMomentAgoAreNotRemembered) {
  DigestCache cache(clock, true);
  write("one").reset();
  const UniqueFd file = reading();
  ASSERT_TRUE(cache.of_running(file.borrow()));
  ASSERT_TRUE(cache.of_running(file.borrow()));
  EXPECT_EQ(cache.totals().computed, 2U);
}

TEST_F(Digests, AreComputedAfreshWhereWritersAreNotExcluded) {
  DigestCache cache(clock, false);
  write("one").reset();
  ::usleep(200'000);
  const UniqueFd file = reading();
  ASSERT_TRUE(cache.of_running(file.borrow()));
  ASSERT_TRUE(cache.of_running(file.borrow()));
  EXPECT_EQ(cache.totals().computed, 2U);
}

// A shared mapping made before the first digest, written through after it: were the digest
// remembered, it would be of bytes that are gone, under times that are the same.
TEST_F(Digests, ALiveSharedMappingCannotChangeAFileBehindThem) {
  DigestCache cache(clock, true);
  const UniqueFd writer = write("GRANTED");
  void* map = ::mmap(nullptr, 7, PROT_READ | PROT_WRITE, MAP_SHARED, writer.number(), 0);
  ASSERT_NE(map, MAP_FAILED);
  static_cast<char*>(map)[0] = 'G';  // the fault that sets the times
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::fstat(writer.number(), &before), 0);
  const UniqueFd file = reading();
  const auto granted = cache.of_running(file.borrow());
  ASSERT_TRUE(granted);
  std::memcpy(map, "EVIL!!!", 7);
  ASSERT_EQ(::fstat(writer.number(), &after), 0);
  // What makes this an attack: the kernel shows no change.
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
  ::munmap(map, 7);
  EXPECT_EQ(*cache.of_running(file.borrow()), crypto::sha256(as_bytes("EVIL!!!")));
}

TEST_F(Digests, AreNotComputedForALook) {
  DigestCache cache(clock, true);
  write("one").reset();
  ::usleep(200'000);
  const auto only_path = open_at(FdRef::cwd(), path(), O_PATH);
  ASSERT_TRUE(only_path);
  const auto unknown = cache.look(only_path->borrow());
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(unknown->known);
  ASSERT_TRUE(cache.of_running(reading().borrow()));
  const auto known = cache.look(only_path->borrow());
  ASSERT_TRUE(known);
  EXPECT_EQ(known->known->digest, crypto::sha256(as_bytes("one")));
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(known->identity, (FileIdentity{info.st_dev, info.st_ino}));
  EXPECT_EQ(cache.totals().computed, 1U);
  write("two").reset();
  EXPECT_FALSE(cache.look(only_path->borrow())->known);
}

TEST_F(Digests, CanBeCancelled) {
  DigestCache cache(clock, true);
  write("one").reset();
  cache.cancel();
  EXPECT_FALSE(cache.of_running(reading().borrow()));
}

TEST_F(Digests, AreNotTakenOnFileSystemsThatOthersWrite) {
  DigestCache cache(clock, true);
  const auto file = open_at(FdRef::cwd(), "/proc/self/status", O_RDONLY);
  ASSERT_TRUE(file);
  const auto digest = cache.of_running(file->borrow());
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().code(), Code::Unsupported);
}

// ---- paths

TEST(Resolve, FollowsLinksAndKeepsDotDotUnderTheRoot) {
  test::Scratch scratch;
  const std::string work = scratch.path() + "/work";
  ASSERT_EQ(::symlink("../gate_target", (work + "/up").c_str()), 0);
  ASSERT_EQ(::symlink((work + "/up").c_str(), (work + "/absolute").c_str()), 0);
  const pid_t self = ::getpid();
  const auto path_of = [&](const std::string& path) {
    const auto file = resolve_for(self, CurrentDirectory{}, path);
    return file ? file->path : "errno " + std::to_string(file.error().sys_errno());
  };
  EXPECT_EQ(path_of(work + "/up"), scratch.path() + "/gate_target");
  EXPECT_EQ(path_of(work + "/absolute"), scratch.path() + "/gate_target");
  EXPECT_EQ(path_of("/../../.." + work + "/./up"), scratch.path() + "/gate_target");
  EXPECT_EQ(path_of(work + "/up/"), "errno " + std::to_string(ENOTDIR));
  EXPECT_EQ(path_of(work + "/up/x"), "errno " + std::to_string(ENOTDIR));
  EXPECT_EQ(path_of(work + "/nothing"), "errno " + std::to_string(ENOENT));
  EXPECT_EQ(path_of(std::string(5000, 'a')), "errno " + std::to_string(ENAMETOOLONG));
}

TEST(Resolve, AtOnceOnlyFollowsPlainAbsolutePaths) {
  test::Scratch scratch;
  const auto root = open_at(FdRef::cwd(), "/", O_PATH | O_DIRECTORY);
  ASSERT_TRUE(root);
  const std::string program = scratch.path() + "/gate_target";
  const auto slow = resolve_for(::getpid(), CurrentDirectory{}, program);
  ASSERT_TRUE(slow);  // and now its names are at hand
  const auto quick = resolve_cached(root->borrow(), program);
  ASSERT_TRUE(quick) << quick.error().message();
  EXPECT_EQ(quick->path, slow->path);
  EXPECT_EQ(quick->identity(), slow->identity());
  for (const std::string path : {"", "gate_target", "./gate_target", "/proc/self/exe",
                                 "/proc/self/status", "/proc/self/root/bin/sh"}) {
    EXPECT_FALSE(resolve_cached(root->borrow(), path)) << path;
  }
  EXPECT_FALSE(resolve_cached(root->borrow(), "/" + std::string(5000, 'x')));
}

TEST(Resolve, GivesProcSelfTheCallersMeaning) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)!::chdir("/usr");
    for (;;) ::pause();
  }
  ::usleep(50'000);
  const auto own = resolve_for(::getpid(), CurrentDirectory{}, "/proc/self/cwd");
  const auto theirs = resolve_for(child, CurrentDirectory{}, "/proc/self/cwd");
  const auto thread = resolve_for(child, CurrentDirectory{}, "/proc/thread-self/cwd");
  const auto relative = resolve_for(child, CurrentDirectory{}, "bin");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(own && theirs && thread && relative);
  EXPECT_EQ(theirs->path, "/usr");
  EXPECT_EQ(thread->path, "/usr");
  EXPECT_EQ(relative->path, "/usr/bin");
  EXPECT_NE(own->path, "/usr");
}

TEST(Resolve, AFifoIsLookedAtAndNeverOpened) {
  test::Scratch scratch;
  const std::string path = scratch.path() + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0777), 0);
  const auto file = resolve_for(::getpid(), CurrentDirectory{}, path);
  ASSERT_TRUE(file);
  const auto readable = open_readable(*file);
  ASSERT_FALSE(readable);
  EXPECT_EQ(readable.error().sys_errno(), EACCES);
}

}  // namespace
}  // namespace writ::enforce
