import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { execute } from "../../src/execute/execute.js";
import { treePath } from "../../src/store/store.js";
import { testPlan, testServices } from "../helpers/services.js";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** The manifest of an image "the image", packed as "packed". */
async function manifest(folder: string, url: string | null): Promise<unknown> {
  writeFileSync(join(folder, "disk/card.img"), "the image");
  writeFileSync(join(folder, "zst/card.img.zst"), "packed");
  const services = await testServices(join(folder, "cache"));
  const facts = {
    name: "card",
    title: "reader",
    description: "made",
    icon: "<svg/>",
    board: "Pi 4",
    date: "2026-11-21",
  };
  const plan = testPlan([
    { id: "disk", kind: "local", params: { path: join(folder, "disk") } },
    { id: "zst", kind: "local", params: { path: join(folder, "zst") } },
    {
      id: "imager",
      kind: "imager",
      inputs: { disk: "disk", packed: "zst" },
      params: { ...facts, tags: ["pi4-64bit"], url },
    },
  ]);
  const { digest = "" } = (await execute(plan, ["imager"], services)).get("imager") ?? {};
  return JSON.parse(readFileSync(join(treePath(services.store, digest), "card.rpi-imager-manifest"), "utf8"));
}

t.test("Raspberry Pi Imager's list has all that it needs to offer and check the image", async (t) => {
  const folder = t.testdir({ cache: {}, disk: {}, zst: {} });
  const made = await manifest(folder, "https://downloads.example.org/reader/");
  t.match(made, {
    imager: { devices: [{ name: "Pi 4", tags: ["pi4-64bit"] }] },
    os_list: [
      {
        name: "reader",
        description: "made",
        icon: `data:image/svg+xml;base64,${Buffer.from("<svg/>").toString("base64")}`,
        url: "https://downloads.example.org/reader/card.img.zst",
        extract_size: 9,
        extract_sha256: sha256("the image"),
        image_download_size: 6,
        image_download_sha256: sha256("packed"),
        release_date: "2026-11-21",
        devices: ["pi4-64bit"],
        init_format: "none",
      },
    ],
  });
  t.match(await manifest(folder, null), { os_list: [{ url: "card.img.zst" }] }, "the step knows no folder");
});
