// A granted program with arguments and an environment that are not: `tell granted`, with nothing in
// its environment, is what may run. ARGS: the path of `tell` (tests/programs/tell.c), which tells
// the world what it was started with, in the file w/told.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include "attack.h"

enum { kMost = 20000 };
static char* const kNothing[] = {NULL};
static char* const kGranted[] = {(char*)"tell", (char*)"granted", NULL};

static const char* start(char* const argv[], char* const environment[]) {
  pid_t pid = fork();
  if (pid == 0) {
    execve(attack_args[0], argv, environment);
    _exit(errno);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status == 0) return got("it was started");
  return refused(WIFEXITED(status) ? WEXITSTATUS(status) : EACCES);
}
#define STARTS(name, ...)                      \
  static const char* name(void) {              \
    char* argv[] = {(char*)__VA_ARGS__, NULL}; \
    return start(argv, kNothing);              \
  }
STARTS(one_more, "tell", "granted", "more")
STARTS(one_more_empty, "tell", "granted", "")
STARTS(one_fewer, "tell")
STARTS(empty, "tell", "")
STARTS(twice, "tell", "granted", "granted")
STARTS(beginning, "tell", "grante")
STARTS(longer, "tell", "granted!")
STARTS(space_behind, "tell", "granted ")
STARTS(joined, "tell", "granted more")
STARTS(other_case, "tell", "Granted")
STARTS(line_behind, "tell", "granted\n")
STARTS(line_before, "tell", "more\ngranted")
STARTS(no_text, "tell", "granted\xff\xfe")
STARTS(option_before, "tell", "--", "granted")
STARTS(other_name, "sh", "granted")
STARTS(empty_name, "", "granted")
STARTS(name_is_argument, "granted")
static const char* no_name(void) {
  return start(kNothing, kNothing);
}
static const char* very_long(void) {
  static char text[100000] = "granted";
  memset(text + 7, 'x', sizeof text - 8);
  char* argv[] = {(char*)"tell", text, NULL};
  return start(argv, kNothing);
}
static const char* very_many(void) {
  static char* argv[kMost];
  argv[0] = (char*)"tell";
  for (int i = 1; i < kMost - 1; ++i) argv[i] = (char*)"granted";
  return start(argv, kNothing);
}

// Another thread changes them while the call is pending: a letter, a pointer, the length.
static char letter[] = "granted";
static char* flipped[] = {(char*)"tell", letter, NULL, NULL};
static char* flipped_environment[] = {NULL, NULL};
static int which;
static volatile unsigned flips;
static void* flip(void* unused) {
  (void)unused;
  for (;; ++flips) {
    int bad = (int)(flips & 1);
    if (which == 0) ((volatile char*)letter)[0] = bad ? 'G' : 'g';
    if (which == 1) ((char* volatile*)flipped)[1] = bad ? (char*)"other" : letter;
    if (which == 2) ((char* volatile*)flipped)[2] = bad ? (char*)"more" : NULL;
    if (which == 3) ((char* volatile*)flipped_environment)[0] = bad ? (char*)"LD_DEBUG=all" : NULL;
    for (volatile int i = 0; i < 300; ++i) {
    }
  }
  return NULL;
}
// What was told is judged outside; here, whether anything but the granted was.
static int told_other(void) {
  char line[4096];
  FILE* told = fopen("w/told", "r");
  int other = 0;
  while (told != NULL && fgets(line, sizeof line, told) != NULL) {
    other |= strcmp(line, "[tell][granted]\n") != 0;
  }
  if (told != NULL) fclose(told);
  return other;
}
static const char* race(int what) {
  time_t start_time = 0;
  which = what;
  for (int i = 0; i < 150 && !told_other() && time_left(&start_time); ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, flip, NULL) != 0) _exit(errno);
      // Each try comes after a change: a busy machine may let the other thread wait.
      while (flips < 1 + (unsigned)i % 32) sched_yield();
      execve(attack_args[0], flipped, flipped_environment);
      _exit(errno);
    }
    waitpid(pid, NULL, 0);
  }
  return told_other() ? got("it was started with what was not looked at") : refused(EACCES);
}
static const char* letter_flipped(void) {
  return race(0);
}
static const char* pointer_flipped(void) {
  return race(1);
}
static const char* length_flipped(void) {
  return race(2);
}
static const char* environment_flipped(void) {
  return race(3);
}

#define SETS(name, variable)                       \
  static const char* name(void) {                  \
    char* environment[] = {(char*)variable, NULL}; \
    return start(kGranted, environment);           \
  }
SETS(loader_preload, "LD_PRELOAD=/tmp/x.so")
SETS(loader_path, "LD_LIBRARY_PATH=/tmp")
SETS(loader_audit, "LD_AUDIT=/tmp/x.so")
SETS(loader_tunables, "GLIBC_TUNABLES=glibc.malloc.check=3")
SETS(character_sets, "GCONV_PATH=/tmp")
SETS(locales, "LOCPATH=/tmp")
SETS(shell, "ENV=/tmp/x")
SETS(bash, "BASH_ENV=/tmp/x")
SETS(bash_function, "BASH_FUNC_ls%%=() { :; }")
SETS(python, "PYTHONPATH=/tmp")
SETS(perl, "PERL5OPT=-M-strict")
SETS(ruby, "RUBYOPT=-r/tmp/x")
SETS(node, "NODE_OPTIONS=--require=/tmp/x")
SETS(java, "JAVA_TOOL_OPTIONS=-javaagent:/tmp/x")
SETS(git, "GIT_SSH_COMMAND=/tmp/x")
SETS(resolver, "RES_OPTIONS=attempts:1")
SETS(nameless, "=x")
SETS(valueless, "nothing")
static const char* huge_variable(void) {
  static char text[120000] = "LD_PRELOAD=";
  memset(text + 11, '/', sizeof text - 12);
  char* environment[] = {text, NULL};
  return start(kGranted, environment);
}
static const char* many_variables(void) {
  static char* environment[kMost];
  for (int i = 0; i < kMost - 1; ++i) environment[i] = (char*)"LD_PRELOAD=x";
  return start(kGranted, environment);
}

// What is granted.
static const char* granted(void) {
  return start(kGranted, kNothing);
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 3) return 2;
  static const struct attack list[] = {ONE(one_more),
                                       ONE(one_more_empty),
                                       ONE(one_fewer),
                                       ONE(empty),
                                       ONE(twice),
                                       ONE(beginning),
                                       ONE(longer),
                                       ONE(space_behind),
                                       ONE(joined),
                                       ONE(other_case),
                                       ONE(line_behind),
                                       ONE(line_before),
                                       ONE(no_text),
                                       ONE(option_before),
                                       ONE(other_name),
                                       ONE(empty_name),
                                       ONE(name_is_argument),
                                       ONE(no_name),
                                       ONE(very_long),
                                       ONE(very_many),
                                       ONE(loader_preload),
                                       ONE(loader_path),
                                       ONE(loader_audit),
                                       ONE(loader_tunables),
                                       ONE(character_sets),
                                       ONE(locales),
                                       ONE(shell),
                                       ONE(bash),
                                       ONE(bash_function),
                                       ONE(python),
                                       ONE(perl),
                                       ONE(ruby),
                                       ONE(node),
                                       ONE(java),
                                       ONE(git),
                                       ONE(resolver),
                                       ONE(nameless),
                                       ONE(valueless),
                                       ONE(huge_variable),
                                       ONE(many_variables),
                                       ONE(letter_flipped),
                                       ONE(pointer_flipped),
                                       ONE(length_flipped),
                                       ONE(environment_flipped),
                                       {NULL, NULL}};
  static const struct attack acts[] = {ONE(granted), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
