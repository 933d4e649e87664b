import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { openCutCard } from "./cut-card.js";
import { allCuts, type Cut } from "./cuts.js";
import { readWriteLog } from "./write-log.js";

const log = fileURLToPath(new URL("../fixtures/write-logs/qemu.log", import.meta.url));

t.test("a card becomes what each cut leaves, whatever it was before", async (t) => {
  const card = join(t.testdir(), "card");
  const blank = Buffer.alloc(2 ** 20, 9);
  await writeFile(card, blank);
  const file = await open(log, "r");
  const entries = await readWriteLog(file, blank.length);
  await file.close();
  const cutCard = await openCutCard({ card, log, entries });
  t.teardown(() => cutCard.close());
  /** Which value stands in which bytes; all else is 9. */
  const expected = (parts: readonly (readonly [value: number, at: number, length: number])[]) => {
    const bytes = Buffer.from(blank);
    for (const [value, at, length] of parts) bytes.fill(value, at, at + length);
    return bytes;
  };
  const become = async (cut: Cut) => {
    await cutCard.become(cut);
    return await readFile(card);
  };
  const cuts = allCuts(entries);
  const cut = (name: string): Cut => {
    const found = cuts.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no cut ${name}`);
    return found;
  };
  const all = expected([
    [1, 0, 512],
    [0, 4096, 512],
    [2, 4608, 512],
    [0, 8192, 2048],
    [3, 512, 512],
    [4, 1048064, 512],
  ]);
  t.ok((await become(cut("prefix 9"))).equals(all), "a discarded sector reads as zeros");
  t.ok((await become(cut("prefix 0"))).equals(blank), "everything is put back");
  t.ok((await become(cut("2 without the first"))).equals(expected([[2, 4096, 1024]])));
  t.ok(
    (await become(cut("2 torn"))).equals(
      expected([
        [1, 0, 512],
        [2, 4096, 512],
      ]),
    ),
  );
  t.ok((await become(cut("prefix 9"))).equals(all));
});
