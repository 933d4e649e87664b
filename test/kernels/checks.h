/* What the parts of the kernel test share. */
#ifndef EDGE_KERNELS_CHECKS_H
#define EDGE_KERNELS_CHECKS_H

#include <stddef.h>
#include <stdint.h>

/* Prints one section's line of JSON and adds its differences to those that decide the exit code. */
void report(const char *section, const char *variant, int64_t cases, int64_t outputs, int64_t differences);
/* How many of `bytes` bytes differ. */
int64_t count_different(const uint8_t *a, const uint8_t *b, size_t bytes);
/* Pooling, addition, concatenation, resizing. */
void test_layers(void);

#endif
