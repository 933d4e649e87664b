// What tests that run target programs need, taken from the product's own store: built when it is not there yet.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { prepare } from "../dist/api/session/prepare.js";
import { planImage } from "../dist/builders/debian/plan-image.js";
import { architectures } from "../dist/catalog/architecture.js";
import { execute } from "../dist/execute/execute.js";
import { treePath } from "../dist/store/store.js";
import { arm32Root } from "./arm32-tools.mjs";

const home = fileURLToPath(new URL("../", import.meta.url));
// The board of the first command in the README: what that build left in the store is used.
const board = "rpi4";

/**
 * Environment variables that name the tools: EDGEIMG_TEST_GCC (for the target), _SYSROOT, _QEMU (qemu-aarch64), _EDGE_RUN,
 * _EDGE_NN_RUN, _KERNELS, _MNN, _NCNN and _ONNXRUNTIME (adapters), _ONNXRUNTIME_HOST (for this machine), _NCNN_INSTALLED (library and
 * headers), _GCC_ARMHF, _SYSROOT_ARMHF and _QEMU_ARM. `remove` deletes what was copied.
 */
export async function testTools() {
  const folder = mkdtempSync(join(tmpdir(), "edgeimg-tools-"));
  // The clone's own lock, when its first build wrote one; the clone is left as it is.
  if (existsSync(`${home}edgeimg.lock`)) copyFileSync(`${home}edgeimg.lock`, join(folder, "edgeimg.lock"));
  const env = {};
  for (const engine of ["mnn", "ncnn", "onnxruntime"]) {
    const { tree, toolchain, request, services } = await made({ engine, board, cwd: folder });
    const { triplet } = architectures[request.board.arch];
    env[`EDGEIMG_TEST_${engine.toUpperCase()}`] = adapter(join(folder, engine), tree, engine);
    if (engine !== "ncnn") continue;
    const sysroot = join(tree(`root/sysroot/${request.board.arch}`), "root");
    env.EDGEIMG_TEST_SYSROOT = sysroot;
    env.EDGEIMG_TEST_QEMU = join(tree("root/tools/qemu"), "root/usr/bin/qemu-aarch64");
    env.EDGEIMG_TEST_QEMU_ARM = join(tree("root/tools/qemu"), "root/usr/bin/qemu-arm");
    env.EDGEIMG_TEST_EDGE_RUN = join(tree("compile/edge-run"), "edge-run");
    env.EDGEIMG_TEST_EDGE_NN_RUN = join(tree("compile/edge-nn-run"), "edge-nn-run");
    env.EDGEIMG_TEST_KERNELS = join(tree("compile/libedge_kernels.so"), "libedge_kernels.so");
    env.EDGEIMG_TEST_ONNXRUNTIME_HOST = tree("unpack/reference");
    env.EDGEIMG_TEST_GCC = compiler(folder, {
      program: join(tree(toolchain), `root/usr/bin/${triplet}-gcc`),
      flags: request.catalog.distribution.tools.toolchain.sysrootFlags.map((flag) =>
        flag.replaceAll("{sysroot}", sysroot).replaceAll("{triplet}", triplet),
      ),
    });
    const arm32 = await arm32Root({ request, services });
    env.EDGEIMG_TEST_SYSROOT_ARMHF = arm32.root;
    env.EDGEIMG_TEST_GCC_ARMHF = join(arm32.root, `usr/bin/${arm32.triplet}-gcc`);
    env.EDGEIMG_TEST_NCNN_INSTALLED = join(tree("compile/ncnn"), "usr");
  }
  return { env, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs the steps that an image with this engine is compiled by. */
async function made({ engine, board, cwd }) {
  const context = {
    cwd,
    env: process.env,
    now: () => performance.now(),
    date: Date.now,
    emit: (event) => {
      if (event.type === "step-end" && !event.cached) console.log(`# ${event.title}: ${Math.round(event.ms / 1000)} s`);
    },
    signal: new AbortController().signal,
  };
  const { request, lock, services } = await prepare(context, { board, engine, offline: false, locked: false });
  const plan = planImage({ ...request, project: { ...request.project, kernels: true } }, lock);
  const toolchain = `root/tools/toolchain-${request.board.arch}`;
  const targets = [
    toolchain,
    "root/tools/qemu",
    `root/sysroot/${request.board.arch}`,
    "compile/edge-run",
    "compile/edge-nn-run",
    "compile/libedge_kernels.so",
    `compile/${engine}`,
    `compile/${engine}-adapter`,
    "unpack/reference",
  ];
  const results = await execute(plan, targets, services);
  const tree = (id) => treePath(services.store, results.get(id).digest);
  return { request, services, toolchain, tree };
}

/** The adapter with its engine's libraries beside it, as in an image. */
function adapter(folder, tree, engine) {
  mkdirSync(folder);
  const file = join(folder, "libedge_nn.so");
  copyFileSync(join(tree(`compile/${engine}-adapter`), "libedge_nn.so"), file);
  const libraries = join(tree(`compile/${engine}`), "usr/lib");
  for (const name of readdirSync(libraries)) {
    if (name.includes(".so")) copyFileSync(join(libraries, name), join(folder, name));
  }
  return file;
}

/** The cross compilers of C and C++, told where their sysroot's start files are; the path of the first. */
function compiler(folder, { program, flags }) {
  for (const name of ["gcc", "g++"]) {
    const quoted = [program.replace(/gcc$/, name), ...flags].map((word) => `'${word}'`).join(" ");
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  }
  return join(folder, "gcc");
}
