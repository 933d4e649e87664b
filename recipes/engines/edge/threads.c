#include "threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct threads {
  pthread_mutex_t lock; /* guards all that follows */
  pthread_cond_t work, done;
  void (*task)(void *argument, int32_t index);
  void *argument;
  int32_t next, count, running; /* parts: the next that nobody took, all, and those that are under way */
  bool end;
  int started;
  pthread_t helpers[]; /* of `started` threads */
};

/* Takes parts until none is left. Called with the lock held, and returns so. */
static void take_parts(threads *pool) {
  while (pool->next < pool->count) {
    const int32_t index = pool->next++;
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    pool->task(pool->argument, index);
    pthread_mutex_lock(&pool->lock);
    if (--pool->running == 0 && pool->next == pool->count) pthread_cond_signal(&pool->done);
  }
}

static void *help(void *argument) {
  threads *pool = argument;
  pthread_mutex_lock(&pool->lock);
  while (!pool->end) {
    take_parts(pool);
    if (!pool->end) pthread_cond_wait(&pool->work, &pool->lock);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

threads *threads_start(int count) {
  threads *pool = calloc(1, sizeof *pool + (size_t)(count > 1 ? count - 1 : 0) * sizeof *pool->helpers);
  if (!pool) return NULL;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->done, NULL);
  for (; pool->started < count - 1; pool->started++)
    if (pthread_create(&pool->helpers[pool->started], NULL, help, pool) != 0) {
      threads_end(pool);
      return NULL;
    }
  return pool;
}

void threads_end(threads *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  pool->end = true;
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < pool->started; i++) pthread_join(pool->helpers[i], NULL);
  pthread_cond_destroy(&pool->done);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}

void threads_run(void *context, int32_t count, void (*task)(void *argument, int32_t index), void *argument) {
  threads *pool = context;
  pthread_mutex_lock(&pool->lock);
  pool->task = task, pool->argument = argument, pool->next = 0, pool->count = count;
  pthread_cond_broadcast(&pool->work);
  take_parts(pool);
  while (pool->running > 0) pthread_cond_wait(&pool->done, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}
