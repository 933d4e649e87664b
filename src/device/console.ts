/** A line that the board wrote to its console. */
export interface ConsoleLine {
  /** Counts from 0. */
  readonly index: number;
  /** Without escape sequences and control characters. */
  readonly text: string;
  /** A JSON line of ours: its `edgeimg` key, and all of its keys. */
  readonly milestone: Milestone | undefined;
}

export interface Milestone {
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A longer line is cut: a broken guest may write without any newline. */
export const longestLine = 2 ** 18;

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals' escape sequences begin with one.
const escapes = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Splits a console's bytes into lines. Feed it with `push`; `end` gives what is left without a newline. */
export interface LineSplitter {
  push(bytes: Uint8Array): string[];
  end(): string[];
}

export function lineSplitter(): LineSplitter {
  const decoder = new TextDecoder("utf-8", { fatal: false });
  /** Pieces of the line that has not ended yet: each byte is looked at once, however small the pieces come. */
  let rest: string[] = [];
  let length = 0;
  const takeRest = (): string => {
    const line = rest.join("");
    rest = [];
    length = 0;
    return line;
  };
  const cut = (text: string): string[] => {
    const lines: string[] = [];
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      lines.push(takeRest() + text.slice(from, at));
      from = at + 1;
    }
    if (from < text.length) rest.push(text.slice(from));
    length += text.length - from;
    if (length > longestLine) lines.push(takeRest());
    return lines;
  };
  return {
    push: (bytes) => cut(decoder.decode(bytes, { stream: true })),
    end: () => {
      const lines = cut(decoder.decode());
      return length === 0 ? lines : [...lines, takeRest()];
    },
  };
}

/**
 * Reads one line. A shell's prompt or a stray byte of the serial port may stand before the JSON object, so it is looked for
 * within the line.
 */
export function parseConsoleLine(raw: string, index: number): ConsoleLine {
  const text = raw.replace(escapes, "").replace(controls, "");
  return { index, text, milestone: parseMilestone(text) };
}

function parseMilestone(text: string): Milestone | undefined {
  const at = text.indexOf('{"edgeimg":');
  if (at < 0) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(at).trimEnd());
    if (!isRecord(value) || typeof value.edgeimg !== "string") return undefined;
    return { name: value.edgeimg, fields: value };
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
