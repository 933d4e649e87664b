import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as tar from "tar";
import { dispatched, extension } from "../catalog/dispatch.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type ExtensionUse, extensionsIn } from "../formats/a64-code.js";
import { readElf } from "../formats/elf.js";
import { functionAt } from "../formats/elf-code.js";
import { globMatcher } from "../formats/glob.js";
import * as z from "../ground/zod.js";
import { type FileRecord, readListing } from "./file-record.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const rule = dispatched.unwrap().element.extend({
  /** Inputs of the step that assembled the image; all when absent. */
  inputs: z.array(z.string()).optional(),
  /** Globs of Debian packages; when absent the rule is not about packages. */
  packages: z.array(z.string()).optional(),
});

const params = z.strictObject({
  board: z.string(),
  cpu: z.string(),
  /** ELF's e_machine of the architecture whose code is known. */
  machine: z.int(),
  /** What the board's core has beyond ARMv8.0. */
  has: z.array(extension),
  rules: z.array(rule),
});
type Params = z.infer<typeof params>;

/** One line of `instructions.json`: an extension that a file uses although the core may lack it, and why it may. */
interface Allowed {
  readonly path: string;
  readonly extension: string;
  readonly count: number;
  readonly reason: string;
}

/**
 * Looks through the machine code of an assembled tree, the input "image", for instructions that the board's core lacks. Writes `instructions.json`: files,
 * instructions, and what is allowed by a rule because the code asks at run time.
 * Throws ERR_EDGEIMG_IMAGE_INSTRUCTION for what no rule allows.
 */
export const instructionsKind = defineKind({
  name: "instructions",
  version: 1,
  params,
  async run(options, { inputs, out, log }) {
    const allowed: Allowed[] = [];
    let files = 0;
    let words = 0;
    for (const { record, data } of await filesOf(inputFolder(inputs, "image"))) {
      if (readElf(data)?.machine !== options.machine || data.readUInt8(4) !== 2) continue;
      const code = extensionsIn(data);
      files++;
      words += code.words;
      for (const use of code.uses.filter((one) => !options.has.includes(one.extension))) {
        const reason = reasonFor(options.rules, record, use);
        if (reason === undefined) throw refused(options, { record, data, use });
        allowed.push({ path: record.path, extension: use.extension, count: use.count, reason });
      }
    }
    log("debug", `${words} instructions of ${files} files looked through for what ${options.cpu} lacks`);
    await writeFile(
      join(out, "instructions.json"),
      `${JSON.stringify({ files, instructions: words, allowed }, null, 1)}\n`,
    );
  },
});

function reasonFor(rules: Params["rules"], record: FileRecord, { extension }: ExtensionUse): string | undefined {
  const name = record.package?.split("_")[0];
  return rules.find(
    ({ inputs, packages, files, extensions }) =>
      extensions.includes(extension) &&
      (inputs === undefined || inputs.includes(record.input ?? "")) &&
      (packages === undefined || (name !== undefined && globMatcher(packages)(name))) &&
      globMatcher(files)(record.path),
  )?.reason;
}

function refused({ board, cpu }: Params, found: { record: FileRecord; data: Buffer; use: ExtensionUse }): EdgeimgError {
  const { record, data, use } = found;
  const place = functionAt(data, use.address);
  const where = `${place === undefined ? "" : `in ${place} `}at 0x${use.address.toString(16)}`;
  const from = record.package?.split("_")[0] ?? record.input;
  return new EdgeimgError(
    "ERR_EDGEIMG_IMAGE_INSTRUCTION",
    `${record.path}${from === undefined ? "" : ` (${from})`} has ${use.count} instruction${use.count === 1 ? "" : "s"} of "${use.extension}", which the ${cpu} of ${board} lacks; the first is ${use.instruction} ${where}.`,
    {
      hint: `Compile it with -mcpu=${cpu}, or with an -march without +${use.extension}. Code that asks the processor before it uses "${use.extension}" is named under \`dispatched\`, of the engine's recipe or of \`app\`.`,
    },
  );
}

/** The regular files of an assembled tree with their bytes. */
async function filesOf(folder: string): Promise<{ readonly record: FileRecord; readonly data: Buffer }[]> {
  const records = await readListing(folder);
  const archive = join(folder, "data.tar");
  const packed = existsSync(archive) ? entriesOf(archive) : undefined;
  return records.flatMap((record) => {
    if (record.type !== "file") return [];
    const data = packed === undefined ? readFileSync(join(folder, "data", record.path)) : packed.get(record.path);
    if (data === undefined) throw new Error(`${basename(folder)} lists ${record.path}, but does not hold it`);
    return [{ record, data }];
  });
}

function entriesOf(archive: string): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  tar.list({
    file: archive,
    sync: true,
    onReadEntry: (entry) => {
      const pieces: Buffer[] = [];
      entry.on("data", (piece) => pieces.push(piece));
      entry.on("end", () => files.set(entry.path, Buffer.concat(pieces)));
    },
  });
  return files;
}
