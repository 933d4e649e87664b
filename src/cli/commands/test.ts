import type { TestReport } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { builderFlags, builderOptions, buildFlags, buildOptions } from "../flags.js";
import { durationText } from "../render/words.js";

export const test: CommandSpec = {
  name: "test",
  summary: "boot the image in QEMU and compare what it says",
  description:
    "Builds what is missing, boots the very image in an emulated board, waits for the console lines and asks the HTTP requests that `tests` in edgeimg.yaml names. Exit code 0 when all checks pass, 3 when one fails.",
  arguments: [],
  flags: [
    ...buildFlags,
    ...builderFlags,
    { name: "junit", value: "file", help: "also write the report as JUnit XML, for CI servers", complete: "files" },
    {
      name: "repeat",
      value: "n",
      help: "boot the image this often: finds what fails only sometimes (default: 1)",
      number: { min: 1, max: 1000 },
    },
  ],
  examples: [
    ["edgeimg test --board rpi4 --engine ncnn", "test one image"],
    ["edgeimg test --board qemu-a53 --json", "the report for a program"],
    ["edgeimg test --junit report.xml --repeat 5", "five boots, the report for a CI server"],
  ],
  fillsStore: true,
  run: async ({ api, context, flags, output }) => {
    const { testImage } = api;
    const report = await testImage(context, {
      ...buildOptions(flags),
      ...builderOptions(flags),
      junit: flags.text("junit"),
      repeat: flags.number("repeat"),
    });
    await output.result({ command: "test", ...report }, testText(report));
    return report.checks.every((check) => check.passed) ? 0 : 3;
  },
};

export function testText(report: TestReport): string {
  const failed = report.checks.filter((check) => !check.passed);
  const boots = report.boots === 1 ? "" : `, ${report.boots} boots`;
  const where = `${report.board} with ${report.engine}${boots}, ${durationText(report.ms)}`;
  return `${report.checks.length - failed.length} checks passed, ${failed.length} failed (${where})\n`;
}
