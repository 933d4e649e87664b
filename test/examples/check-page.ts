import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";

const program = "/usr/bin/chromium";

/** No sandbox, since CI runs as root; nothing that talks to other hosts. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-default-browser-check",
  "--no-first-run",
  "--no-proxy-server",
];

/** Starts a headless Chromium, installed first when it is absent and we may. The caller closes it. */
export async function openBrowser(): Promise<Browser> {
  await access(program).catch(installChromium);
  return chromium.launch({ executablePath: program, args: flags });
}

async function installChromium(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error(`${program} is absent: apt-get install chromium`);
  const run = promisify(execFile);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-q"], { env });
  await run("apt-get", ["install", "-q", "-y", "--no-install-recommends", "chromium"], { env, maxBuffer: 2 ** 26 });
}

/** What a person sees after a picture was read. */
export interface SeenPage {
  readonly lines: readonly string[];
  /** Corners of each drawn frame, in pixels of the picture. */
  readonly boxes: readonly (readonly (readonly [number, number])[])[];
  readonly status: string;
}

export interface PageCheck {
  readonly browser: Browser;
  /** Where the app listens, like `http://127.0.0.1:8080/`. */
  readonly baseUrl: string;
  readonly picture: Uint8Array;
  readonly type: "image/png" | "image/jpeg" | "image/heic";
  /** How often the picture's bytes stand in the file: large files need not be brought into the browser. */
  readonly repeat?: number;
  /** An emulated board takes seconds for a picture. */
  readonly timeoutMs?: number;
}

/** Opens the page, drops the picture on it as a person does with the mouse, and waits for the answer to be shown. */
export async function dropPicture(options: PageCheck): Promise<SeenPage> {
  const { browser, baseUrl, picture, type, timeoutMs = 120_000, repeat = 1 } = options;
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("requestfailed", (request) => problems.push(`${request.url()} failed`));
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(baseUrl)) problems.push(request.url());
  });
  try {
    await page.goto(baseUrl, { timeout: timeoutMs });
    await drop(page, { bytes: Buffer.from(picture).toString("base64"), type, repeat });
    await page.locator('main[data-state="done"], main[data-state="failed"]').waitFor({ timeout: timeoutMs });
    if (problems.length > 0) throw new Error(`the page had problems: ${problems.join("; ")}`);
    return await seen(page);
  } finally {
    await page.close();
  }
}

/** Runs in the page; text, since the tests are not compiled with a browser's types. */
const makeTransfer = `({ bytes, type, repeat }) => {
  const data = new DataTransfer();
  data.items.add(new File(Array(repeat).fill(Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0))), "dropped", { type }));
  return data;
}`;

async function drop(page: Page, file: { bytes: string; type: string; repeat: number }): Promise<void> {
  const dataTransfer = await page.evaluateHandle(`(${makeTransfer})(${JSON.stringify(file)})`);
  await page.dispatchEvent("#drop", "drop", { dataTransfer });
}

async function seen(page: Page): Promise<SeenPage> {
  const polygons = await page.locator("#boxes polygon:not(.edge)").all();
  const points = await Promise.all(polygons.map((polygon) => polygon.getAttribute("points")));
  return {
    lines: await page.locator("#items li b").allTextContents(),
    boxes: points.map((text) =>
      (text ?? "").split(" ").map((point): [number, number] => {
        const [x = "", y = ""] = point.split(",");
        return [Number(x), Number(y)];
      }),
    ),
    status: (await page.locator("#status").textContent()) ?? "",
  };
}

/**
 * Drops a picture on the page of a running app and throws an Error unless exactly the expected text is shown, each line
 * with a frame of four corners.
 */
export async function checkPage(
  options: Omit<PageCheck, "browser"> & { readonly expectedText: string },
): Promise<SeenPage> {
  const browser = await openBrowser();
  try {
    const result = await dropPicture({ ...options, browser });
    const text = result.lines.join("\n");
    if (text !== options.expectedText) {
      throw new Error(
        `the page shows ${JSON.stringify(text)} (${result.status}), not ${JSON.stringify(options.expectedText)}`,
      );
    }
    if (result.boxes.length !== result.lines.length || result.boxes.some((box) => box.length !== 4)) {
      throw new Error(`${result.lines.length} lines have ${result.boxes.length} frames`);
    }
    return result;
  } finally {
    await browser.close();
  }
}
