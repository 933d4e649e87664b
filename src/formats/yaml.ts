import {
  constructFromEvents,
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  YAMLException,
} from "js-yaml";
import { EdgeimgError, type Place } from "../errors/edgeimg-error.js";
import type { YamlPath } from "./yaml-path.js";

export interface YamlFile {
  readonly value: unknown;
  /** Where the value at a path starts; of the nearest parent when the file has no such value. */
  readonly place: (path: YamlPath) => Place;
  /** Where the key that names the value stands; the value itself for an item of a list. */
  readonly keyPlace: (path: YamlPath) => Place;
}

export interface YamlLimits {
  /** UTF-16 units. */
  readonly maxLength: number;
  readonly maxDepth: number;
  /** Scalars, lists and mappings together. */
  readonly maxNodes: number;
}

/** Far above any real file of ours, far below what could hurt. */
const defaultLimits: YamlLimits = { maxLength: 4 * 2 ** 20, maxDepth: 24, maxNodes: 200_000 };

interface Spot {
  readonly key: number;
  readonly value: number;
}

/**
 * Parses one YAML document of plain data (JSON types, YAML 1.2 core schema) and remembers where everything stands.
 * Refused, because a data file needs none of it and hostile ones do: aliases and anchors, tags, several documents,
 * duplicate keys, keys that are no plain words, files beyond the limits.
 * @param file the name that error places carry
 * @throws EdgeimgError ERR_EDGEIMG_YAML_INVALID
 */
export function parseYaml(text: string, file: string, limits: Partial<YamlLimits> = {}): YamlFile {
  const bounds = { ...defaultLimits, ...limits };
  const placeAt = placer(text, file);
  const refuse = (message: string, offset: number, hint?: string): never => {
    throw new EdgeimgError("ERR_EDGEIMG_YAML_INVALID", message, {
      place: placeAt(offset),
      ...(hint === undefined ? {} : { hint }),
    });
  };
  if (text.length > bounds.maxLength) {
    refuse(`the file is longer than ${bounds.maxLength} characters`, 0);
  }
  try {
    const events = parseEvents(text, { maxDepth: bounds.maxDepth });
    if (events.length > bounds.maxNodes) refuse(`the file has more than ${bounds.maxNodes} values`, 0);
    const spots = locate(text, events, refuse);
    const value = constructFromEvents(events, { source: text, maxAliases: 0 })[0];
    const find = (path: YamlPath): Spot => {
      for (let length = path.length; length > 0; length--) {
        const spot = spots.get(pointer(path.slice(0, length)));
        if (spot !== undefined) return spot;
      }
      return spots.get("") ?? { key: 0, value: 0 };
    };
    return { value, place: (path) => placeAt(find(path).value), keyPlace: (path) => placeAt(find(path).key) };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new EdgeimgError("ERR_EDGEIMG_YAML_INVALID", error.reason, {
      place: placeAt(error.mark?.position ?? 0),
      cause: error,
    });
  }
}

type Refuse = (message: string, offset: number, hint?: string) => never;

interface Frame {
  readonly kind: "document" | "sequence" | "mapping";
  /** Its pointer: what the pointers of its children begin with. */
  readonly pointer: string;
  /** Offset of the key that waits for its value, and its text. */
  key: { readonly name: string; readonly offset: number } | undefined;
  count: number;
  readonly seen: Map<string, number>;
}

/** Walks the parser's events once: path -> offsets of key and value. */
function locate(text: string, events: readonly Event[], refuse: Refuse): ReadonlyMap<string, Spot> {
  const spots = new Map<string, Spot>();
  const frames: Frame[] = [];
  let documents = 0;
  const open = (kind: Frame["kind"], pointer: string) =>
    frames.push({ kind, pointer, key: undefined, count: 0, seen: new Map() });

  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      frames.pop();
      continue;
    }
    if (event.type === EVENT_ID.DOCUMENT) {
      documents++;
      open("document", "");
      continue;
    }
    const offset = startOf(text, event);
    if (documents > 1) refuse("a second document starts here", offset, "Keep one document: remove the line `---`.");
    if (event.type === EVENT_ID.ALIAS || event.anchorStart >= 0) {
      refuse(
        "anchors and aliases (& and *) are not used here",
        Math.max(0, event.anchorStart - 1),
        "Write the value out.",
      );
    }
    const frame = frames.at(-1);
    if (frame === undefined) continue;

    if (frame.kind === "mapping" && frame.key === undefined) {
      if (event.type !== EVENT_ID.SCALAR) return refuse("a key is a plain word, not a list or mapping", offset);
      frame.key = acceptKey(getScalarValue(text, event), offset, frame, refuse);
      continue;
    }
    const child = childPointer(frame);
    spots.set(child, {
      key: frame.key?.offset ?? offset,
      value: offset < 0 ? (frame.key?.offset ?? 0) : offset,
    });
    frame.key = undefined;
    if (event.type === EVENT_ID.SEQUENCE) open("sequence", child);
    else if (event.type === EVENT_ID.MAPPING) open("mapping", child);
  }
  return spots;
}

function acceptKey(name: string, offset: number, frame: Frame, refuse: Refuse): Frame["key"] {
  if (name === "__proto__") refuse(`"__proto__" cannot be a key`, offset);
  if (name === "<<") refuse("merge keys (<<) are not used here", offset, "Write the values out.");
  if (frame.seen.has(name)) refuse(`the key "${name}" stands here a second time`, offset, "Keep one of the two.");
  frame.seen.set(name, offset);
  return { name, offset };
}

function childPointer(frame: Frame): string {
  if (frame.kind === "document") return "";
  return frame.pointer + pointerPart(frame.kind === "sequence" ? frame.count++ : (frame.key?.name ?? ""));
}

/** Offset of a value's first character, its quote or tag included; -1 when the value is empty or a block of text. */
function startOf(
  text: string,
  event: Exclude<Event, { type: typeof EVENT_ID.DOCUMENT | typeof EVENT_ID.POP }>,
): number {
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart;
  if (event.tagStart >= 0) return event.tagStart;
  if (event.type !== EVENT_ID.SCALAR) return event.start;
  const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
  if (quoted && /["']/.test(text[event.valueStart - 1] ?? "")) return event.valueStart - 1;
  const block = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK;
  return block ? -1 : event.valueStart;
}

/** A path as one word, so that a map can find it. */
function pointer(path: YamlPath): string {
  return path.map(pointerPart).join("");
}

function pointerPart(part: string | number): string {
  return `${typeof part === "number" ? "#" : ""}${part}\0`;
}

/** Offsets to lines and columns, both from 1. */
function placer(text: string, file: string): (offset: number) => Place {
  const starts: number[] = [0];
  for (let index = text.indexOf("\n"); index >= 0; index = text.indexOf("\n", index + 1)) starts.push(index + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file, line: low + 1, column: Math.max(0, offset) - (starts[low] ?? 0) + 1 };
  };
}
