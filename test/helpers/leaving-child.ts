import { startProcess } from "../../src/process/start-process.js";

/** Starts a program, prints its number, and leaves as a second Ctrl-C makes it: without waiting for anything. */
const { pid } = startProcess({ program: "/bin/sleep", args: ["60"], env: {} });
process.stdout.write(`${pid}\n`, () => process.exit(130));
