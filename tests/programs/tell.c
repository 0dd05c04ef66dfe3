// Tells what it was started with, as early as a program can: in its first ELF constructor it
// appends a line to the file w/told, "[argument]" for each argument, the first included, and
// "{NAME=VALUE}" for each environment variable. Of long ones the beginning.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor(101))) static void tell(int argc, char** argv, char** environment) {
  int fd = open("w/told", O_CREAT | O_WRONLY | O_APPEND, 0644);
  (void)argc;
  for (int i = 0; i < 16 && argv[i] != NULL; ++i) dprintf(fd, "[%.60s]", argv[i]);
  for (int i = 0; i < 16 && environment[i] != NULL; ++i) dprintf(fd, "{%.60s}", environment[i]);
  dprintf(fd, "\n");
  close(fd);
}

int main(void) {
  return 0;
}
