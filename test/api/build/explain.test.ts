import t, { type Test } from "tap";
import { explainPath } from "../../../src/api/build/explain.js";
import { quietContext } from "../../helpers/context.js";
import { manifestOf } from "../../helpers/manifests.js";

const file = (path: string, more: object = {}) => ({ path, size: 1, ...more });
const files = [
  file("usr/bin/busybox", { package: "busybox-static", version: "1.37", license: "GPL-2" }),
  file("usr/lib/libedge_nn.so", { package: "edgeimg-adapter" }),
  file("usr/lib/libncnn.so.1", { package: "ncnn", neededBy: "usr/lib/libedge_nn.so" }),
  file("usr/lib/libgomp.so.1", { package: "libgomp1", neededBy: "usr/lib/libncnn.so.1" }),
  file("models/det/model.edge", { package: "model/det" }),
  file("dev"),
];
const manifest = manifestOf(files, {
  packages: [{ name: "busybox-static", version: "1.37", need: "the start of the system" }],
  components: [
    { name: "edgeimg", version: "1", need: "the layout of every image" },
    { name: "edgeimg-adapter", version: "1", need: "the engine of this image" },
    { name: "ncnn", version: "1", need: "not shown: another file needs the library" },
  ],
});

const explained = async (t: Test, path: string) => {
  const cwd = t.testdir({ out: { "rpi4-ncnn": { "manifest.json": JSON.stringify(manifest) } } });
  const options = { board: "rpi4", engine: "ncnn", offline: false, locked: false };
  return await explainPath(quietContext(cwd), path, options);
};

t.test("a file of a package: what asked for the package", async (t) => {
  t.match(await explained(t, "/usr/bin/busybox"), {
    package: "busybox-static",
    license: "GPL-2",
    chain: ["the start of the system", "/usr/bin/busybox"],
  });
});

t.test("a library: what needs it, up to what asked for that", async (t) => {
  const { chain } = await explained(t, "/usr/lib/libgomp.so.1");
  t.same(chain, [
    "the engine of this image",
    "/usr/lib/libedge_nn.so",
    "/usr/lib/libncnn.so.1",
    "/usr/lib/libgomp.so.1",
  ]);
});

t.test("a file of the project, and one of every image", async (t) => {
  t.same((await explained(t, "/models/det/model.edge")).chain, ["the project", "/models/det/model.edge"]);
  t.same((await explained(t, "/dev")).chain, ["the layout of every image", "/dev"]);
});

t.test("a path that is not there: the nearest one", async (t) => {
  await t.rejects(explained(t, "/usr/bin/bussybox"), { code: "ERR_EDGEIMG_IMAGE_FILE", hint: /\/usr\/bin\/busybox/ });
});
