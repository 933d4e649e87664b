import { didYouMean } from "../errors/nearest.js";
import * as z from "../ground/zod.js";
import { dotted, type YamlPath } from "./yaml-path.js";

/** One thing that is wrong with a value, in words. */
export interface Problem {
  readonly path: YamlPath;
  /** Whether the key itself is at fault, rather than its value. */
  readonly atKey: boolean;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** What a schema complains of in a value, as sentences a user understands, in the order of the schema. */
export function describeProblems(schema: z.ZodType, value: unknown, error: z.ZodError): readonly Problem[] {
  const names = knownNames(schema);
  return error.issues.flatMap((issue) => describe(issue, { base: [], value, names }));
}

interface Scene {
  readonly base: YamlPath;
  readonly value: unknown;
  readonly names: (path: YamlPath) => readonly string[];
}

function describe(issue: Issue, scene: Scene): readonly Problem[] {
  const path: YamlPath = [...scene.base, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  const label = path.length === 0 ? "the file" : `\`${dotted(path)}\``;
  const found = at(scene.value, path);
  const say = (message: string): readonly Problem[] => [{ path, atKey: false, message }];

  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...path, key],
        atKey: true,
        message: `unknown key \`${dotted([...path, key])}\`.${didYouMean(key, scene.names(path))}`,
      }));
    case "invalid_type":
      if (found === undefined) return say(`${label} is missing: ${kindName(issue.expected)} is needed`);
      return say(`${label} must be ${kindName(issue.expected)}, not ${kindOf(found)}`);
    case "invalid_value": {
      const values = issue.values.map(String);
      const choice = values.length === 1 ? values[0] : `one of ${values.join(", ")}`;
      if (found === undefined) return say(`${label} is missing: ${choice} is needed`);
      return say(`${label} must be ${choice}, not ${shown(found)}.${didYouMean(String(found), values)}`);
    }
    case "invalid_key": {
      const inner = issue.issues[0]?.message ?? "not allowed";
      return [{ path, atKey: true, message: `the name \`${dotted(path)}\` is not allowed: ${inner}` }];
    }
    case "invalid_union":
      return describeUnion(issue, path, scene);
    case "too_small":
      return say(`${label} ${sizeWords(issue.origin, "at least", Number(issue.minimum))}`);
    case "too_big":
      return say(`${label} ${sizeWords(issue.origin, "at most", Number(issue.maximum))}`);
    case "invalid_format": {
      const words = issue.message.startsWith("Invalid ")
        ? `is not in the right form (${issue.format === "regex" ? "see the reference" : issue.format})`
        : `is not allowed: ${issue.message}`;
      return say(`${label} ${words} (found ${shown(found)})`);
    }
    default:
      return say(`${label}: ${issue.message}`);
  }
}

/** Of a union's branches, the one that the value comes closest to speaks; when none does, all are named. */
function describeUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: YamlPath,
  scene: Scene,
): readonly Problem[] {
  const found = at(scene.value, path);
  if ("options" in issue && Array.isArray(issue.options)) {
    const options = issue.options.map(String);
    const words = found === undefined ? "is missing: it must be" : `is ${shown(found)}, but must be`;
    const message = `\`${dotted(path)}\` ${words} one of ${options.join(", ")}.${didYouMean(String(found), options)}`;
    return [{ path, atKey: false, message }];
  }
  if (found === undefined) return [{ path, atKey: false, message: `\`${dotted(path)}\` is missing` }];
  const branches = issue.errors.filter(
    (issues) => !issues.some((one) => one.path.length === 0 && one.code === "invalid_type"),
  );
  const closest = [...branches].sort((a, b) => a.length - b.length)[0];
  if (closest !== undefined) return closest.flatMap((one) => describe(one, { ...scene, base: path }));
  const kinds = issue.errors.flatMap((issues) =>
    issues.flatMap((one) => (one.code === "invalid_type" ? [kindName(one.expected)] : [])),
  );
  const message = `\`${dotted(path)}\` must be ${[...new Set(kinds)].join(" or ")}, not ${kindOf(found)}`;
  return [{ path, atKey: false, message }];
}

function at(value: unknown, path: YamlPath): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, part)) return undefined;
    current = Reflect.get(current, part);
  }
  return current;
}

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping (key: value)",
  record: "a mapping (key: value)",
  null: "empty",
};

function kindName(expected: string): string {
  return kinds[expected] ?? expected;
}

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return `the ${typeof value === "string" ? "text" : typeof value} ${shown(value)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function sizeWords(origin: string, bound: "at least" | "at most", limit: number): string {
  const units: Readonly<Record<string, string>> = { string: "character", array: "item", object: "key", record: "key" };
  const unit = units[origin];
  if (unit === undefined) return `must be ${bound} ${limit}`;
  return `must have ${bound} ${limit} ${unit}${limit === 1 ? "" : "s"}`;
}

type JsonNode = z.core.JSONSchema.BaseSchema;

/** The keys that a schema knows at a path, read from its JSON Schema; made when first asked. */
function knownNames(schema: z.ZodType): (path: YamlPath) => readonly string[] {
  let root: JsonNode | undefined;
  return (path) => {
    root ??= z.toJSONSchema(schema, { io: "input", reused: "inline", unrepresentable: "any" });
    let nodes = branches([root]);
    for (const part of path) nodes = branches(nodes.flatMap((node) => children(node, part)));
    return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
  };
}

/** The nodes and all their alternatives. */
function branches(nodes: readonly (JsonNode | boolean)[]): readonly JsonNode[] {
  return nodes.flatMap((node) =>
    typeof node === "boolean"
      ? []
      : [node, ...branches([...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])])],
  );
}

function children(node: JsonNode, part: string | number): readonly (JsonNode | boolean)[] {
  if (typeof part === "string") {
    const own = node.properties?.[part] ?? node.additionalProperties;
    return own === undefined ? [] : [own];
  }
  const item = node.prefixItems?.[part] ?? node.items;
  return item === undefined ? [] : [item].flat();
}
