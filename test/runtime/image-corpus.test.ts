import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import t from "tap";
import { appFolder } from "../helpers/edge-app.js";
import { shown } from "../helpers/image-app.js";

/** Pictures of every kind and what an independent decoder makes of them; test/pictures/corpus.py tells how they were made. */
const fixtures = new URL("../fixtures/pictures/", import.meta.url);
const app = await appFolder();
t.teardown(app.remove);

interface Entry {
  readonly name: string;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
}

const index: readonly Entry[] = JSON.parse(await readFile(new URL("index.json", fixtures), "utf8"));
const unpacked = async (name: string): Promise<Buffer> => brotliDecompressSync(await readFile(new URL(name, fixtures)));

t.test("every kind of picture is decoded as an independent decoder does", async (t) => {
  const files = await unpacked("files.br");
  const expected = await unpacked("expected.br");
  let at = 0;
  for (const { name, bytes } of index) {
    await writeFile(join(app.path, name), files.subarray(at, at + bytes));
    at += bytes;
  }
  t.equal(at, files.length);
  const results = await shown(
    app.path,
    `import { writeFile } from "edge:fs";
    for (const name of ${JSON.stringify(index.map(({ name }) => name))}) {
      const { data, ...rest } = await file(name);
      if (data) await writeFile(${JSON.stringify(app.path)} + "/" + name + ".rgb", data);
      show(rest);
    }`,
  );
  at = 0;
  let largest = 0;
  for (const [i, { name, width, height }] of index.entries()) {
    t.same(results[i], { width, height }, name);
    const data = await readFile(join(app.path, `${name}.rgb`)).catch(() => undefined);
    const difference = data === undefined ? Number.POSITIVE_INFINITY : distance(data, expected.subarray(at));
    if (difference > 0) t.comment(`${name}: ${difference}`);
    largest = Math.max(largest, difference);
    at += width * height * 3;
  }
  t.equal(at, expected.length);
  t.ok(index.length >= 150, `${index.length} files`);
  t.equal(largest, 0, "the largest difference");
});

/** The largest difference of the samples to the first ones of `expected`. */
function distance(samples: Buffer, expected: Buffer): number {
  let largest = 0;
  for (const [i, value] of samples.entries())
    largest = Math.max(largest, Math.abs(value - (expected[i] ?? Number.POSITIVE_INFINITY)));
  return largest;
}
