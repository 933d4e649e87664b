import type { ConsoleLine, Milestone } from "../../src/device/console.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { openCutCard } from "./cut-card.js";
import type { Cut } from "./cuts.js";
import { bootMs, cardSettings, type Recording, type RecordName, startCard } from "./records.js";

/** `lost`: settings, or what stood on the data partition before the recorded boot. */
export type Outcome = "good" | "volatile" | "lost" | "not-booting";

export interface Verdict {
  readonly cut: Cut;
  readonly outcome: Outcome;
  /** Why it is no good one. */
  readonly reason?: string;
  /** The console's last lines. */
  readonly lines: readonly string[];
  readonly seconds: number;
}

export interface RehearseOptions {
  readonly recording: Recording;
  readonly cuts: readonly Cut[];
  readonly signal: AbortSignal;
  readonly onVerdict: (verdict: Verdict) => void;
}

/** Cuts the card at each point and boots it until the app has said that it is ready. One board runs at a time. */
export async function rehearse({ recording, cuts, signal, onVerdict }: RehearseOptions): Promise<Verdict[]> {
  const card = await openCutCard(recording);
  const verdicts: Verdict[] = [];
  try {
    for (const cut of cuts) {
      await card.become(cut);
      const began = performance.now();
      const lines = await bootOnce(recording, signal);
      const verdict = {
        cut,
        ...judge(recording.name, lines),
        lines: lines.slice(-30).map(({ text }) => text),
        seconds: (performance.now() - began) / 1000,
      };
      verdicts.push(verdict);
      onVerdict(verdict);
    }
  } finally {
    await card.close();
  }
  return verdicts;
}

/** What the board says until its app is ready, its time is over or it ends. The card stays as it is. */
async function bootOnce(recording: Recording, signal: AbortSignal): Promise<readonly ConsoleLine[]> {
  const machine = await startCard({ ...recording, cardWrites: { kind: "forget" }, signal });
  try {
    await machine.waitFor(({ milestone }) => milestone?.name === "ready", bootMs);
  } catch (error) {
    const silent = ["ERR_EDGEIMG_DEVICE_TIMEOUT", "ERR_EDGEIMG_DEVICE_ENDED"];
    if (!(error instanceof EdgeimgError) || !silent.includes(error.code)) throw error;
  } finally {
    await machine.stop();
  }
  return machine.seen();
}

/** What a console says of a boot after a power cut. */
export function judge(
  name: RecordName,
  lines: readonly ConsoleLine[],
): { readonly outcome: Outcome; readonly reason?: string } {
  const said = lines.flatMap(({ milestone }) => milestone ?? []);
  const last = (milestone: string) => said.findLast((one) => one.name === milestone)?.fields;
  const ready = last("ready");
  if (ready === undefined || last("app-start") === undefined) {
    return { outcome: "not-booting", reason: "the app did not start" };
  }
  const data = last("data");
  if (!["created", "mounted", "grown"].includes(String(data?.state))) {
    return { outcome: "volatile", reason: JSON.stringify(data ?? "no data milestone") };
  }
  if (name === "first") return { outcome: "good" };
  if (name === "clock" && (data?.state === "created" || Number(ready.starts) < 1)) {
    return { outcome: "lost", reason: `data ${String(data?.state)}, starts ${String(ready.starts)}` };
  }
  const wrong = said.filter((one) => one.name === "settings" && !isOurs(one));
  if (last("settings") === undefined || wrong.length > 0) {
    return { outcome: "lost", reason: JSON.stringify(wrong[0]?.fields ?? "no settings milestone") };
  }
  return { outcome: "good" };
}

/** All settings that were flashed are in force. */
function isOurs({ fields }: Milestone): boolean {
  return (
    ["applied", "kept"].includes(String(fields.state)) &&
    fields.hostname === cardSettings.hostname &&
    fields.sshKeys === cardSettings.sshKeys.length &&
    fields.wifi === true &&
    JSON.stringify(fields.variables) === '["GREETING"]'
  );
}
