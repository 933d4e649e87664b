import { rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { checkPage } from "../examples/check-page.js";
import { pictures } from "../pictures/render.js";
import { packedProgram, pictureProject, runBoard, scratchFolder } from "./lab.js";

/** A person drops a picture on the page that the booted board serves. */
const folder = await scratchFolder("page");
t.teardown(() => rm(folder, { recursive: true, force: true }));

t.test("the page of the booted board shows the text of a dropped picture", async (t) => {
  const program = await packedProgram(folder);
  const project = join(folder, "project");
  await pictureProject(program, project, { count: 1, viaHttp: false });
  const board = await runBoard(program, ["--board", "qemu-a72", "--engine", "ncnn"], { cwd: project });
  t.teardown(board.stop);
  const [picture] = pictures;
  if (picture === undefined) return t.fail("there are no pictures");
  const seen = await checkPage({
    baseUrl: board.url,
    picture: await picture.render(),
    type: picture.type,
    expectedText: picture.text,
    timeoutMs: 240_000,
  });
  t.equal(seen.lines.join("\n"), picture.text);
});
