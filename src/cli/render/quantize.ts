import type { QuantizedWay, QuantizeReport } from "../../report/quantize.js";
import { bytesText, narrowTable, printable, wrap } from "./words.js";

/** How many of the tensors that lose most are listed. */
const worstCount = 8;

/** What models lose, as tables for a terminal: the ways of each, and where the project's own loses most. */
export function quantizeText({ models }: QuantizeReport, files: readonly string[]): string {
  return [...models.map(modelText), files.map((file) => `${file}\n`).join("")].map(printable).join("\n");
}

function modelText({ name, maxLoss, ways }: QuantizeReport["models"][number]): string {
  const own = ways.at(-1);
  if (own === undefined) return `${name}\n`;
  const head = ["way", "weights", "activations", "file", "was", "loss", "worst input", "output's SQNR"];
  const isJudged = ways.some(({ accuracy }) => accuracy !== null);
  const judged = (text: string) => (isJudged ? [text] : []);
  const rows = [[...head, ...judged("right")], ...ways.map((way) => [...wayRow(way), ...judged(rightText(way))])];
  const measured =
    own.loss === null
      ? "Nothing was measured: there are no calibration inputs.\n"
      : `${wrap(`The loss is that of the outputs by ${own.loss.metric}, the mean over ${own.loss.inputs} inputs${maxLoss === undefined ? "" : `; maxLoss is ${maxLoss}`}.`, "")}\n`;
  return `${name}\n${narrowTable(rows, 100)}${measured}${accuracyText(own)}${worstText(own)}${floatText(own)}`;
}

function wayRow({ way, settings, bytes, loss }: QuantizedWay): string[] {
  const sqnr = loss === null ? [] : loss.outputs.flatMap((one) => (one.sqnr === null ? [] : [one.sqnr]));
  const worst = loss === null ? [] : loss.outputs.map((one) => one.worst);
  return [
    way === "own" ? `edgeimg.yaml${settings.method === undefined ? "" : ` (${settings.method})`}` : way,
    `${settings.weights} bit, ${settings.scales}`,
    settings.activations === "float" ? "float" : `${settings.activations} bit`,
    bytesText(bytes.quantized),
    bytesText(bytes.float),
    loss === null ? "not measured" : loss.loss.toPrecision(3),
    worst.length === 0 ? "" : Math.max(...worst).toPrecision(3),
    sqnr.length === 0 ? "" : `${Math.min(...sqnr).toFixed(1)} dB`,
  ];
}

/** How the app's answers were judged, and where they got worse. */
function accuracyText({ accuracy }: QuantizedWay): string {
  if (accuracy === null) return "";
  const { metric, pictures, worse } = accuracy;
  const rows = worse
    .slice(0, worstCount)
    .map(({ picture, label, float, quantized }) => [
      picture,
      ...[label, float, quantized].map((text) => JSON.stringify(text)),
    ]);
  const told = `${wrap(`\`right\` is how right the app's answers to ${pictures} pictures are (${metric}), and were with all models in floating point.`, "")}\n`;
  if (rows.length === 0) return told;
  return `${told}\nWhere it answers worse\n${narrowTable([["picture", "label", "float", "quantized"], ...rows], 100)}`;
}

function rightText({ accuracy }: QuantizedWay): string {
  return accuracy === null ? "" : `${percent(accuracy.quantized)} (float ${percent(accuracy.float)})`;
}

function percent(value: number): string {
  return `${(value * 100).toFixed(2)} %`;
}

function worstText({ tensors, layers }: QuantizedWay): string {
  const made = new Map(layers.map(({ output, name, op }) => [output, `${op} ${name}`]));
  const rows = tensors.slice(0, worstCount).flatMap(({ name, sqnr, cosine, saturated }) => {
    if (sqnr === null) return [];
    return [
      [name, made.get(name) ?? "", `${sqnr.toFixed(1)} dB`, cosine.toFixed(4), `${(saturated * 100).toFixed(2)} %`],
    ];
  });
  if (rows.length === 0) return "";
  return `\nWhere it loses most\n${narrowTable([["tensor", "made by", "SQNR", "cosine", "saturated"], ...rows], 100)}`;
}

function floatText({ layers, floats }: QuantizedWay): string {
  const weightsOnly = layers.filter(({ integers }) => !integers).length;
  const counts = `\n${layers.length - weightsOnly} layers compute with whole numbers, ${weightsOnly} have 8-bit weights alone, ${floats.length} are as they were${floats.length === 0 ? "." : ":"}\n`;
  return counts + floats.map(({ name, op, why }) => `  ${op} ${name}: ${why}\n`).join("");
}
