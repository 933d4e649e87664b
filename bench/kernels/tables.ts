import { direct, mobilenet, resnet18, schemes } from "./layers.js";
import type { Row } from "./measure.js";
import { type Core, cores } from "./ports.js";

/** What the issue asked for, modelled MAC per cycle on the 3x3 shapes of ResNet-18. */
export const goals: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  a53: { w8a8: 5.5, w7a7: 5, w4a4: 5.5, w2a2: 9, w1a1: 28 },
  a72: { w8a8: 6, w2a2: 10, w1a1: 40 },
  a76: { w8a8: 22, w1a1: 55 },
};

/** Kernels that are not ours, for comparison. */
const others: readonly string[] = ["compiler", "ncnn", "ncnn-direct"];

/** What the arithmetic allows the kernel of a row at most. */
export function limitOf(core: Core, { scheme, kernel }: Pick<Row, "scheme" | "kernel">): number | undefined {
  if (others.includes(kernel)) return undefined;
  if (kernel.includes("winograd")) return core.limits[kernel.endsWith("narrow") ? "winogradNarrow" : "winograd"];
  return core.limits[scheme];
}

const fixed = (value: number): string => (value >= 20 ? value.toFixed(0) : value.toFixed(1));

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** One table a core: MAC per cycle by layer and scheme, its limit and goal. */
export function coreTable(core: Core, rows: readonly Row[]): string {
  const own = rows.filter((row) => row.core === core.name);
  const layers = resnet18.map(({ name }) => name);
  const head = [
    "scheme",
    "kernel",
    ...layers,
    "limit",
    "% of limit",
    "MAC/instr.",
    "goal",
    "bound by",
    "packing, share",
  ];
  const lines = [line(head), line(head.map(() => "---"))];
  for (const scheme of [...schemes, ...others]) {
    const found = layers.map((layer) =>
      own.find(
        (row) =>
          row.layer === layer &&
          (others.includes(scheme) ? row.kernel === scheme : row.scheme === scheme && !others.includes(row.kernel)),
      ),
    );
    const cells = found.flatMap((row) => (row === undefined ? [] : [row]));
    const first = cells[0];
    if (first === undefined) continue;
    const rates = cells.map((row) => row.macs / row.cycles);
    const limit = limitOf(core, first);
    const goal = goals[core.name]?.[scheme];
    const worst = Math.min(...rates);
    const range = (values: readonly number[]) => `${fixed(Math.min(...values))}-${fixed(Math.max(...values))}`;
    lines.push(
      line([
        others.includes(scheme) ? "w8a8" : scheme,
        [...new Set(cells.map(({ kernel }) => kernel))].join(", "),
        ...rates.map(fixed),
        limit === undefined ? "" : fixed(limit),
        limit === undefined ? "" : range(rates.map((rate) => (100 * rate) / limit)),
        range(cells.map((row) => row.macs / row.instructions)),
        goal === undefined ? "" : `${goal}: ${worst >= goal ? "met" : "missed"}`,
        first.bound,
        range(cells.map((row) => (100 * row.packingCycles) / (row.cycles + row.packingCycles))),
      ]),
    );
  }
  return lines.join("\n");
}

/** How many times as fast as ncnn, input packing included on both sides, and for 1 bit also without ours. */
export function versusTable(rows: readonly Row[]): string {
  const layers = resnet18.map(({ name }) => name);
  const head = ["core", "scheme", "against", ...layers];
  const lines = [line(head), line(head.map(() => "---"))];
  for (const core of cores) {
    for (const other of ["ncnn", "ncnn-direct"]) {
      for (const [scheme, packing] of [
        ["w8a8", 1] as const,
        ["w2a2", 1] as const,
        ["w1a1", 1] as const,
        ["w1a1", 0] as const,
      ]) {
        const ratios = layers.flatMap((layer) => {
          const here = rows.filter((row) => row.core === core.name && row.layer === layer);
          const own = here.find((row) => row.scheme === scheme && !others.includes(row.kernel));
          const theirs = here.find((row) => row.kernel === other);
          if (own === undefined || theirs === undefined) return [];
          return [((theirs.cycles + theirs.packingCycles) / (own.cycles + packing * own.packingCycles)).toFixed(2)];
        });
        if (ratios.length === layers.length)
          lines.push(line([core.name, packing === 1 ? scheme : `${scheme}, packing left out`, other, ...ratios]));
      }
    }
  }
  return lines.join("\n");
}

/** Where there is no Winograd: a 1x1 convolution, all schemes and cores. */
export function directTable(rows: readonly Row[]): string {
  const head = ["scheme", ...cores.flatMap(({ name }) => [`${name} kernel`, name, "% of limit"])];
  const lines = [line(head), line(head.map(() => "---"))];
  for (const scheme of schemes) {
    const cells = cores.flatMap((core) => {
      const row = rows.find(
        (one) =>
          one.core === core.name && one.layer === direct.name && one.scheme === scheme && !others.includes(one.kernel),
      );
      if (row === undefined) return ["", "", ""];
      const rate = row.macs / row.cycles;
      const limit = limitOf(core, row);
      return [row.kernel, fixed(rate), limit === undefined ? "" : ((100 * rate) / limit).toFixed(0)];
    });
    lines.push(line([scheme, ...cells]));
  }
  return lines.join("\n");
}

/** Layers of MobileNets, int8, all cores. */
export function mobilenetTable(rows: readonly Row[]): string {
  const head = ["layer", ...cores.map(({ name }) => `${name} w8a8`), ...cores.map(({ name }) => `${name} compiler`)];
  const lines = [line(head), line(head.map(() => "---"))];
  for (const { name } of mobilenet) {
    const rate = (core: string, plain: boolean): string => {
      const row = rows.find(
        (one) =>
          one.layer === name && one.core === core && one.scheme === "w8a8" && (one.kernel === "compiler") === plain,
      );
      return row === undefined ? "" : fixed(row.macs / (row.cycles + row.packingCycles));
    };
    lines.push(
      line([name, ...cores.map((core) => rate(core.name, false)), ...cores.map((core) => rate(core.name, true))]),
    );
  }
  return lines.join("\n");
}

/** Bars: modelled MAC per cycle, worst of the four layers, beside the limit. */
export function chart(rows: readonly Row[]): string {
  const bars: { label: string; value: number; limit: number; group: number }[] = [];
  cores.forEach((core, group) => {
    for (const scheme of schemes) {
      const own = rows.filter(
        (row) =>
          row.core === core.name &&
          row.scheme === scheme &&
          row.kernel !== "compiler" &&
          row.layer.startsWith("3x3 ") &&
          !row.layer.includes("depthwise"),
      );
      const limit = own[0] === undefined ? undefined : limitOf(core, own[0]);
      if (limit === undefined) continue;
      bars.push({
        label: `${core.name} ${scheme}`,
        value: Math.min(...own.map((row) => row.macs / row.cycles)),
        limit,
        group,
      });
    }
  });
  const longest = Math.max(...bars.map(({ limit }) => limit));
  const colours = ["#3b6ea5", "#4f8f5b", "#a5683b"];
  const scale = 520 / longest;
  const height = bars.length * 20 + 60;
  const lines = bars.map(({ label, value, limit, group }, index) => {
    const y = 40 + index * 20;
    return [
      `<text x="90" y="${y + 11}" text-anchor="end">${label}</text>`,
      `<rect x="96" y="${y}" width="${(limit * scale).toFixed(1)}" height="14" fill="#e4e4e4"/>`,
      `<rect x="96" y="${y}" width="${(value * scale).toFixed(1)}" height="14" fill="${colours[group % colours.length]}"/>`,
      `<text x="${(100 + limit * scale).toFixed(1)}" y="${y + 11}">${fixed(value)} of ${fixed(limit)}</text>`,
    ].join("\n  ");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="720" height="${height}" font-family="sans-serif" font-size="12">
  <rect width="720" height="${height}" fill="#ffffff"/>
  <text x="10" y="20">MAC per cycle, counted instructions and modelled cycles, not measured on a device. Worst 3x3 layer of ResNet-18; grey: limit.</text>
  ${lines.join("\n  ")}
</svg>
`;
}
