import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";

export const run: CommandSpec = {
  name: "run",
  summary: "boot the image in QEMU",
  description:
    "Boots an image in an emulated board with its console on this terminal, and forwards local ports to the app's HTTP server and to ssh; the addresses are printed. Without an image the project's is built. An image that is named is copied, never written: also one with settings that `edgeimg flash` wrote to a file. Ctrl-C ends it.",
  arguments: [
    {
      name: "image",
      required: false,
      help: "image (.img, .img.zst, .img.xz) or folder of a build; default: build it",
      complete: "files",
    },
  ],
  flags: [
    ...buildFlags,
    {
      name: "port",
      short: "p",
      value: "n",
      help: "local port of the app's HTTP server (default: a free one)",
      number: { min: 1, max: 65535 },
    },
  ],
  examples: [
    ["edgeimg run --board rpi4 --engine ncnn", "boot the example on an emulated Raspberry Pi 4"],
    ["edgeimg run out/rpi4-ncnn", "boot what was built, and build nothing"],
    ["edgeimg run card.img --board rpi4", "boot a file that `edgeimg flash --device card.img` wrote"],
    ["edgeimg run --port 8080", "the app's page is then at http://127.0.0.1:8080/"],
  ],
  fillsStore: true,
  run: async ({ api, arguments: [image], context, flags, output, terminal }) => {
    const { runImage } = api;
    const result = await runImage(context, {
      ...buildOptions(flags),
      image,
      port: flags.number("port"),
      input: terminal.stdin,
    });
    await output.result({ command: "run", ...result }, "");
    return result.exitCode;
  },
};
