// For programs that say whether something works: `act` is what is tried; WANT(condition) ends the
// program with one line that says what did not hold, and exit status 1. main() says "ACT: ok".
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* act;

static inline void want(int held, const char* what) {
  if (held) return;
  printf("%s: %s does not hold (%s)\n", act, what, strerror(errno));
  exit(1);
}
#define WANT(condition) want((condition), #condition)
