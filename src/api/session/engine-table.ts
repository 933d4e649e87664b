import type { EngineInfo, EngineProof } from "../types.js";

const from = "<!-- engines: made by `npm run generate` from the recipes; edit those. -->\n";
const to = "<!-- end of engines -->";

/** docs/engines.md with the table of engines as the recipes have it. Throws when the page has no place for it. */
export function withEngineTable(page: string, engines: readonly EngineInfo[]): string {
  const [before, rest] = page.split(from);
  const after = rest?.split(to)[1];
  if (before === undefined || after === undefined) throw new Error("docs/engines.md has no section for the engines");
  return `${before}${from}${engineTable(engines)}${to}${after}`;
}

function engineTable(engines: readonly EngineInfo[]): string {
  const head = ["engine", "version", "licence", "reads", "from ONNX by", "adds to an image (bytes)", "proven"];
  const rows = engines.map((one) => [
    ...[`\`${one.name}\``, one.version, one.license, one.accepts.join(", "), converters(one)],
    ...[sizes(one), one.proven.length === 0 ? "not verified" : proofs(one.proven)],
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function converters({ converters: path }: EngineInfo): string {
  if (path === undefined) return "nothing";
  return path.length === 0 ? "no converter" : path.join(", ");
}

function sizes({ size }: EngineInfo): string {
  const told = Object.entries(size).map(([cpu, bytes]) => `${bytes} (${cpu})`);
  return told.length === 0 ? "not measured" : told.join(", ");
}

function proofs(proven: readonly EngineProof[]): string {
  const booted = new Map<string, string[]>();
  for (const one of proven)
    if (one.how === "booted") booted.set(one.example, [...(booted.get(one.example) ?? []), one.board]);
  const run = new Set(proven.flatMap((one) => (one.how === "models" ? [one.cpu] : [])));
  return [
    ...[...booted].map(([example, boards]) => `${example} booted on ${boards.join(", ")}`),
    ...(run.size === 0 ? [] : [`models on an emulated ${[...run].join(", ")}`]),
  ].join("; ");
}
