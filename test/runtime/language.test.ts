import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import t from "tap";
import { globalsFile } from "../../src/steps/app-globals.js";
import { appFolder, runSource, startSource } from "../helpers/edge-app.js";

const app = await appFolder();
t.teardown(app.remove);

t.test("timers and microtasks run in order, cleared ones never", async (t) => {
  const { code, stdout } = await runSource(
    app.path,
    `const out = [];
     setTimeout(() => out.push("t30"), 30);
     setTimeout(() => out.push("t1"), 1);
     setTimeout(() => out.push("t0"));
     clearTimeout(setTimeout(() => out.push("never"), 5));
     clearTimeout(12345); clearTimeout(undefined);
     queueMicrotask(() => out.push("micro"));
     Promise.resolve().then(() => out.push("then"));
     let n = 0;
     const id = setInterval(() => { out.push("i" + ++n); if (n === 3) { clearInterval(id); end(); } }, 50);
     out.push("sync");
     const start = performance.now();
     const end = () => { out.push(performance.now() - start >= 140); console.log(out.join(" ")); };`,
  );
  t.equal(code, 0);
  t.equal(stdout, "sync micro then t1 t0 t30 i1 i2 i3 true\n");
});

t.test("console shows values on one line each, errors with their place", async (t) => {
  const { stdout, stderr } = await runSource(
    app.path,
    `console.log("a", 1, null, undefined, 10n, true, Symbol("s"), { a: [1, "x"] }, new Float32Array(3), new ArrayBuffer(2));
     console.info("info"); console.debug("debug"); console.warn("warn");
     const loop = {}; loop.self = loop; console.log(loop);
     console.error(new RangeError("bad"));`,
  );
  t.equal(
    stdout,
    'a 1 null undefined 10 true (?) {"a":[1,"x"]} Float32Array(3) ArrayBuffer(2)\ninfo\ndebug\n[object Object]\n',
  );
  t.match(stderr, /^warn\nRangeError: bad\n {4}at main\.js:4:\d+\n$/);
});

t.test("text is encoded and decoded as UTF-8 says", async (t) => {
  const { stdout } = await runSource(
    app.path,
    `const bytes = (text) => Array.from(new TextEncoder().encode(text)).join(",");
     const text = (...list) => new TextDecoder().decode(new Uint8Array(list));
     console.log(bytes("aé€😀"), bytes("\\ud800x"), bytes("") === "");
     console.log(JSON.stringify([text(0x61, 0xff, 0x62), text(0xef, 0xbb, 0xbf, 0x63), text(0xe2, 0x82), text(0xed, 0xa0, 0x80), text(0xc0, 0x80)]));
     console.log(new TextDecoder("utf-8").decode(new Uint8Array([120, 121, 122]).buffer));
     try { new TextDecoder("latin1") } catch (error) { console.log(error.name) }`,
  );
  const expected = ["a\ufffdb", "c", "\ufffd", "\ufffd\ufffd\ufffd", "\ufffd\ufffd"];
  t.equal(
    stdout,
    `97,195,169,226,130,172,240,159,152,128 239,191,189,120 true\n${JSON.stringify(expected)}\nxyz\nRangeError\n`,
  );
});

t.test("process gives arguments, environment, board, memory and reports", async (t) => {
  await writeFile(join(app.path, "app.env"), "# comment\nNAME=from file\nEDGEIMG_BOARD=rpi4\nnonsense\n");
  const { code, milestones, stdout } = await runSource(
    app.path,
    `import { args, env, board, report, memory, exit } from "edge:process";
     report("result", { args, name: env.NAME, other: env.OTHER, board, inherited: env.toString === undefined });
     report("ready");
     const { total, free } = memory();
     report("memory", { ok: total > 0 && free > 0 && free <= total });
     try { report("x", [1]) } catch (error) { console.log(error.name) }
     try { exit(256) } catch (error) { console.log(error.name) }
     setTimeout(() => console.log("never"), 0);
     exit(7);`,
    { args: ["a b"], env: { OTHER: "é", NAME: "from process" } },
  );
  t.equal(code, 7);
  t.same(milestones, [
    { edgeimg: "result", args: ["a b"], name: "from file", other: "é", board: "rpi4", inherited: true },
    { edgeimg: "ready" },
    { edgeimg: "memory", ok: true },
  ]);
  t.match(stdout, /^TypeError\nRangeError\n$/m);
  t.notMatch(stdout, /never/);
});

t.test("SIGTERM waits for onShutdown, then ends with 0", async (t) => {
  const running = await startSource(
    app.path,
    `import { onShutdown, report } from "edge:process";
     onShutdown(async () => { await new Promise((done) => setTimeout(done, 100)); report("saved"); });
     setInterval(() => {}, 1000);
     report("ready");`,
  );
  await running.milestone("ready");
  running.kill("SIGTERM");
  const { code, milestones } = await running.finished;
  t.equal(code, 0);
  t.match(milestones[1], { edgeimg: "saved" });
});

t.test("SIGTERM ends an app without callbacks, even in an endless loop", async (t) => {
  const running = await startSource(app.path, 'import { report } from "edge:process"; report("ready"); for (;;);');
  await running.milestone("ready");
  const start = Date.now();
  running.kill("SIGTERM");
  t.equal((await running.finished).code, 0);
  t.ok(Date.now() - start < 3000);
});

t.test("an app that does not end by itself is ended after 5 s", async (t) => {
  const running = await startSource(
    app.path,
    `import { onShutdown, report } from "edge:process";
     onShutdown(() => new Promise(() => {}));
     setInterval(() => {}, 1000);
     report("ready");`,
  );
  await running.milestone("ready");
  const start = Date.now();
  running.kill("SIGTERM");
  const { code, milestones } = await running.finished;
  t.equal(code, 1);
  t.match(milestones[1], { edgeimg: "app-error", message: /5 s/ });
  t.ok(Date.now() - start > 3900 && Date.now() - start < 7000);
});

t.test("a top-level await that can never end is told", async (t) => {
  const { code, milestones } = await runSource(app.path, "await new Promise(() => {});");
  t.equal(code, 13);
  t.match(milestones[0], { edgeimg: "app-error", message: /top-level await/ });
});

t.test("the runtime's globals are those that the build knows", async (t) => {
  const file = fileURLToPath(new URL("../../recipes/runtime/globals.json", import.meta.url));
  const globals = globalsFile.parse(JSON.parse(await readFile(file, "utf8")));
  const { stdout } = await runSource(
    app.path,
    `const members = (name) => Object.getOwnPropertyNames(globalThis[name]).sort();
     console.log([Object.getOwnPropertyNames(globalThis).sort(), members("console"), members("performance"), members("crypto")]);`,
  );
  const [names, ...members] = JSON.parse(stdout);
  t.same(names, [...globals.language, ...Object.keys(globals.runtime)].sort());
  t.same(
    members,
    ["console", "performance", "crypto"].map((name) => [...(globals.members[name] ?? [])].sort()),
  );
});

t.test("crypto gives random bytes and UUIDs", async (t) => {
  const { stdout } = await runSource(
    app.path,
    `const code = (work) => { try { return work(); } catch (error) { return error.name; } };
     const bytes = new Uint8Array(1000), part = new Uint8Array(40);
     const same = crypto.getRandomValues(bytes) === bytes;
     crypto.getRandomValues(part.subarray(8, 32));
     const outside = part.filter((value, i) => (i < 8 || i >= 32) && value !== 0).length;
     crypto.getRandomValues(new BigUint64Array(8192));
     console.log([same, new Set(bytes).size > 200, outside, crypto.getRandomValues(new Uint16Array(0)).length,
       ...[new Uint8Array(65537), new Float32Array(1), [1], undefined].map((value) => code(() => crypto.getRandomValues(value)))]);
     console.log(Array.from({ length: 100 }, () => crypto.randomUUID()));`,
  );
  const [values, uuids] = stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  const [quota, mismatch] = ["QuotaExceededError", "TypeMismatchError"];
  t.same(values, [true, true, 0, 0, quota, mismatch, mismatch, mismatch]);
  if (!Array.isArray(uuids)) throw new Error(stdout);
  t.equal(new Set(uuids).size, 100);
  for (const uuid of uuids) t.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

t.test("structuredClone copies as Node's does", async (t) => {
  const code = `
    const shared = new Uint8Array([1, 2, 3, 4]);
    const value = { a: [1, , "x", null, undefined, NaN, -0, 10n], date: new Date(5), map: new Map([[{ k: 1 }, new Set([1, "2"])]]),
      re: /a+/gi, view: shared.subarray(1, 3), all: shared, data: new DataView(shared.buffer, 1, 2), boxed: [Object(1), Object("s"), Object(true)],
      error: new RangeError("bad", { cause: 7 }), ["__proto__"]: { evil: 1 }, instance: new (class A { x = 1; #y = 2; })(), bare: Object.assign(Object.create(null), { z: 1 }) };
    value.self = value; value.map.set("m", value.map);
    const copy = structuredClone(value);
    const refused = [() => {}, Symbol("s"), { f() {} }, [Promise.resolve()], new WeakMap()].map((bad) => { try { structuredClone(bad); return "none"; } catch (error) { return error.name; } });
    shared[1] = 99;
    const [[key, set]] = copy.map;
    console.log(JSON.stringify([copy !== value, copy.self === copy, copy.map.get("m") === copy.map, 1 in copy.a, copy.a.length, copy.a.map(String), Object.is(copy.a[6], -0),
      copy.date instanceof Date, copy.date.getTime(), key, [...set], String(copy.re), [...copy.view], copy.view.buffer === copy.all.buffer, copy.data.getUint8(0), copy.data.buffer === copy.all.buffer,
      copy.boxed.map((item) => typeof item + item), copy.error instanceof RangeError, copy.error.message, copy.error.cause, Object.keys(copy).includes("__proto__"), copy.evil === undefined,
      copy.instance.constructor === Object, copy.instance.x, Object.getPrototypeOf(copy.bare) === Object.prototype, structuredClone("x"), structuredClone(undefined) === undefined, refused]));`;
  const { stdout } = await runSource(app.path, code);
  const node = await execa(process.execPath, ["--input-type=module", "-e", code]);
  t.same(JSON.parse(stdout), JSON.parse(node.stdout));
});

t.test("base64 is as the standard has it", async (t) => {
  const { stdout } = await runSource(
    app.path,
    `const name = (call) => { try { return call(); } catch (error) { return error.name; } };
     const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
     console.log(["", "a", "ab", "abc", "\\xff\\x00"].map(btoa), btoa(all).length, atob(btoa(all)) === all);
     console.log([" YQ = = ", "YWI", "YW\\nJj", "YR==", "", "a", "YQ=", "YWJj=", "YQ===", "Y=Q=", "Y*", "YQ==YQ=="].map((text) => name(() => atob(text))));
     console.log(name(() => btoa("\\u0100")), name(() => btoa("\\ud83d")), btoa(), btoa(12));`,
  );
  const bad = "InvalidCharacterError";
  t.equal(
    stdout,
    `["","YQ==","YWI=","YWJj","/wA="] 344 true\n${JSON.stringify(["a", "ab", "abc", "a", "", ...Array(7).fill(bad)])}\n${bad} ${bad} dW5kZWZpbmVk MTI=\n`,
  );
});

t.test("options that are not honoured are refused", async (t) => {
  const { stdout } = await runSource(
    app.path,
    `const name = (call) => { try { call(); return "taken"; } catch (error) { return error.name; } };
     const bytes = new Uint8Array([97]);
     console.log([
       name(() => new TextDecoder("utf-8", { fatal: true })), name(() => new TextDecoder("utf-8", { ignoreBOM: true })),
       name(() => new TextDecoder().decode(bytes, { stream: true })), name(() => new TextDecoder("utf-8", { fatal: false })),
       name(() => new TextDecoder().decode(bytes, { stream: false })), name(() => new TextDecoder("utf-16le")),
     ].join(" "));
     setTimeout((a, b) => console.log(a, b), 1, "one", 2);`,
  );
  t.equal(stdout, "TypeError TypeError TypeError taken taken RangeError\none 2\n");
});
