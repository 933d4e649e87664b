import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import t from "tap";
import { createHandler, PictureError } from "../../examples/reader/src/server.js";
import { pictures } from "../pictures/render.js";
import { checkPage, dropPicture, openBrowser } from "./check-page.js";

/**
 * The page and the app's own handler behind a Node server, with a reader that answers by the bytes it got. The same page
 * against the app on an emulated board is for the tests of images.
 */
const assets = new URL("../../examples/reader/assets/", import.meta.url);
const folder = (name: string) =>
  new Map(
    readdirSync(new URL(name, assets)).map((file): [string, ArrayBuffer] => [
      file,
      Uint8Array.from(readFileSync(new URL(`${name}/${file}`, assets))).buffer,
    ]),
  );
const page = folder("page");
const samples = folder("pictures");
const about = {
  title: "Read text",
  summary: "reads",
  action: "read",
  results: "lines",
  itemsLabel: "Lines of text",
  counts: ["No text found", "line", "lines"],
  samples: [...samples.keys()],
  board: "siren",
  engine: { name: "toy", version: "1.2.3" },
  models: [{ name: "det", what: "ocr-models 1.4.2" }],
};
const picture = await pictures[0]?.render();
if (picture === undefined) throw new Error("there are no pictures");

interface Answer {
  readonly lines: readonly { text: string; score: number; box: readonly (readonly [number, number])[] }[];
  readonly ms: number;
}

const frame = [
  [48, 58],
  [269, 58],
  [269, 102],
  [48, 102],
] as const;

async function serve(read: (bytes: ArrayBuffer) => Promise<Answer>): Promise<{ baseUrl: string; server: Server }> {
  const handler = createHandler({ page, samples, about, action: "read", answer: read });
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const answer = await handler({
      method: request.method ?? "",
      path: pathname,
      headers: { "content-type": request.headers["content-type"] ?? "" },
      body: await bodyOf(request),
    });
    const { body } = answer;
    response.writeHead(answer.status, answer.headers).end(typeof body === "string" ? body : Buffer.from(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { baseUrl: `http://127.0.0.1:${address.port}/`, server };
}

async function bodyOf(request: IncomingMessage): Promise<ArrayBuffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part));
  return Uint8Array.from(Buffer.concat(parts)).buffer;
}

t.test("a dropped picture's text and frames are shown", async (t) => {
  const got: ArrayBuffer[] = [];
  const { baseUrl, server } = await serve(async (bytes) => {
    got.push(bytes);
    return {
      lines: [
        { text: "<b>HARBOR", score: 0.987, box: frame },
        { text: "two", score: 1, box: frame },
      ],
      ms: 1234,
    };
  });
  t.teardown(() => server.close());
  const seen = await checkPage({ baseUrl, picture, type: "image/png", expectedText: "<b>HARBOR\ntwo" });
  t.same(seen.boxes, [frame, frame]);
  t.equal(seen.status, "2 lines in 1.23 s");
  t.ok(Buffer.compare(new Uint8Array(got[0] ?? new ArrayBuffer(0)), picture) === 0, "the board got the very bytes");
});

t.test("other text than the expected is noticed", async (t) => {
  const { baseUrl, server } = await serve(async () => ({ lines: [], ms: 1 }));
  t.teardown(() => server.close());
  const wrong = checkPage({ baseUrl, picture, type: "image/png", expectedText: "HARBOR" });
  await t.rejects(wrong, { message: /shows "" \(No text found in 0\.00 s\), not "HARBOR"/ });
});

const notOpened = (name: string) => `${name} is not a picture that this browser can open. Send a JPEG, PNG or WebP.`;

t.test("the board's errors and files that are no pictures are told", async (t) => {
  const { baseUrl, server } = await serve(async () => {
    throw new PictureError("this is broken");
  });
  const browser = await openBrowser();
  t.teardown(async () => {
    await browser.close();
    server.close();
  });
  const broken = await dropPicture({ browser, baseUrl, picture, type: "image/png" });
  t.same(broken, { lines: [], boxes: [], status: "The board says: this is broken" });
  const none = await dropPicture({ browser, baseUrl, picture: Buffer.from("no picture"), type: "image/png" });
  t.same(none, { lines: [], boxes: [], status: notOpened("dropped") });
  const heic = await dropPicture({ browser, baseUrl, picture: Buffer.from("ftypheic"), type: "image/heic" });
  t.match(heic.status, /^This browser cannot open HEIC pictures\. Send a JPEG or PNG/);
  const large = await dropPicture({
    browser,
    baseUrl,
    picture: new Uint8Array(5120),
    type: "image/png",
    repeat: 2 ** 14,
  });
  t.equal(large.status, "dropped is too large: 83.9 MB. Send a picture of at most 67.1 MB.");
  const empty = await dropPicture({ browser, baseUrl, picture: new Uint8Array(0), type: "image/png" });
  t.equal(empty.status, "dropped is empty.");
});

t.test("the page can be used with the keyboard and tells what changes", async (t) => {
  const { baseUrl, server } = await serve(async () => ({ lines: [{ text: "HARBOR", score: 1, box: frame }], ms: 5 }));
  const browser = await openBrowser();
  t.teardown(async () => {
    await browser.close();
    server.close();
  });
  const tab = await browser.newPage({ viewport: { width: 360, height: 640 } });
  await tab.goto(baseUrl);
  await tab.keyboard.press("Tab");
  const focused = tab.locator("input:focus");
  t.equal(await focused.getAttribute("type"), "file");
  t.equal(await tab.getByText("Choose a picture").count(), 1);
  await focused.setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from(picture) });
  await tab.locator("#items").getByText("HARBOR").waitFor();
  t.equal(await tab.getByRole("status").textContent(), "1 line in 0.01 s");
  t.equal(await tab.getByRole("list", { name: "Lines of text" }).getByRole("listitem").count(), 1);
  const width = await tab.evaluate<number>("document.documentElement.scrollWidth");
  t.ok(width <= 360, `nothing is wider than a phone: ${width}`);
});

t.test("a sample is sent with a key; the page tells board, engine and models", async (t) => {
  const got: number[] = [];
  let release = () => {};
  const { baseUrl, server } = await serve(async (bytes) => {
    got.push(bytes.byteLength);
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return { lines: [{ text: "HARBOR", score: 1, box: frame }], ms: 5 };
  });
  const browser = await openBrowser();
  t.teardown(async () => {
    await browser.close();
    server.close();
  });
  for (const colorScheme of ["light", "dark"] as const) {
    const tab = await browser.newPage({ viewport: { width: 360, height: 640 }, colorScheme });
    const said: string[] = [];
    tab.on("console", (message) => said.push(message.text()));
    tab.on("pageerror", (error) => said.push(error.message));
    await tab.goto(baseUrl);
    for (const text of ["siren", "toy 1.2.3", "det: ocr-models 1.4.2"]) await tab.getByText(text).waitFor();
    const buttons = tab.locator("#samples button");
    t.equal(await buttons.count(), samples.size);
    const [first] = samples.keys();
    await tab.getByRole("button", { name: `Sample ${first}` }).press("Enter");
    await tab.locator('main[data-state="busy"] #progress:visible').waitFor();
    await tab.locator("#status", { hasText: "The board computes …" }).waitFor();
    release();
    await tab.locator('main[data-state="done"]').waitFor();
    t.equal(await tab.locator("#progress:visible").count(), 0);
    t.match(
      await tab.locator("#times").textContent(),
      /^0\.01 s on the board, \d+\.\d\d s to send 5 kB, \d+\.\d\d s in all\.$/,
    );
    t.equal(await tab.locator("#boxes text").textContent(), "HARBOR");
    t.equal(await buttons.first().getAttribute("aria-pressed"), "true");
    t.equal(await tab.evaluate<number>("document.documentElement.scrollWidth"), 360);
    t.same(await tab.evaluate<string[]>(lowContrast), [], colorScheme);
    t.same(said, []);
    await tab.close();
  }
  t.same(got, [samples.get("01.png")?.byteLength, samples.get("01.png")?.byteLength], "the very bytes");
});

/** Runs in the page: texts whose contrast to what is behind them is below 4.5 (WCAG 2.1, 1.4.3). */
const lowContrast = `(() => {
  const channels = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const color = channels(getComputedStyle(one).backgroundColor);
      if (color[3] !== 0) return color;
    }
    return [255, 255, 255];
  };
  const own = [...document.querySelectorAll("body *")].filter((one) => one.namespaceURI.endsWith("xhtml") && one.checkVisibility() &&
    [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ""));
  if (own.length < 10) throw new Error("texts are missing");
  return own.flatMap((one) => {
    const [a, b] = [luminance(channels(getComputedStyle(one).color)), luminance(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    return ratio >= 4.5 ? [] : [one.textContent + ": " + ratio.toFixed(2)];
  });
})()`;
