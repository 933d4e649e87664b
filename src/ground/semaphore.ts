/**
 * Shares `count` places among pieces of work that run at once. One with a weight takes as many places, at most all of them. They begin in the
 * order they were asked for, so that a heavy one is not kept waiting for ever by light ones that would still fit.
 */
export function semaphore(count: number): <T>(work: () => Promise<T>, weight?: number) => Promise<T> {
  let free = count;
  const waiting: { readonly places: number; readonly begin: () => void }[] = [];
  const admit = () => {
    for (let next = waiting[0]; next !== undefined && next.places <= free; next = waiting[0]) {
      waiting.shift();
      free -= next.places;
      next.begin();
    }
  };
  return async (work, weight = 1) => {
    const places = Math.min(Math.max(weight, 1), count);
    await new Promise<void>((begin) => {
      waiting.push({ places, begin });
      admit();
    });
    try {
      return await work();
    } finally {
      free += places;
      admit();
    }
  };
}
