// The program that was never granted: if even its constructor runs, a file says so.
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void mark(void) {
  int fd = open("build/swapped-program-ran", O_CREAT | O_WRONLY, 0644);
  if (fd >= 0) close(fd);
}

int main(void) {
  return 0;
}
