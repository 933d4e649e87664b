import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";

export const run: CommandSpec = {
  name: "run",
  summary: "boot the image in QEMU, or run the app on this machine",
  description:
    "Boots an image in an emulated board with its console on this terminal, and forwards local ports to the app's HTTP server and to ssh; the addresses are printed. Without an image the project's is built. An image that is named is copied, never written: also one with settings that `edgeimg flash` wrote to a file. Ctrl-C ends it. With --host there is neither image nor emulator: the app runs on this machine, in the same runtime, and starts anew when a file of the project is saved; an error of the app is shown with its place, and the app that runs goes on.",
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
    { name: "host", help: "run the app on this machine instead, anew after each change of the project's files" },
    {
      name: "port",
      short: "p",
      value: "n",
      help: "local port of the app's HTTP server (default: a free one)",
      number: { min: 1, max: 65535 },
    },
  ],
  examples: [
    ["edgeimg run --host", "try an app while you write it: some seconds from saving to serving"],
    ["edgeimg run --board rpi4 --engine ncnn", "boot the example on an emulated Raspberry Pi 4"],
    ["edgeimg run out/rpi4-ncnn", "boot what was built, and build nothing"],
    ["edgeimg run card.img --board rpi4", "boot a file that `edgeimg flash --device card.img` wrote"],
    ["edgeimg run --port 8080", "the app's page is then at http://127.0.0.1:8080/"],
  ],
  fillsStore: true,
  run: async ({ api, arguments: [image], context, flags, output, terminal }) => {
    const options = { ...buildOptions(flags), port: flags.number("port") };
    if (flags.on("host") && image !== undefined)
      throw new EdgeimgError("ERR_EDGEIMG_USAGE", "--host runs the project's app, and boots no image.", {
        hint: "Leave out the image, or --host.",
      });
    const { runHost, runImage } = api;
    const result = flags.on("host")
      ? await runHost(context, options)
      : await runImage(context, { ...options, image, input: terminal.stdin });
    await output.result({ command: "run", ...result }, "");
    return result.exitCode;
  },
};
