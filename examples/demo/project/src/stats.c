#include "stats.h"

#include <stdlib.h>

static int compare(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

double median(double* values, size_t count) {
  qsort(values, count, sizeof *values, compare);
  if (count % 2 == 1) return values[count / 2];
  return values[count / 2];
}
