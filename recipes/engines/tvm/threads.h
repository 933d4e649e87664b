/*
 * threads.h: the threads that a compiled model's loops are spread over.
 *
 * TVM has a pool of its own, one for each thread that runs a model: it binds threads to cores, that of the caller too, waits by spinning, and
 * takes how many there are from the environment. Models are given this one in its place: it belongs to a model, and its threads sleep.
 */
#ifndef EDGE_TVM_THREADS_H
#define EDGE_TVM_THREADS_H

#include "ffi.h"

typedef struct threads threads;

/* `count` threads, the caller's among them; NULL when there is no memory, or a thread could not be started. */
threads *threads_start(int count);

/* Ends them, and frees the pool; NULL is allowed. Nothing may run on it. */
void threads_end(threads *pool);

/* Chooses the pool that threads_launch uses when it is called on this thread; NULL: none. */
void threads_choose(threads *pool);

/* A tvm_launch: 0, or -1 with TVM's error set. */
int threads_launch(tvm_work work, void *data, int tasks);

#endif
