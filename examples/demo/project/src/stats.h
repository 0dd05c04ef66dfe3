// Order statistics of a sample.
#ifndef STATS_H
#define STATS_H
#include <stddef.h>
// median sorts `values` in place; the mean of the two middle values when `count` is even.
double median(double* values, size_t count);
#endif
