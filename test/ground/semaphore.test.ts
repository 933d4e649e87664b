import t from "tap";
import { semaphore } from "../../src/ground/semaphore.js";

/** Starts pieces of work by hand: `end(name)` finishes one. */
function bench(count: number) {
  const share = semaphore(count);
  const running = new Map<string, () => void>();
  const order: string[] = [];
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    order,
    running: () => [...running.keys()],
    async start(name: string, weight?: number) {
      const work = () =>
        new Promise<void>((resolve) => {
          order.push(name);
          running.set(name, resolve);
        });
      void share(work, weight);
      await settled();
    },
    async end(name: string) {
      running.get(name)?.();
      running.delete(name);
      await settled();
    },
  };
}

t.test("places are counted by weight, and a heavy piece is not overtaken for ever", async (t) => {
  const { start, end, running, order } = bench(3);
  await start("a");
  await start("b");
  await start("heavy", Number.POSITIVE_INFINITY);
  await start("c");
  t.same(running(), ["a", "b"], "c would fit, but heavy was there before");
  await end("a");
  await start("d");
  t.same(running(), ["b"]);
  await end("b");
  t.same(running(), ["heavy"], "it takes all places");
  await end("heavy");
  t.same(running(), ["c", "d"]);
  await start("pair", 2);
  t.same(running(), ["c", "d"]);
  await end("c");
  t.same(running(), ["d", "pair"]);
  t.same(order, ["a", "b", "heavy", "c", "d", "pair"]);
});

t.test("a piece that fails gives its places back", async (t) => {
  const share = semaphore(2);
  await t.rejects(
    share(() => Promise.reject(new Error("no")), 2),
    { message: "no" },
  );
  t.equal(await share(async () => 7, 2), 7);
  t.equal(await share(async () => 8), 8);
});
