#include <stdio.h>

#include "stats.h"

static int failures;

static void expect(const char* what, double got, double wanted) {
  int ok = got == wanted;
  printf("%s %s: %g\n", ok ? "ok  " : "FAIL", what, got);
  failures += !ok;
}

int main(void) {
  double odd[] = {3, 1, 2};
  double even[] = {4, 1, 3, 2};
  expect("median of three", median(odd, 3), 2);
  expect("median of four", median(even, 4), 2.5);
  return failures != 0;
}
