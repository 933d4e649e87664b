import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import t from "tap";
import { createHandler, PictureError } from "../../examples/reader/src/server.js";
import { pictures } from "../pictures/render.js";
import { checkPage, dropPicture, openBrowser } from "./check-page.js";

/**
 * The page and the app's own handler behind a Node server, with a reader that answers by the bytes it got. The same page
 * against the app on an emulated board is for the tests of images.
 */
const page = await readFile(new URL("../../examples/reader/assets/index.html", import.meta.url), "utf8");
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
  const handler = createHandler({ page, read });
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const answer = await handler({
      method: request.method ?? "",
      path: pathname,
      headers: { "content-type": request.headers["content-type"] ?? "" },
      body: await bodyOf(request),
    });
    response.writeHead(answer.status, answer.headers).end(answer.body);
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
  t.same(none, { lines: [], boxes: [], status: "This file is not a picture that the browser can open." });
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
  await focused.setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from(picture) });
  await tab.getByText("HARBOR").waitFor();
  t.equal(await tab.getByRole("status").textContent(), "1 line in 0.01 s");
  t.equal(await tab.getByRole("list", { name: "Lines of text" }).getByRole("listitem").count(), 1);
  const width = await tab.evaluate<number>("document.documentElement.scrollWidth");
  t.ok(width <= 360, `nothing is wider than a phone: ${width}`);
});
