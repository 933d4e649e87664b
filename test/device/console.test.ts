import t from "tap";
import { lineSplitter, longestLine, parseConsoleLine } from "../../src/device/console.js";
import { consoleLog } from "../../src/device/console-log.js";

t.test("bytes become lines, whatever the pieces", async (t) => {
  const bytes = Buffer.from('eins\r\n{"edgeimg":"boot","hostname":"Bär"}\nrest');
  const pieces = lineSplitter();
  const single = [...bytes].flatMap((byte) => pieces.push(Uint8Array.of(byte)));
  t.same([...single, ...pieces.end()], ["eins\r", '{"edgeimg":"boot","hostname":"Bär"}', "rest"]);
  t.same(lineSplitter().end(), []);
});

t.test("a line without end is cut", async (t) => {
  const splitter = lineSplitter();
  t.equal(splitter.push(Buffer.alloc(longestLine, "x")).length, 0);
  t.equal(splitter.push(Buffer.from("x"))[0]?.length, longestLine + 1);
});

for (const [raw, text, name] of [
  ['{"edgeimg":"ready"}\r', '{"edgeimg":"ready"}', "ready"],
  // A stray byte of the port, a shell's prompt with its question to the terminal.
  ['\ufffd{"edgeimg":"ready"}', '\ufffd{"edgeimg":"ready"}', "ready"],
  ['edge-test:~# \u001b[6n{"edgeimg":"data","bytes":1}', 'edge-test:~# {"edgeimg":"data","bytes":1}', "data"],
  ["\u001b[1;31mred\u001b[0m\u0007", "red", undefined],
  ['{"edgeimg":"cut","a":', '{"edgeimg":"cut","a":', undefined],
  ['{"edgeimg":7}', '{"edgeimg":7}', undefined],
  ['{"other":1}', '{"other":1}', undefined],
  ["", "", undefined],
] as const) {
  t.test(JSON.stringify(raw), async (t) => {
    const line = parseConsoleLine(raw, 3);
    t.equal(line.index, 3);
    t.equal(line.text, text);
    t.equal(line.milestone?.name, name);
  });
}

t.test("a log serves readers that come late, and those that wait", async (t) => {
  const log = consoleLog();
  const never = new AbortController().signal;
  const add = (index: number) => log.add(parseConsoleLine(`line ${index}`, index));
  add(0);
  add(1);
  const later = log.find(({ text }) => text === "line 2", never);
  const read = (async () => {
    const seen: string[] = [];
    for await (const { text } of log.read()) seen.push(text);
    return seen;
  })();
  t.equal((await log.find(({ text }) => text === "line 0", never))?.index, 0);
  add(2);
  t.equal((await later)?.index, 2);
  const missing = log.find(({ text }) => text === "line 9", never);
  log.close();
  t.equal(await missing, undefined);
  t.same(await read, ["line 0", "line 1", "line 2"]);
  const limit = new AbortController();
  setTimeout(() => limit.abort(), 10);
  t.equal(await consoleLog().find(() => true, limit.signal), undefined);
});

t.test("a log forgets the oldest lines, and readers go on", async (t) => {
  const log = consoleLog();
  for (let index = 0; index < 100_000; index++) log.add(parseConsoleLine(`line ${index}`, index));
  log.close();
  t.ok(log.all().length <= 40_000, `${log.all().length} are kept`);
  let last: string | undefined;
  let count = 0;
  for await (const { text } of log.read()) {
    last = text;
    count++;
  }
  t.equal(last, "line 99999");
  t.equal(count, log.all().length);
});
