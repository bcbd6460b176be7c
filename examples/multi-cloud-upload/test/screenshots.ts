// Takes the screenshots of docs/img: `node --conditions=@omni/source examples/multi-cloud-upload/test/screenshots.ts`.
import { mkdir } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { startApplication, startBrowser } from "./running.ts";

const FILES = [
  { name: "harbour at dawn.jpg", mimeType: "image/jpeg", bytes: 4_812_553 },
  { name: "interview, second take.mp4", mimeType: "video/mp4", bytes: 61_204_480 },
  { name: "annual report 2026.pdf", mimeType: "application/pdf", bytes: 2_204_112 },
  { name: "floor plan.svg", mimeType: "image/svg+xml", bytes: 18_244 },
  { name: "field recording.flac", mimeType: "audio/flac", bytes: 38_114_003 },
] as const;

// Files of megabytes go through the browser's debugging line, and machines may be busy.
const PATIENCE_MS = 150_000;

const folder = new URL("../../../docs/img/", import.meta.url);

async function open(browser: Browser, url: string, width: number, height: number, colorScheme: "light" | "dark"): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: width < 500 ? 2 : 1,
    colorScheme,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  await page.getByRole("row").nth(1).waitFor();
  return page;
}

async function fill(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  const upload = async (file: (typeof FILES)[number] | { name: string; mimeType: string; bytes: number }): Promise<void> => {
    const buffer = Buffer.alloc(Math.min(file.bytes, 40_000_000), 7);
    await page.locator("#input").setInputFiles({ name: file.name, mimeType: file.mimeType, buffer });
    await page.getByRole("row").filter({ hasText: file.name }).waitFor();
  };
  await page.getByLabel("Only in the EU").check();
  await upload({ name: "patients, March.csv", mimeType: "text/csv", bytes: 12_840_110 });
  await page.getByLabel("Anywhere").check();
  for (const file of FILES) await upload(file);
  await page.getByLabel("Where to move annual report 2026.pdf").selectOption("archive");
  await page.getByRole("button", { name: "Move annual report 2026.pdf" }).click();
  await page.getByRole("row").filter({ hasText: "annual report" }).getByText("Archive", { exact: true }).first().waitFor();
  await page.close();
}

/** An upload that is under way: the store takes it as slowly as a real line would. */
async function uploading(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const bytesPerSecond = 12_000_000;
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond,
  });
  const buffer = Buffer.alloc(45_000_000, 1);
  await page.locator("#input").setInputFiles({ name: "drone, north shore.mov", mimeType: "video/quicktime", buffer });
  await page.getByText(/MB · [3-9]\d %/).waitFor();
}

const executable = process.env.OMNI_CHROMIUM ?? "/usr/bin/chromium";
const only = process.argv[2];
await mkdir(folder, { recursive: true });
const application = await startApplication();
const browser = await startBrowser(executable);
try {
  await fill(browser, application.url);
  const shots = [
    ["multi-cloud-upload-light", 1180, 1330, "light"],
    ["multi-cloud-upload-dark", 1180, 1330, "dark"],
    ["multi-cloud-upload-phone", 360, 1240, "light"],
  ] as const;
  for (const [name, width, height, scheme] of shots) {
    if (only !== undefined && !name.includes(only)) continue;
    const page = await open(browser, application.url, width, height, scheme);
    await uploading(page);
    await page.screenshot({ path: new URL(`${name}.png`, folder).pathname });
    await page.context().close();
  }
} finally {
  await browser.close();
  await application.stop();
}
