import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A project whose app says one line: small and quick to boot. */
export async function tinyProject(folder: string, yaml: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "main.ts"),
    `import { report } from "edge:process";\nreport("result", { sum: 3 });\nreport("ready");\n`,
  );
  await writeFile(
    join(folder, "edgeimg.yaml"),
    `format: 1
name: tiny
app: { entry: main.ts }
tests: { timeout: 300, expect: [{ edgeimg: result, sum: 3 }] }
${yaml}`,
  );
}
