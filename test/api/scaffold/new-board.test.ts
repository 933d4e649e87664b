import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { newBoard } from "../../../src/api/scaffold/new-board.js";
import { planImage } from "../../../src/builders/debian/plan-image.js";
import { loadCatalog } from "../../../src/catalog/catalog.js";
import { packageHome } from "../../../src/ground/home.js";
import { inventedLock, requestFor, testContext } from "../../helpers/image-request.js";

const config = "format: 1\nname: x\nboard: qemu-a72\nengine: ncnn\napp: { entry: main.ts }\n";

/** Of each boot kind and table. */
for (const from of ["rpi4", "rockpro64", "jetson-nano", undefined])
  t.test(
    `new board from ${from ?? "the project's"}: the catalog reads it, and an image of it is planned`,
    async (t) => {
      const cwd = t.testdir({ "edgeimg.yaml": config });
      const made = await newBoard(testContext(cwd), { name: "mine", from });
      t.same(made.files, ["board-configs/mine.yaml"]);
      const { boards } = await loadCatalog(packageHome.replace(/\/$/, ""), cwd);
      const [mine, other] = [boards.get("mine"), boards.get(from ?? "qemu-a72")];
      if (mine === undefined || other === undefined) return t.fail("both are there");
      t.match(mine, { facts: {}, proven: undefined, notes: [], imagerTags: [] }, "nothing is claimed of it");
      const like = { name: "", title: "", facts: {}, proven: undefined, notes: [], imagerTags: [] };
      t.same({ ...mine, ...like }, { ...other, ...like }, "all else is as it was");
      const request = await requestFor(cwd, { board: "mine", engine: "ncnn", text: config });
      t.ok(planImage(request, inventedLock(request)).targets.disk);
      await t.rejects(newBoard(testContext(cwd), { name: "mine", from }), { code: "ERR_EDGEIMG_NEW_EXISTS" });
    },
  );

t.test("new board: names that are taken, unknown or none, and a folder that is no project, are refused", async (t) => {
  const cwd = t.testdir({ project: { "edgeimg.yaml": config }, none: {} });
  const project = testContext(join(cwd, "project"));
  for (const name of ["Mine", "../x", ""])
    await t.rejects(newBoard(project, { name }), { code: "ERR_EDGEIMG_USAGE" }, name);
  await t.rejects(newBoard(project, { name: "rpi4" }), { code: "ERR_EDGEIMG_NEW_EXISTS" });
  await t.rejects(newBoard(project, { name: "mine", from: "rpi44" }), {
    code: "ERR_EDGEIMG_UNKNOWN_NAME",
    hint: /rpi4/,
  });
  await t.rejects(newBoard(testContext(join(cwd, "none")), { name: "mine" }), { code: "ERR_EDGEIMG_CONFIG_MISSING" });
});

t.test("a slip in a user's board: file, line and column", async (t) => {
  const cwd = t.testdir({ "edgeimg.yaml": config });
  await newBoard(testContext(cwd), { name: "mine", from: "rockpro64" });
  const file = join(cwd, "board-configs/mine.yaml");
  const wrong = readFileSync(file, "utf8").replace("  kind: extlinux", "  kin: extlinux");
  writeFileSync(file, wrong);
  await t.rejects(loadCatalog(packageHome.replace(/\/$/, ""), cwd), {
    code: "ERR_EDGEIMG_CATALOG_INVALID",
    place: { file, line: wrong.slice(0, wrong.indexOf("  kin:")).split("\n").length },
  });
});
