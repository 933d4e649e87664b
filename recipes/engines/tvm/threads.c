#include "threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct threads {
  pthread_mutex_t lock;
  pthread_cond_t begin, done;
  /* All below is guarded by the lock. */
  tvm_work work; /* the loop that runs, with what it is given */
  void *data;
  tvm_group group;
  int next;    /* the first task that nobody has taken */
  int running; /* tasks that were taken and are not done */
  int failed;
  bool ending;
  int count; /* of ids */
  pthread_t ids[];
};

static _Thread_local threads *chosen;

/* Takes tasks until there is none left. Called and left with the lock held. */
static void take_tasks(threads *pool) {
  while (pool->next < pool->group.tasks) {
    const int task = pool->next++;
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    const int status = pool->work(task, &pool->group, pool->data);
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    if (status != 0) pool->failed++;
  }
}

static void *worker(void *argument) {
  threads *pool = argument;
  pthread_mutex_lock(&pool->lock);
  while (!pool->ending) {
    take_tasks(pool);
    if (pool->running == 0) pthread_cond_signal(&pool->done);
    if (!pool->ending) pthread_cond_wait(&pool->begin, &pool->lock);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

threads *threads_start(int count) {
  threads *pool = calloc(1, sizeof *pool + (size_t)count * sizeof(pthread_t));
  if (!pool) return NULL;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->begin, NULL);
  pthread_cond_init(&pool->done, NULL);
  /* The thread that runs the model is one of them. */
  while (pool->count < count - 1) {
    if (pthread_create(&pool->ids[pool->count], NULL, worker, pool) != 0) {
      threads_end(pool);
      return NULL;
    }
    pool->count++;
  }
  return pool;
}

void threads_end(threads *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  pool->ending = true;
  pthread_cond_broadcast(&pool->begin);
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < pool->count; i++) pthread_join(pool->ids[i], NULL);
  pthread_cond_destroy(&pool->done);
  pthread_cond_destroy(&pool->begin);
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}

void threads_choose(threads *pool) { chosen = pool; }

int threads_launch(tvm_work work, void *data, int tasks) {
  threads *pool = chosen;
  if (!pool) return TVMBackendParallelLaunch(work, data, tasks);
  pthread_mutex_lock(&pool->lock);
  pool->work = work;
  pool->data = data;
  pool->group = (tvm_group){.tasks = tasks > 0 ? tasks : pool->count + 1};
  pool->next = pool->failed = 0;
  pthread_cond_broadcast(&pool->begin);
  take_tasks(pool);
  while (pool->running > 0) pthread_cond_wait(&pool->done, &pool->lock);
  const bool failed = pool->failed > 0;
  pthread_mutex_unlock(&pool->lock);
  if (!failed) return 0;
  TVMFFIErrorSetRaisedFromCStr("RuntimeError", "a part of a loop failed");
  return -1;
}
