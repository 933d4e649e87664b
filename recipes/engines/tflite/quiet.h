/* quiet.h: a library's messages, which it writes to stderr by itself, go nowhere. */
#ifndef EDGE_QUIET_H
#define EDGE_QUIET_H

#include <stdbool.h>

/* Gives the library that `own`, the address of one of its functions, is part of a stderr of its own, which leads to /dev/null and stays
 * open. Nothing else in the process changes. False when it could not: the library then writes where it did. */
bool quiet_library(const void *own);

#endif
