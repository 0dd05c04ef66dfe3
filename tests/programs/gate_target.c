// What the gate's tests grant. Its constructor leaves the mark `ran-forbidden` in the current
// directory when it was started with an argument or a variable that no test ever grants.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void mark(void) {
  int fd = open("ran-forbidden", O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (fd >= 0) {
    (void)!write(fd, "x", 1);
    (void)close(fd);
  }
}

__attribute__((constructor)) static void first(int argc, char** argv, char** envp) {
  for (int i = 0; i < argc; ++i) {
    if (strstr(argv[i], "EVIL") != NULL) mark();
  }
  for (; *envp != NULL; ++envp) {
    if (strstr(*envp, "EVIL") != NULL) mark();
  }
}

int main(void) {
  return 0;
}
