/* utf8.h: strict UTF-8 (no surrogates, no overlong forms), as the WHATWG encoding standard decodes it. */
#ifndef EDGE_UTF8_H
#define EDGE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the sequence at `bytes` (len >= 1). When it is not valid: the length of
 * the part that one U+FFFD stands for. */
size_t edge_utf8_step(const uint8_t *bytes, size_t len, bool *valid);

/* Replaces each encoded lone surrogate (QuickJS writes them as three bytes) by U+FFFD, in place. */
void edge_utf8_fix_surrogates(uint8_t *bytes, size_t len);

#endif
