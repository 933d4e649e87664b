import { startMachine } from "../../src/device/qemu-process.js";

/** Starts a program in QEMU's place, whose path is the first argument, and lives on until it is killed. */
const [program = "", workDir = ""] = process.argv.slice(2);
const machine = startMachine({
  program,
  args: [],
  name: "toy",
  workDir,
  emit: (event) => {
    if (event.type === "console") console.log(event.line);
  },
  timeoutMs: undefined,
  signal: new AbortController().signal,
});
await machine.running.exited;
console.log("ended by itself");
