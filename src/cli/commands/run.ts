import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";

export const run: CommandSpec = {
  name: "run",
  summary: "boot the image in QEMU",
  description:
    "Builds what is missing, boots the image in an emulated board with its console on this terminal, and forwards a local port to the app's HTTP server; the address is printed. Ctrl-C ends it.",
  arguments: [],
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
    ["edgeimg run --port 8080", "the app's page is then at http://127.0.0.1:8080/"],
  ],
  run: async ({ api, context, flags, output, terminal }) => {
    const { runImage } = api;
    const result = await runImage(context, {
      ...buildOptions(flags),
      port: flags.number("port"),
      input: terminal.stdin,
    });
    await output.result({ command: "run", ...result }, "");
    return result.exitCode;
  },
};
