import { dump } from "js-yaml";
import type * as z from "zod";
import { type ErrorCode, errorCodes } from "../errors/codes.js";
import { type FileKind, jsonSchema } from "./json-schema.js";

type Node = z.core.JSONSchema.BaseSchema;

/** The reference page of a file kind, as Markdown: every key with its type, default, meaning and an example. */
export function referencePage(kind: FileKind): string {
  const root = jsonSchema(kind);
  const intro = `# ${kind.title}\n\n<!-- Made by \`npm run generate\` from the schema; edit that. -->\n\n${kind.about}\n`;
  return `${intro}\n${sections(root, [], definitions(root)).join("\n")}`;
}

/** The page of all error codes, as Markdown. */
export function errorsPage(): string {
  const intro =
    "# Error codes\n\n<!-- Made by `npm run generate` from src/errors/codes.ts; edit that. -->\n\nCodes are stable: they are never renamed or used for something else. `edgeimg explain CODE` prints the same.\n\nExit codes: 1 a mistake in the input, 2 the environment, 3 a failed verification, 70 a bug of edgeimg, 130 interrupted.\n";
  const isCode = (name: string): name is ErrorCode => Object.hasOwn(errorCodes, name);
  const codes = Object.keys(errorCodes).filter(isCode).sort();
  const entries = codes.map((code) => {
    const { exit, summary, help } = errorCodes[code];
    return `\n## ${code}\n\nExit code ${exit}. ${summary}\n\n${help}\n`;
  });
  return intro + entries.join("");
}

type Definitions = Readonly<Record<string, Node>>;

function definitions(root: Node): Definitions {
  const found: Record<string, Node> = {};
  for (const [name, node] of Object.entries(root.definitions ?? root.$defs ?? {}))
    if (typeof node === "object") found[name] = node;
  return found;
}

function sections(node: Node, path: readonly string[], defs: Definitions): readonly string[] {
  const required = new Set(node.required ?? []);
  const own = Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    typeof child === "boolean" ? [] : section(child, { path: [...path, key], required: required.has(key), defs }),
  );
  const inner = typeof node.additionalProperties === "object" ? node.additionalProperties : undefined;
  const named = inner === undefined ? [] : sections(inner, [...path, "NAME"], defs);
  const items = node.items === undefined || typeof node.items === "boolean" ? [] : [node.items].flat();
  const listed = items.flatMap((item) => (typeof item === "boolean" ? [] : sections(item, extend(path, "[]"), defs)));
  const choices = [...(node.anyOf ?? []), ...(node.oneOf ?? [])];
  const chosen = choices.flatMap((choice) => (typeof choice === "boolean" ? [] : sections(choice, path, defs)));
  return [...own, ...named, ...listed, ...chosen].filter((text, index, all) => all.indexOf(text) === index);
}

interface Spot {
  readonly path: readonly string[];
  readonly required: boolean;
  readonly defs: Definitions;
}

function section(node: Node, { path, required, defs }: Spot): readonly string[] {
  const facts = [typeWords(node, defs)];
  if (node.default !== undefined && !isEmptyMapping(node.default))
    facts.push(`default \`${JSON.stringify(node.default)}\``);
  else facts.push(required ? "required" : "optional");
  const meaning = node.description === undefined ? "" : `\n${node.description}\n`;
  const examples = (Array.isArray(node.examples) ? node.examples : [])
    .map((example) => yamlExample(path, example))
    .join("");
  const heading = `${"#".repeat(Math.min(5, path.length + 1))} \`${path.join(".")}\`\n\n${facts.join(", ")}\n`;
  return [`${heading}${meaning}${examples}`, ...sections(node, path, defs)];
}

function yamlExample(path: readonly string[], value: unknown): string {
  const key = path.at(-1) ?? "";
  return `\n\`\`\`yaml\n${dump({ [key]: value }, { flowLevel: 2, lineWidth: -1 })}\`\`\`\n`;
}

function typeWords(node: Node, defs: Definitions): string {
  if (node.$ref !== undefined) return "any JSON value";
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(" or ");
  const choices = [...(node.anyOf ?? []), ...(node.oneOf ?? [])];
  if (choices.length > 0)
    return [...new Set(choices.map((one) => (typeof one === "boolean" ? "anything" : typeWords(one, defs))))].join(
      ", or ",
    );
  switch (node.type) {
    case "integer":
      return `whole number${range(node)}`;
    case "number":
      return "number";
    case "boolean":
      return "true or false";
    case "string":
      return "text";
    case "array": {
      const [item] = [node.items].flat();
      return `list of: ${item === undefined || typeof item === "boolean" ? "anything" : typeWords(item, defs)}`;
    }
    case "object": {
      if (node.properties !== undefined) return "mapping with the keys below";
      const value = node.additionalProperties;
      return `mapping of names to: ${typeof value === "object" ? typeWords(value, defs) : "anything"}`;
    }
    default:
      return "any JSON value";
  }
}

function range({ minimum, maximum }: Node): string {
  const low = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  if (low !== undefined) return ` of at least ${low}`;
  return high === undefined ? "" : ` of at most ${high}`;
}

function isEmptyMapping(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function extend(path: readonly string[], suffix: string): readonly string[] {
  return path.length === 0 ? [suffix] : [...path.slice(0, -1), `${path.at(-1)}${suffix}`];
}
