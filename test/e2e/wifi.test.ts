import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { buildPrepared } from "../../src/api/build/build.js";
import { bootImage } from "../../src/device/boot.js";
import type { ConsoleLine } from "../../src/device/console.js";
import { quietContext } from "../helpers/context.js";
import { assertCode, edgeimg, jsonLines, packedProgram, scratchFolder, wifiBoard } from "./lab.js";

/**
 * A card with the settings of `edgeimg flash --wifi` joins an access point: Debian's hostapd on the second of two simulated radios, in the same
 * guest. Supplicant, scripts and addresses are the product's; the radio's driver, its firmware and SDIO are not looked at.
 */
const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));
const ssid = `Caf\u00e9 "5 GHz" #1`;
const passphrase = `it's "quoted" \\ # $HOME \`x\` ${"!".repeat(35)}`;
const folder = await scratchFolder("wifi");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const project = join(folder, "project");
await mkdir(join(project, "board-configs"), { recursive: true });
await mkdir(join(project, "assets"));
await copyFile(wifiBoard, join(project, "board-configs/qemu-wifi.yaml"));
await copyFile(join(fixtures, "access-point.sh"), join(project, "assets/access-point.sh"));
await writeFile(
  join(project, "main.ts"),
  'import { serve } from "edge:http";\nimport { report } from "edge:process";\nserve({ port: 80 }, () => ({ status: 200, body: "over the air\\n" }));\nreport("ready");\n',
);
const other = "the passphrase of another network";
await writeFile(
  join(project, "edgeimg.yaml"),
  `format: 1
name: hello
board: qemu-wifi
engine: ncnn
app: { entry: main.ts, assets: [assets] }
packages: [hostapd, iw]
system: { debug: true, wifi: { country: DE, networks: [{ ssid: Elsewhere, passphrase: ${other} }] } }
`,
);

const card = join(folder, "card.img");
const env = { EDGEIMG_WIFI_PASSPHRASE: passphrase };
const built = await edgeimg(program, ["build", "--json"], { cwd: project });
const flashed = await edgeimg(program, ["flash", "--device", card, "--wifi", ssid, "--json"], { cwd: project, env });
const controller = new AbortController();
const prepared = await buildPrepared(quietContext(project, { env: process.env, signal: controller.signal }), {
  offline: true,
  locked: true,
});

t.test("the card is written, and neither command nor manifest tells a key", async (t) => {
  assertCode(t, built, 0);
  assertCode(t, flashed, 0);
  t.match(jsonLines(flashed.stdout).at(-1), { command: "flash", settings: true });
  for (const secret of [passphrase, other]) {
    t.notOk((built.stdout + flashed.stdout + flashed.stderr).includes(secret));
    t.notOk((await readFile(join(project, "out/qemu-wifi-ncnn/manifest.json"), "utf8")).includes(secret));
  }
});

t.test("the board joins, keeps to, and comes back to its network", async (t) => {
  const booted = performance.now();
  const board = await bootImage({
    image: card,
    board: prepared.prepared.request.board,
    qemuRoot: prepared.qemuRoot,
    workDir: join(folder, "device"),
    httpGuestPort: undefined,
    emit: () => {},
    timeoutMs: 420_000,
    signal: controller.signal,
    card: "fresh",
  });
  t.teardown(() => board.stop());
  let last = -1;
  /** The next line after those that were waited for. */
  const next = async (what: (line: ConsoleLine) => boolean): Promise<ConsoleLine> => {
    const found = await board.waitFor((line) => line.index > last && what(line), 120_000);
    last = found.index;
    return found;
  };
  const state = (name: string) =>
    next(({ text }) => text.includes(`"edgeimg":"wifi"`) && text.includes(`"state":"${name}"`));
  await state("searching");
  await board.waitFor(({ text }) => text.includes(`"edgeimg":"ready"`), 120_000);
  board.write(`exec sh /app/assets/access-point.sh ${Buffer.from(ssid).toString("hex")}\n`);
  await next(({ text }) => text.includes("access-point: ready"));
  await t.test("without an access point it says so", async () => void (await state("no-network")));

  // A lease lasts 20 s, and is renewed at each link: the address stays.
  let address = "";
  for (const security of ["wpa2", "wpa3", "both"]) {
    // What both sides prove to one another is the same in an access point for both.
    if (security !== "both")
      await t.test(`${security}: another passphrase is told as a wrong key`, async () => {
        board.write(`on ${security} not the one of the card\n`);
        await state("wrong-key");
        board.write("off\n");
      });
    await t.test(`${security}: it joins and gets an address`, async (t) => {
      const began = performance.now();
      board.write(`on ${security} ${passphrase}\n`);
      await state("associated");
      if (address === "") {
        const { milestone } = await next(
          ({ milestone }) => milestone?.name === "network" && milestone.fields.interface === "wlan0",
        );
        address = String(milestone?.fields.address);
        t.match(address, /^10\.77\.0\.5\d$/);
      }
      board.write(`page ${address}\n`);
      t.ok(await next(({ text }) => text === "over the air"), "the app's page comes over the air");
      t.comment(`${Math.round((performance.now() - began) / 1000)} s`);
    });
    await t.test(`${security}: the access point goes`, async () => {
      board.write("off\n");
      await state("disconnected");
    });
  }
  t.comment(`${Math.round((performance.now() - booted) / 1000)} s from power-on`);
});
