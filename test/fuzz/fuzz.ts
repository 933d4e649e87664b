import { dice } from "../helpers/mutations.js";
import { isRefusal, type Loader } from "./loaders.js";

export interface FuzzResult {
  readonly accepted: number;
  readonly refused: number;
  /** Milliseconds of the slowest file. */
  readonly slowest: number;
  readonly faults: readonly Fault[];
}

export interface Fault {
  /** The number of the file, which is made of it and the seed. */
  readonly number: number;
  readonly says: string;
  readonly bytes: Uint8Array;
}

/** Loads `count` damaged files of a format, the same for the same seed. */
export function fuzz({ files, damage, load }: Loader, count: number, seed: number): FuzzResult {
  let [accepted, refused, slowest] = [0, 0, 0];
  const faults: Fault[] = [];
  for (let number = 0; number < count; number++) {
    const roll = dice(seed * 1_000_003 + number);
    const bytes = damage(files[roll(files.length)] ?? new Uint8Array(), roll);
    const started = performance.now();
    try {
      load(bytes);
      accepted++;
    } catch (error) {
      if (isRefusal(error)) refused++;
      else
        faults.push({ number, bytes, says: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    slowest = Math.max(slowest, performance.now() - started);
  }
  return { accepted, refused, slowest, faults };
}
