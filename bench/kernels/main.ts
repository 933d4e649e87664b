import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { direct, mobilenet, resnet18, schemes } from "./layers.js";
import { measure, type Row, row, type Task } from "./measure.js";
import { cores } from "./ports.js";
import { benchTools, compileBench, compileNcnnBench, makeMachine } from "./programs.js";
import { chart, coreTable, directTable, mobilenetTable, versusTable } from "./tables.js";

const results = z.object({ rows: z.array(row) });
const home = fileURLToPath(new URL("../../", import.meta.url));

/** Everything that the tables show. */
function allTasks(): Task[] {
  const tasks: Task[] = [];
  for (const layer of resnet18) {
    for (const scheme of schemes) tasks.push({ layer, scheme, by: "core" });
    tasks.push({ layer, scheme: "w8a8", by: "plain" });
  }
  for (const scheme of schemes) if (scheme !== "w8a8") tasks.push({ layer: direct, scheme, by: "core" });
  for (const layer of mobilenet) {
    tasks.push({ layer, scheme: "w8a8", by: "core" });
    if (!layer.depthwise) tasks.push({ layer, scheme: "w8a8", by: "plain" });
  }
  return tasks;
}

/** Puts `text` between the two comments that mark `name` in a page. Throws Error when they are missing. */
function replaceSection(page: string, name: string, text: string): string {
  const from = `<!-- ${name} -->`;
  const to = `<!-- /${name} -->`;
  const start = page.indexOf(from);
  const end = page.indexOf(to);
  if (start < 0 || end < start) throw new Error(`the page has no section ${name}`);
  return `${page.slice(0, start + from.length)}\n\n${text}\n\n${page.slice(end)}`;
}

/** Counts all layers on all cores. */
async function countAll(): Promise<Row[]> {
  const tools = benchTools();
  if (tools === undefined) throw new Error("set EDGEIMG_TEST_GCC, _SYSROOT, _HOST_GCC, _QEMU_SYSTEM and _KERNEL");
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-bench-"));
  try {
    const machine = await makeMachine(tools, folder);
    const rows: Row[] = [];
    for (const core of cores) {
      const program = await compileBench(tools, core, folder);
      rows.push(...(await measure({ machine, program, core, tasks: allTasks() })));
      if (tools.ncnn === undefined || core.variant === "dot") continue;
      const tasks = resnet18.flatMap((layer): Task[] => [
        { layer, scheme: "w8a8", by: "ncnn" },
        { layer, scheme: "w8a8", by: "ncnn-direct" },
      ]);
      rows.push(...(await measure({ machine, core, tasks, ...(await compileNcnnBench(tools, tools.ncnn, folder)) })));
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Writes results.json, the chart and the tables of docs/kernels.md; with `reuse` from the results.json that is there. */
export async function main(reuse: boolean): Promise<void> {
  const file = `${home}bench/kernels/results.json`;
  const rows = reuse ? results.parse(JSON.parse(await readFile(file, "utf8"))).rows : await countAll();
  const page = `${home}docs/kernels.md`;
  let text = await readFile(page, "utf8");
  for (const core of cores)
    text = replaceSection(text, `table ${core.name}`, `**${core.title}**\n\n${coreTable(core, rows)}`);
  text = replaceSection(text, "table mobilenet", mobilenetTable(rows));
  text = replaceSection(text, "table versus", versusTable(rows));
  text = replaceSection(text, "table direct", directTable(rows));
  await writeFile(page, text);
  await writeFile(`${home}docs/kernels.svg`, chart(rows));
  const label = "counted and modelled, not measured on a device";
  await writeFile(file, `${JSON.stringify({ label, rows }, null, 1)}\n`);
}
