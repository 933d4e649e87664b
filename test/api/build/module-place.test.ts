import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { withModulePlace } from "../../../src/api/build/module-place.js";
import { EdgeimgError } from "../../../src/errors/edgeimg-error.js";
import { packageHome } from "../../../src/ground/home.js";
import { requestFor } from "../../helpers/image-request.js";

t.test("a module that the kernel lacks is told with its line in the board's file", async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, "board-configs"));
  const file = join(folder, "board-configs/mine.yaml");
  const board = readFileSync(join(packageHome, "board-configs/rpi4.yaml"), "utf8")
    .replace("name: rpi4", "name: mine")
    .replace("- genet\n", "- genett\n");
  writeFileSync(file, board);
  const request = await requestFor(folder, { board: "mine", engine: "ncnn" });
  const error = new EdgeimgError("ERR_EDGEIMG_IMAGE_MODULE", "it is not there", { subject: "genett", hint: "remedy" });
  const line = board.split("\n").findIndex((one) => one.includes("genett")) + 1;
  t.match(await withModulePlace(error, [request]), {
    code: "ERR_EDGEIMG_IMAGE_MODULE",
    message: "it is not there",
    hint: "remedy",
    place: { file, line, column: 7 },
  });
  const ofInit = new EdgeimgError("ERR_EDGEIMG_IMAGE_MODULE", "it is not there", { subject: "nls_ascii" });
  t.match(await withModulePlace(ofInit, [request]), { place: { file: /recipes\/init\/recipe\.yaml$/ } });
  const other = new EdgeimgError("ERR_EDGEIMG_IMAGE_FILE", "another");
  t.equal(await withModulePlace(other, [request]), other);
});
