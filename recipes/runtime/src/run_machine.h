/* run_machine.h: edge-nn-run as the first process of an emulated machine, which it measures runs on. */
#ifndef EDGE_RUN_MACHINE_H
#define EDGE_RUN_MACHINE_H

#include <stdbool.h>

/* Whether this is the first process of a machine. */
bool edge_is_machine(void);

/*
 * Starts itself with the arguments that /bench/runs lists, one a line, an empty line after each list, one process after the other,
 * tells how each ended, and switches the machine off.
 */
int edge_machine_main(void);

#endif
