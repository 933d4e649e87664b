import { readFile, writeFile } from "node:fs/promises";
import { loadImage } from "@napi-rs/canvas";
import t from "tap";
import { loadProject } from "../../src/config/load.js";
import { decodePicture } from "./decode.js";
import { type Picture, pictures } from "./render.js";
import { samples } from "./samples.js";

const example = new URL("../../examples/reader/", import.meta.url);

function pictureOf(name: string): Picture {
  const found = pictures.find((picture) => picture.name === name);
  if (found === undefined) throw new Error(`there is no picture ${name}`);
  return found;
}

t.test("pictures differ, are small, and come out the same each time", async (t) => {
  t.equal(new Set(pictures.map(({ name }) => name)).size, pictures.length);
  t.equal(new Set(pictures.map(({ text }) => text)).size, pictures.length);
  for (const picture of pictures) {
    const [once, again] = [await picture.render(), await picture.render()];
    t.ok(Buffer.compare(once, again) === 0, picture.name);
    const image = await loadImage(once);
    t.ok(image.width <= 400 && image.height <= 200, `${picture.name}: ${image.width} x ${image.height}`);
  }
});

/** Processors round differently by a hair, so pixels are compared, not bytes. `tap --snapshot` writes the files anew. */
t.test("the example's pictures are the ones that are rendered", async (t) => {
  for (const { file, picture } of samples) {
    const place = new URL(`assets/pictures/${file}`, example);
    const rendered = await pictureOf(picture).render();
    if (process.env.TAP_SNAPSHOT === "1") await writeFile(place, rendered);
    const shipped = await readFile(place);
    t.ok(shipped.length < 30_000, `${file} has ${shipped.length} bytes`);
    const [a, b] = [await decodePicture(shipped), await decodePicture(rendered)];
    t.same([a.width, a.height], [b.width, b.height]);
    const differing = a.data.reduce((count, value, i) => count + Number(Math.abs(value - (b.data[i] ?? 0)) > 12), 0);
    t.ok(differing <= a.data.length / 1000, `${file}: ${differing} values differ`);
  }
});

t.test("the example's edgeimg.yaml expects what the pictures say", async (t) => {
  const { value: project } = loadProject(await readFile(new URL("edgeimg.yaml", example), "utf8"), "edgeimg.yaml");
  const results = project.tests.expect.filter((line) => line.edgeimg === "result");
  t.same(
    results.map(({ file, text }) => ({ file, text })),
    samples.map(({ file, picture }) => ({ file, text: pictureOf(picture).text })),
  );
});
