// What the gate's tests never grant: its constructor leaves the mark `ran-forbidden`.
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void first(void) {
  int fd = open("ran-forbidden", O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (fd >= 0) {
    (void)!write(fd, "x", 1);
    (void)close(fd);
  }
}

int main(void) {
  return 0;
}
