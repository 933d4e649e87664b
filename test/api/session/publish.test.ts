import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Prepared } from "../../../src/api/session/prepare.js";
import { publish } from "../../../src/api/session/publish.js";
import { execute } from "../../../src/execute/execute.js";
import { placeFile } from "../../../src/store/place.js";
import { findDamage, readTree, treePath } from "../../../src/store/store.js";
import { testPlan, testServices } from "../../helpers/services.js";

const content = "image ".repeat(300_000);
const plan = testPlan([
  { id: "disk", kind: "compose", params: { parts: [], files: { "card.img": content } } },
  { id: "report", kind: "compose", params: { parts: [], files: { "manifest.json": "{}" } } },
]);
const day = 86_400_000;

async function setUp(t: Test) {
  const folder = t.testdir({ out: {} });
  const services = await testServices(join(folder, "cache"));
  const out = join(folder, "out");
  const prepared = { services, out } as unknown as Prepared;
  const targets = { disk: "disk", report: "report" };
  const build = async (date: number) => {
    const results = await execute(plan, Object.values(targets), services);
    const artifacts = await publish({ prepared, targets, steps: [], results }, { date: () => date });
    const digest = results.get("disk")?.digest ?? "";
    return { artifacts, digest, stored: join(treePath(services.store, digest), "card.img") };
  };
  return { services, image: join(out, "card.img"), out, build };
}

t.test("an image lies on the disk once: the store's and the result share it", async (t) => {
  const { image, build, services } = await setUp(t);
  const { stored, digest, artifacts } = await build(10_000 * day);
  t.equal(readFileSync(image, "utf8"), content);
  t.equal(artifacts.find(({ role }) => role === "image")?.bytes, content.length);
  // A clone has an inode of its own; where this file system knows none, it is the same one.
  if (statSync(image).ino !== statSync(stored).ino) return t.comment("the file system clones");
  t.equal(statSync(image).nlink, 2);
  t.equal(statSync(image).mtimeMs, 10_000 * day, "programs that compare folders see a new file");
  const stamp = async () => (await readTree(services.store, digest)).entries.find(({ type }) => type === "f")?.stamp;
  const { ctimeMs, ino } = statSync(stored);
  t.equal(await stamp(), `${ctimeMs}:${ino}`, "the store takes it as untouched");
  await build(10_001 * day);
  t.equal(statSync(image).mtimeMs, 10_000 * day, "what is there already stays");
  unlinkSync(image);
  t.equal(await findDamage(services.store, digest, { full: false }), undefined);
  t.equal(await stamp(), `${statSync(stored).ctimeMs}:${ino}`, "a name less is noticed, read over once");
  await build(10_002 * day);
  t.equal(statSync(image).nlink, 2);
});

t.test("who writes into a result changes neither the next image nor anything that is made of it", async (t) => {
  const { image, build, services } = await setUp(t);
  const { digest } = await build(10_000 * day);
  chmodSync(image, 0o644);
  writeFileSync(image, "mine ", { flag: "r+" });
  await build(10_001 * day);
  t.equal(readFileSync(image, "utf8"), content, "the result is the image again");
  t.equal(await findDamage(services.store, digest, { full: true }), undefined, "and so is the store's");
});

t.test("small results are copies, and may be changed", async (t) => {
  const { out, build } = await setUp(t);
  await build(10_000 * day);
  t.equal(statSync(join(out, "manifest.json")).nlink, 1);
});

t.test("on another file system the result is a copy", async (t) => {
  const other = `/dev/shm/edgeimg-place-${process.pid}`;
  if (!existsSync("/dev/shm") || statSync("/dev/shm").dev === statSync(t.testdir()).dev)
    return t.comment("/dev/shm is no other file system here");
  t.teardown(() => rmSync(other, { recursive: true, force: true }));
  const { build, services } = await setUp(t);
  const { digest } = await build(10_000 * day);
  mkdirSync(other);
  const target = join(other, "card.img");
  await placeFile(services.store, { digest, name: "card.img", target, now: 10_001 * day });
  t.equal(readFileSync(target, "utf8"), content);
  t.equal(statSync(target).mtimeMs, 10_001 * day);
  t.equal(await findDamage(services.store, digest, { full: false }), undefined);
});
