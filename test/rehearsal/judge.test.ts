import t from "tap";
import { parseConsoleLine } from "../../src/device/console.js";
import { judge } from "./judge.js";
import type { RecordName } from "./records.js";

/** What boards said, as far as it is judged. */
const lines = {
  created: '{"edgeimg":"data","uptimeMs":5310,"state":"created","bytes":54525952}',
  mounted: '{"edgeimg":"data","uptimeMs":5310,"state":"mounted","bytes":54525952}',
  volatile: '{"edgeimg":"data","uptimeMs":5010,"state":"volatile","message":"vda3 cannot be mounted"}',
  applied:
    '{"edgeimg":"settings","uptimeMs":6120,"state":"applied","hostname":"reader-7","sshKeys":1,"wifi":true,"variables":["GREETING"]}',
  other:
    '{"edgeimg":"settings","uptimeMs":6120,"state":"kept","hostname":"hello","sshKeys":1,"wifi":true,"variables":["GREETING"]}',
  ignored:
    '{"edgeimg":"settings","uptimeMs":6120,"state":"ignored","file":"edgeimg.txt","line":1,"message":"no KEY=VALUE"}',
  start: '{"edgeimg":"app-start","uptimeMs":5370,"attempt":1}',
  ready: '{"edgeimg":"ready","uptimeMs":5400,"starts":0}',
  again: '{"edgeimg":"ready","uptimeMs":5400,"starts":1}',
} as const;

const cases: readonly [RecordName, string, readonly (keyof typeof lines)[]][] = [
  ["first", "good", ["created", "start", "ready"]],
  ["first", "volatile", ["volatile", "start", "ready"]],
  ["first", "volatile", ["start", "ready"]],
  ["first", "not-booting", ["created"]],
  ["first", "not-booting", ["created", "start"]],
  ["first", "not-booting", []],
  ["settings", "good", ["created", "applied", "start", "ready"]],
  ["settings", "good", ["mounted", "applied", "start", "ready"]],
  ["settings", "lost", ["created", "start", "ready"]],
  ["settings", "lost", ["mounted", "other", "start", "ready"]],
  ["settings", "lost", ["mounted", "ignored", "applied", "start", "ready"]],
  ["settings", "volatile", ["volatile", "applied", "start", "ready"]],
  ["clock", "good", ["mounted", "applied", "start", "again"]],
  ["clock", "lost", ["mounted", "applied", "start", "ready"]],
  ["clock", "lost", ["created", "applied", "start", "again"]],
  ["clock", "lost", ["mounted", "start", "again"]],
];

for (const [name, outcome, said] of cases) {
  t.test(`${name}: ${said.join(", ") || "silence"} is ${outcome}`, async (t) => {
    t.equal(
      judge(
        name,
        said.map((line, index) => parseConsoleLine(lines[line], index)),
      ).outcome,
      outcome,
    );
  });
}
