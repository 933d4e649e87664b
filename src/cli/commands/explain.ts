import type { PathExplanation } from "../../api/types.js";
import { type ErrorCode, errorCodes } from "../../errors/codes.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { nearest } from "../../errors/nearest.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";
import { bytesText, wrap } from "../render/words.js";

export const explain: CommandSpec = {
  name: "explain",
  summary: "say what an error code means, or why a file is in the image",
  description:
    "Explains an error code; or, for a path that starts with /, names the package that the file of the image comes from and the needs that brought it in.",
  arguments: [{ name: "what", required: true, help: "an error code, or a path in the image", complete: "codes" }],
  flags: buildFlags,
  examples: [
    ["edgeimg explain ERR_EDGEIMG_FETCH_HASH", "an error"],
    ["edgeimg explain /usr/lib/edgeimg/libedge_nn.so", "a file of the image"],
  ],
  run: async ({ api, arguments: [what = ""], context, flags, output }) => {
    if (what.startsWith("/")) {
      const { explainPath } = api;
      const found = await explainPath(context, what, buildOptions(flags));
      await output.result({ command: "explain", ...found }, pathText(found));
      return 0;
    }
    const code = findCode(what);
    const { summary, help, exit } = errorCodes[code];
    const text = `${code} (exit code ${exit})\n\n${wrap(summary, "  ")}\n\n${wrap(help, "  ")}\n`;
    await output.result({ command: "explain", code, exitCode: exit, summary, help }, text);
    return 0;
  },
};

const prefix = "ERR_EDGEIMG_";

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}

/** Letters of either case, with or without the prefix. */
function findCode(what: string): ErrorCode {
  const upper = what.toUpperCase().replaceAll("-", "_");
  for (const candidate of [upper, prefix + upper]) if (isCode(candidate)) return candidate;
  const short = Object.keys(errorCodes).map((code) => code.slice(prefix.length));
  const near = nearest(upper.replace(prefix, ""), short);
  throw new EdgeimgError(
    "ERR_EDGEIMG_UNKNOWN_NAME",
    `there is no error code "${what}".${near === undefined ? "" : ` Did you mean "${prefix}${near}"?`}`,
    {
      hint: "Codes start with ERR_EDGEIMG_, paths in the image with /.",
    },
  );
}

function pathText(found: PathExplanation): string {
  const license = found.license === undefined ? "" : `, ${found.license}`;
  const chain = found.chain.map((need, index) => `${"  ".repeat(index + 1)}${need}\n`).join("");
  return `${found.path}  ${bytesText(found.bytes)}\n  from ${found.package} ${found.version}${license}\nneeded by\n${chain}`;
}
