// A real Chromium, a real S3 server, and the application between them, which must not carry the file. OMNI_RUNS = MiB of the file.
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { recordCounts } from "@omni/property";
import { type S3Backend, s3 } from "@omni/s3";
import { describeWithChromium, type RunningServer } from "@omni/servers";
import type { Browser, Page } from "playwright-core";
import { countersOf, type RunningApplication, startApplication, startBrowser } from "./running.ts";

const MIB = 1024 ** 2;
const mib = Number(process.env.OMNI_RUNS ?? 20);
/** What the application may exchange with everybody while a file is uploaded: the page's calls, and one look at the store. */
const MOST_TRAFFIC = MIB;
/** How long an upload takes at least: on loopback there would be nothing to see of its progress. */
const SECONDS = 2;

await describeWithChromium(["s3"], "an upload to an S3 server", (executable, current) => {
  const bucket = `upload-${randomUUID()}`;
  let store: S3Backend;
  let application: RunningApplication;
  let browser: Browser;
  let page: Page;
  let folder: string;

  beforeAll(async () => {
    const { url, credentials, region } = current("s3");
    store = s3({ bucket, endpoint: url, region, ...credentials, provider: "minio" });
    await (await store.driver.client()).send(new CreateBucketCommand({ Bucket: bucket }));
    folder = await mkdtemp(join(tmpdir(), "omni-upload-"));
    application = await startApplication(environmentOf(current("s3"), bucket));
    browser = await startBrowser(executable);
    page = await browser.newPage();
    await page.goto(application.url);
    await page.getByText("S3").first().waitFor();
    // The client of the store is loaded at its first use, once; that is no traffic of an upload.
    await page.locator("#input").setInputFiles({ name: "first.txt", mimeType: "text/plain", buffer: Buffer.from("first") });
    await page.getByRole("row").filter({ hasText: "first.txt" }).waitFor();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    expect(await application?.stop()).toBe(0);
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  test(
    `${mib} MiB go straight to the store, with progress, and are the same there; the application carries none of them`,
    async () => {
      const file = join(folder, "film.mp4");
      const digest = await plant(file, mib);
      await watchProgress(page);
      await narrow(page, (mib * MIB) / SECONDS);
      const pid = application.process.pid as number;
      const [before, trafficBefore] = [await countersOf(pid), await trafficOf(application.url)];
      const received = countReceived(page);
      await page.locator("#input").setInputFiles(file);
      const row = page.getByRole("row").filter({ hasText: "film.mp4" });
      await row.waitFor({ timeout: 60_000 + mib * 3_000 });
      const [after, trafficAfter] = [await countersOf(pid), await trafficOf(application.url)];

      expect(await row.getByRole("cell").nth(2).innerText()).toMatch(/^Media/);
      expect(received.origins).toEqual([new URL(current("s3").url).origin]);
      const values = await progressOf(page);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      expect(new Set(values.filter((value) => value > 0 && value < 100)).size).toBeGreaterThanOrEqual(3);

      const [object] = await Array.fromAsync(store.list("media/"));
      expect(object).toMatchObject({ size: mib * MIB, path: expect.stringMatching(/^media\/files\/[0-9a-f-]{36}\/film\.mp4$/) });
      expect(await digestOf(store, object?.path as string)).toBe(digest);

      const carried = {
        kernelRead: after.readBytes - before.readBytes,
        kernelWritten: after.writtenBytes - before.writtenBytes,
        sockets: trafficAfter - trafficBefore,
      };
      for (const [name, bytes] of Object.entries(carried)) {
        expect([name, bytes < MOST_TRAFFIC ? "little" : bytes]).toEqual([name, "little"]);
      }
      const grown = after.peakRssBytes - before.rssBytes;
      expect(grown).toBeLessThan(Math.min(64 * MIB, (mib * MIB) / 2 + 32 * MIB));
      recordCounts({
        uploads: 1,
        "MiB uploaded": mib,
        "bytes read by the application": carried.kernelRead,
        "bytes written by the application": carried.kernelWritten,
        "KiB of RSS grown": Math.max(0, Math.round(grown / 1024)),
        "steps of progress": new Set(values).size,
      });
    },
    120_000 + mib * 5_000,
  );

  test(
    "an application that does carry bytes is seen to",
    async () => {
      // The move goes by the application where the store does not copy by itself: what the counters say of it is the proof that they count.
      const pid = application.process.pid as number;
      const [before, trafficBefore] = [await countersOf(pid), await trafficOf(application.url)];
      await page.getByLabel("Where to move film.mp4").selectOption("archive");
      await page.getByRole("button", { name: "Move film.mp4" }).click();
      await page.locator("td .dot", { hasText: "Archive" }).waitFor({ timeout: 60_000 + mib * 3_000 });
      const [after, trafficAfter] = [await countersOf(pid), await trafficOf(application.url)];
      expect(after.readBytes - before.readBytes).toBeGreaterThan(mib * MIB);
      expect(trafficAfter - trafficBefore).toBeGreaterThan(mib * MIB);
      expect(await Array.fromAsync(store.list("media/"))).toEqual([]);
    },
    120_000 + mib * 5_000,
  );

  test("a file of another length than was signed is refused by the store", async () => {
    const answer = await page.evaluate(`(async () => {
      const { ask } = await import("/upload.js");
      const signed = await ask("/api/uploads", { method: "POST", body: { filename: "a.png", contentType: "image/png", size: 10 } });
      const send = (body) => fetch(signed.url, { method: "PUT", headers: { "content-type": "image/png" }, body });
      return [(await send("12345678901")).status, (await send("1234567890")).status, (await ask("/api/confirm", { method: "POST", body: { ticket: signed.ticket } })).cloud];
    })()`);
    expect(answer).toEqual([403, 200, "images"]);
  });
});

/** Three clouds on the server, each a folder of the bucket; the archive stays a folder of this machine. */
function environmentOf({ url, credentials, region }: RunningServer, bucket: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of ["documents", "images", "media"]) {
    const prefix = `CLOUDS_${name.toUpperCase()}`;
    env[`${prefix}_URL`] = `s3://${bucket}/${name}?provider=minio&region=${region}`;
    env[`${prefix}_ENDPOINT`] = url;
    env[`${prefix}_ACCESS_KEY_ID`] = credentials?.accessKeyId ?? "";
    env[`${prefix}_SECRET_ACCESS_KEY`] = credentials?.secretAccessKey ?? "";
  }
  return env;
}

/** Writes a file of bytes that do not compress; gives its SHA-256. */
async function plant(path: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "w");
  const block = Buffer.alloc(MIB);
  for (let index = 0; index < size; index += 1) {
    // Every MiB is another: one that is missing, doubled or exchanged changes the digest.
    for (let at = 0; at < MIB; at += 32)
      createHash("sha256")
        .update(`${index} ${at & 0xffff}`)
        .digest()
        .copy(block, at);
    hash.update(block);
    await file.write(block);
  }
  await file.close();
  return hash.digest("hex");
}

async function digestOf(store: S3Backend, path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await store.read(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** Where the page sends bodies that are files. */
function countReceived(page: Page): { readonly origins: string[] } {
  const origins: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "PUT") origins.push(new URL(request.url()).origin);
  });
  return { origins };
}

/** Limits the line from the browser. */
async function narrow(page: Page, bytesPerSecond: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const line = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", line);
}

/** Notes every value that a progress bar of the page takes. */
async function watchProgress(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    globalThis.progress = [];
    const note = () => document.querySelectorAll("#upload-list progress").forEach((bar) => progress.push(bar.value));
    new MutationObserver(note).observe(document.getElementById("upload-list"), { subtree: true, childList: true, attributes: true, characterData: true });
  })()`);
}

function progressOf(page: Page): Promise<number[]> {
  return page.evaluate("progress");
}

async function trafficOf(url: string): Promise<number> {
  return ((await (await fetch(`${url}/api/traffic`)).json()) as { trafficBytes: number }).trafficBytes;
}
