import t from "tap";
import { loadProject } from "../../src/config/load.js";
import { matrixTargets } from "../../src/config/matrix.js";
import { hiddenKey, mergeProject, operatorsOf, originText } from "../../src/config/merge.js";

const text =
  "format: 1\nname: reader\nboard: [rpi4, rpi3]\nengine: ncnn\napp: { entry: a.ts }\nimage:\n  filesystem: erofs\n  dataSize: 1GiB\n";

t.test("flags go before the file, the file before the defaults", async (t) => {
  const merged = mergeProject(loadProject(text, "edgeimg.yaml"), { board: "qemu-a53" });
  t.same(merged.boards, ["qemu-a53"]);
  t.equal(merged.engine, "ncnn");
  const origins = Object.fromEntries(
    merged.settings.map((one) => [one.key, `${JSON.stringify(one.value)} ${originText(one.origin)}`]),
  );
  t.match(origins, {
    board: '["qemu-a53"] --board',
    engine: '"ncnn" edgeimg.yaml:4:9',
    "image.filesystem": '"erofs" edgeimg.yaml:7:15',
    "image.dataSize": '"1GiB" edgeimg.yaml:8:13',
    "image.compress": "true default",
    "system.hostname": '"reader" default',
    "app.entry": '"a.ts" edgeimg.yaml:5:15',
  });
});

t.test("without a flag the file's boards are taken, all of them", async (t) => {
  const merged = mergeProject(loadProject(text, "edgeimg.yaml"), {});
  t.same(merged.boards, ["rpi4", "rpi3"]);
  t.equal(originText(merged.boardOrigin), "edgeimg.yaml:3:8");
});

t.test("what the file tells of an engine holds for that one, also when a flag names it", (t) => {
  const own = loadProject(text.replace("engine: ncnn", "engine: { name: ncnn, ops: model }"), "edgeimg.yaml");
  const settings = (engine?: string) =>
    mergeProject(own, { engine })
      .settings.filter(({ key }) => key.startsWith("engine"))
      .map((one) => `${one.key} ${one.value} ${originText(one.origin)}`);
  t.same(settings(), ["engine ncnn edgeimg.yaml:4:17", "engine.ops model edgeimg.yaml:4:28"]);
  t.same(settings("ncnn"), ["engine ncnn --engine", "engine.ops model edgeimg.yaml:4:28"]);
  t.same(settings("onnxruntime"), ["engine onnxruntime --engine"]);
  t.equal(operatorsOf(own.value, "ncnn"), "model");
  t.equal(operatorsOf(own.value, "onnxruntime"), "all");
  const short = loadProject(text, "edgeimg.yaml").value;
  t.equal(operatorsOf(short, "ncnn"), "all");
  const silent = loadProject(text.replace("engine: ncnn", "engine: { name: ncnn }"), "edgeimg.yaml");
  t.equal(operatorsOf(silent.value, "ncnn"), "all");
  t.same(matrixTargets(mergeProject(own, {})), [
    { board: "rpi4", engine: "ncnn" },
    { board: "rpi3", engine: "ncnn" },
  ]);
  t.end();
});

t.test("neither flag nor file: an error that says how to choose", async (t) => {
  const loaded = loadProject("format: 1\nname: x\napp: { entry: a.ts }\n", "edgeimg.yaml");
  t.throws(() => mergeProject(loaded, { board: "rpi4" }), {
    code: "ERR_EDGEIMG_CONFIG_INCOMPLETE",
    message: "no engine is chosen",
    hint: "Give --engine NAME, or add `engine: NAME` to the file. `edgeimg engines` lists them.",
  });
});

t.test("settings are sorted by key and each key stands once", async (t) => {
  const keys = mergeProject(loadProject(text, "edgeimg.yaml"), { engine: "onnxruntime" }).settings.map(
    (one) => one.key,
  );
  t.same(keys, [...new Set(keys)].sort());
});

t.test("keys of networks are in no list of settings: neither as a list's, nor in a mapping", async (t) => {
  const psk = "0123456789abcdef".repeat(4);
  const networks = `[{ ssid: Home, passphrase: secretsecret }, { ssid: Work, psk: "${psk}" }]`;
  const merged = mergeProject(
    loadProject(`${text}system: { wifi: { country: DE, networks: ${networks} } }\n`, "edgeimg.yaml"),
    {},
  );
  const shown = JSON.stringify(merged.settings);
  t.match(shown, /"Home"/);
  for (const key of ["secretsecret", psk]) t.notMatch(shown, key);
  t.same(merged.settings.find(({ key }) => key === "system.wifi.networks")?.value, [
    { ssid: "Home", passphrase: hiddenKey },
    { ssid: "Work", psk: hiddenKey },
  ]);
  t.match(JSON.stringify(merged.project), "secretsecret", "the build has them");
});
