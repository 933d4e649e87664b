import { parse } from "junit2json";
import t from "tap";
import { xmlText } from "../../src/formats/xml-text.js";
import { junitXml } from "../../src/report/junit.js";

t.test("a reader of JUnit XML finds every case, its failure and what the board said", async (t) => {
  const hostile = 'line {"text":"<a> & \\"b\\"]]>"}';
  const suite = {
    name: "rpi4-ncnn boot 1",
    group: "rpi4-ncnn",
    properties: { board: "rpi4", engine: "ncnn" },
    ms: 12_345,
    output: ["plain", "\u001b[31mred\u0000 & <tag> ]]>", "\ud800 alone"],
    cases: [
      { name: "the app starts", passed: true, ms: 8000 },
      { name: hostile, passed: false, detail: "nearest: <x>\nsecond line" },
    ],
  };
  const found = await parse(junitXml("read-text", [suite, { ...suite, name: "rpi4-ncnn boot 2", cases: [] }]));
  if (found === null || found === undefined || !("testsuite" in found)) return t.fail("no report");
  t.match(found, { name: "read-text", tests: 2, failures: 1, errors: 0, time: 24.69 });
  const [first, second] = found.testsuite ?? [];
  t.match(first, { name: "rpi4-ncnn boot 1", tests: 2, failures: 1, skipped: 0, time: 12.345 });
  t.match(second, { name: "rpi4-ncnn boot 2", tests: 0, failures: 0 });
  t.same(
    first?.testcase?.map(({ name, classname, time, failure }) => ({ name, classname, time, failed: failure?.length })),
    [
      { name: "the app starts", classname: "rpi4-ncnn", time: 8, failed: undefined },
      { name: hostile, classname: "rpi4-ncnn", time: 0, failed: 1 },
    ],
  );
  t.match(first?.testcase?.[1]?.failure?.[0], { message: "nearest: <x>", inner: "nearest: <x>\nsecond line" });
  t.match(first?.properties, [
    { name: "board", value: "rpi4" },
    { name: "engine", value: "ncnn" },
  ]);
  t.match(first?.["system-out"]?.join("\n"), /plain\s+\ufffd\[31mred\ufffd & <tag> \]\]>/);
});

t.test("nothing that XML cannot hold is left", async (t) => {
  t.equal(xmlText("\u0000\u000b\ud800\udc00\udc00\ufffe"), "\ufffd\ufffd\ud800\udc00\ufffd\ufffd");
  t.equal(xmlText(`<a b='c' d="e">&\t\r\n`), "&#60;a b=&#39;c&#39; d=&#34;e&#34;&#62;&#38;&#9;&#13;&#10;");
});
