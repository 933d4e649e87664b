/* threads.h: the threads of one network, which sleep between its layers. */
#ifndef EDGE_THREADS_H
#define EDGE_THREADS_H

#include <stdint.h>

typedef struct threads threads;

/* `count` threads, the caller's among them; NULL when there is no memory, or one could not be started. */
threads *threads_start(int count);

/* Ends them, and frees the pool; NULL is allowed. Nothing may run on it. */
void threads_end(threads *pool);

/* An edge_parallel_for; `pool` is the context. Called by one thread at a time. */
void threads_run(void *pool, int32_t count, void (*task)(void *argument, int32_t index), void *argument);

#endif
