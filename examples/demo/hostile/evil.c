// A library that wants to be preloaded: its constructor runs before the program's main.
#include <unistd.h>

__attribute__((constructor)) static void arrive(void) {
  static const char text[] = "preloaded code ran\n";
  if (write(1, text, sizeof text - 1) < 0) _exit(99);
}
