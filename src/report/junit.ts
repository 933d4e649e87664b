import { xmlText } from "../formats/xml-text.js";

export interface JunitCase {
  readonly name: string;
  readonly passed: boolean;
  readonly detail?: string | undefined;
  readonly ms?: number | undefined;
}

export interface JunitSuite {
  readonly name: string;
  /** What CI servers group cases by. */
  readonly group: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly cases: readonly JunitCase[];
  readonly ms: number;
  /** What the board said, line by line. */
  readonly output: readonly string[];
}

/** A report that CI servers read: the JUnit XML that Jenkins, GitLab and others agree on. Times are seconds. */
export function junitXml(name: string, suites: readonly JunitSuite[]): string {
  const all = suites.flatMap(({ cases }) => cases);
  const ms = suites.reduce((sum, suite) => sum + suite.ms, 0);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${attributes({ name, ...counts(all), time: seconds(ms) })}>
${suites.map(suiteXml).join("")}</testsuites>
`;
}

function suiteXml({ name, group, properties, cases, ms, output }: JunitSuite): string {
  const head = attributes({ name, ...counts(cases), skipped: "0", time: seconds(ms) });
  const listed = Object.entries(properties).map(
    ([key, value]) => `      <property ${attributes({ name: key, value })}/>\n`,
  );
  return `  <testsuite ${head}>
    <properties>
${listed.join("")}    </properties>
${cases.map((one) => caseXml(one, group)).join("")}    <system-out>${output.map((line) => `${xmlText(line)}\n`).join("")}</system-out>
  </testsuite>
`;
}

function caseXml({ name, passed, detail = "", ms = 0 }: JunitCase, group: string): string {
  const head = attributes({ name, classname: group, time: seconds(ms) });
  if (passed) return `    <testcase ${head}/>\n`;
  const failure = attributes({ message: detail.split("\n")[0] ?? "", type: "check" });
  return `    <testcase ${head}><failure ${failure}>${xmlText(detail)}</failure></testcase>\n`;
}

function counts(cases: readonly JunitCase[]): Record<string, string> {
  const failures = cases.filter(({ passed }) => !passed).length;
  return { tests: String(cases.length), failures: String(failures), errors: "0" };
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}="${xmlText(value)}"`)
    .join(" ");
}
