import type { Api, Context } from "../api/types.js";
import type { Terminal } from "./terminal.js";

/** A flag. `value` names its argument; without one it is a switch. */
export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
  /** What shell completion offers: names of boards, of engines, or files. */
  readonly complete?: "boards" | "engines" | "examples" | "files" | "directories" | "steps";
  readonly number?: { readonly min: number; readonly max: number };
  readonly choices?: readonly string[];
  /** May be given several times. */
  readonly many?: boolean;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly required: boolean;
  readonly help: string;
  readonly choices?: readonly string[];
  readonly complete?: "directories" | "files" | "codes";
}

/** A command as data, so that help, parsing, completion and docs come from one place. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly flags: readonly FlagSpec[];
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** Further lines of the help, from what edgeimg finds in its folders. */
  readonly more?: (api: Api) => Promise<string>;
  /** It may have put much into the store, which is looked through afterwards when that is due. */
  readonly fillsStore?: true;
  readonly run: (invocation: Invocation) => Promise<number>;
}

export interface Invocation {
  readonly arguments: readonly string[];
  readonly flags: Flags;
  readonly context: Context;
  readonly api: Api;
  readonly terminal: Terminal;
  readonly output: Output;
}

export interface Flags {
  readonly text: (name: string) => string | undefined;
  readonly number: (name: string) => number | undefined;
  /** All values of a flag that may be given several times. */
  readonly list: (name: string) => readonly string[];
  readonly on: (name: string) => boolean;
}

export interface Output {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** Ends the live list; then prints the result: text for people, or one JSON object with `type: "result"`. */
  readonly result: (record: Readonly<Record<string, unknown>>, text: string) => Promise<void>;
}
