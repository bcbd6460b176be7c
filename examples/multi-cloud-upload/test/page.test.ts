// The page in a real Chromium, on clouds that are folders.
import { createHash, randomBytes } from "node:crypto";
import { describeWithChromium } from "@omni/servers";
import type { Browser, Page } from "playwright-core";
import { type RunningApplication, startApplication, startBrowser } from "./running.ts";

await describeWithChromium([], "the page", (executable) => {
  let application: RunningApplication;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    [application, browser] = await Promise.all([startApplication(), startBrowser(executable)]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    expect(await application?.stop()).toBe(0);
  }, 60_000);
  beforeEach(async () => {
    errors.length = 0;
    page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(application.url);
    await page.getByText("a folder").first().waitFor();
  });
  afterEach(async () => {
    await page.close();
    expect(errors).toEqual([]);
  });

  const choose = (name: string, mimeType: string, buffer: Buffer = Buffer.from(name)): Promise<void> =>
    page.locator("#input").setInputFiles({ name, mimeType, buffer });
  const rowOf = (name: string) => page.getByRole("row").filter({ hasText: name });
  const cellsOf = async (name: string): Promise<string[]> => {
    await rowOf(name).waitFor();
    const cells = await rowOf(name).getByRole("cell").allInnerTexts();
    return cells.map((text) => text.split("\n")[0] as string);
  };

  test("files go where the rules say, and the table says which", async () => {
    await choose("photo.jpg", "image/jpeg");
    expect((await cellsOf("photo.jpg")).slice(0, 4)).toEqual(["photo.jpg", "9 B", "Images", "image"]);
    await choose("clip.mp4", "video/mp4");
    expect((await cellsOf("clip.mp4")).slice(2, 4)).toEqual(["Media", "video or sound"]);
    await choose("unknown.xyz", "");
    expect((await cellsOf("unknown.xyz")).slice(2, 4)).toEqual(["Documents", "everything else"]);
    await page.getByLabel("Only in the EU").check();
    await choose("passport.png", "image/png");
    expect((await cellsOf("passport.png")).slice(2, 4)).toEqual(["Europe", "stays in Europe"]);
    await expect(page.getByRole("status").innerText()).resolves.toBe("passport.png is stored in Europe");
    expect(await page.getByRole("listitem").filter({ hasText: "Images" }).innerText()).toMatch(/9 B\s+1 file, a folder/);
  });

  test("a dropped file is taken, and comes back the same", async () => {
    const bytes = randomBytes(300_000);
    const data = await page.evaluateHandle(`(() => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob("${bytes.toString("base64")}"), (c) => c.charCodeAt(0));
      transfer.items.add(new File([bytes], "dropped ä&b.bin"));
      return transfer;
    })()`);
    await page.dispatchEvent("body", "dragenter", { dataTransfer: data });
    expect(await page.locator("html").getAttribute("class")).toBe("dragging");
    await page.dispatchEvent("body", "drop", { dataTransfer: data });
    expect((await cellsOf("dropped ä&b.bin"))[1]).toBe("300 kB");
    expect(await page.locator("html").getAttribute("class")).toBe("");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "dropped ä&b.bin" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("dropped ä&b.bin");
    const hash = createHash("sha256");
    for await (const chunk of await download.createReadStream()) hash.update(chunk as Uint8Array);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test("a move tells every open page how far it is", async () => {
    await choose("big.dat", "application/octet-stream", randomBytes(8_000_000));
    await rowOf("big.dat").waitFor();
    const other = await browser.newPage();
    await other.goto(application.url);
    // What the other page hears, before it is shown.
    const heard = await listenTo(other);
    await page.getByLabel("Where to move big.dat").selectOption("media");
    await page.getByRole("button", { name: "Move big.dat" }).click();
    await other
      .getByRole("row")
      .filter({ hasText: "big.dat" })
      .getByText("Media", { exact: true })
      .locator("visible=true")
      .first()
      .waitFor();
    const events = await heard();
    const percents = events
      .filter(({ type }) => type === "moving")
      .map(({ bytes, totalBytes }) => Math.floor((100 * bytes) / totalBytes));
    expect(percents[0]).toBe(0);
    expect(percents.at(-1)).toBe(100);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(events.at(-1)).toMatchObject({ type: "stored", file: { cloud: "media" } });
    await other.close();
  });

  test("a file that must stay in the EU is not offered to leave, and does not when it is told to", async () => {
    await page.getByLabel("Only in the EU").check();
    await choose("kept.txt", "text/plain");
    await rowOf("kept.txt").waitFor();
    const options = await page.getByLabel("Where to move kept.txt").locator("option:not([disabled])").allInnerTexts();
    expect(options).toEqual(["Archive"]);
    const { files } = await state(application.url);
    const { id } = files.find(({ filename }) => filename === "kept.txt") as { id: string };
    await fetch(`${application.url}/api/files/${id}/move`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ to: "images" }),
    });
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").innerText()).toMatch(/Not moved to Images: .*must stay in eu/);
    expect((await cellsOf("kept.txt"))[2]).toBe("Europe");
  });

  test("everything can be done with the keyboard", async () => {
    await choose("typed.txt", "text/plain");
    await choose("other.txt", "text/plain");
    await rowOf("typed.txt").waitFor();
    await rowOf("other.txt").waitFor();
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("To the files");
    await page.keyboard.press("Tab");
    expect(await page.locator("#input").evaluate((input) => input === input.ownerDocument.activeElement)).toBe(true);
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    expect(await page.getByLabel("Only in the EU").isChecked()).toBe(true);
    await page.getByLabel("Where to move typed.txt").focus();
    await page.keyboard.press("a");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Move typed.txt");
    await page.keyboard.press("Enter");
    await rowOf("typed.txt").locator(".dot", { hasText: "Archive" }).waitFor();
    // The row was made anew, and who was in it still is.
    expect(await focused(page)).toBe("Where to move typed.txt");
    await page.getByRole("button", { name: "Delete typed.txt" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    expect(await focused(page)).toBe("Keep it");
    await page.keyboard.press("Escape");
    expect(await focused(page)).toBe("Delete typed.txt");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await rowOf("typed.txt").waitFor({ state: "detached" });
  });

  test("a question that is asked anew at once is answered anew", async () => {
    await choose("asked.txt", "text/plain");
    await page.getByRole("button", { name: "Delete asked.txt" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    // In one task of the page, so that the event that tells of the closing comes after the next opening, as it may on a busy machine.
    await page.evaluate('document.getElementById("confirm").close("no"); document.activeElement.click()');
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await rowOf("asked.txt").waitFor({ state: "detached" });
  });

  test("what is heard while the list is on its way is newer than the list", async () => {
    const other = await browser.newPage();
    const [answered, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let asked = 0;
    await other.route("**/api/state", async (route) => {
      asked += 1;
      const response = await route.fetch();
      answered.resolve();
      await released.promise;
      await route.fulfill({ response });
    });
    await other.goto(application.url);
    await answered.promise;
    await choose("news.txt", "text/plain");
    const row = other.getByRole("row").filter({ hasText: "news.txt" });
    await row.waitFor();
    released.resolve();
    // Shown from the list alone.
    await other.getByText("a folder").first().waitFor();
    expect(await row.count()).toBe(1);
    expect(asked).toBe(2);
    await other.close();
  });

  test("an upload is given up and failed uploads are tried again", async () => {
    await page.route("**/files/**", (route) => (route.request().method() === "PUT" ? route.abort() : route.continue()));
    await choose("unlucky.txt", "text/plain");
    await page.locator(".failed", { hasText: "the store cannot be reached" }).waitFor();
    await page.unroute("**/files/**");
    errors.length = 0;
    await page.getByRole("button", { name: "Try unlucky.txt again" }).click();
    await rowOf("unlucky.txt").waitFor();
    expect(await page.getByRole("heading", { name: "On their way" }).isVisible()).toBe(false);
  });

  test("fits a phone of 360 pixels without scrolling sideways, and keeps its table a table", async () => {
    await choose(`${"a-long-name-".repeat(8)}.pdf`, "application/pdf");
    await rowOf("a-long-name").waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    const widths = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]");
    expect(widths).toEqual([360, 360]);
    expect(await rowOf("a-long-name").getByRole("cell").count()).toBeGreaterThanOrEqual(4);
  });

  test.each(["light", "dark"] as const)("text can be read in %s", async (colorScheme) => {
    await choose("readable.txt", "text/plain");
    await rowOf("readable.txt").waitFor();
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const selector of [
      "h1",
      "header p",
      "label.primary",
      "td .meta",
      "td code",
      "th",
      ".button.plain",
      "footer p",
      ".clouds .meta",
    ])
      expect([selector, await contrastOf(page, selector)]).toEqual([selector, expect.any(Number)]);
    const ratios = await Promise.all(["h1", "td .meta", "label.primary", "th", ".button.plain"].map((it) => contrastOf(page, it)));
    // https://www.w3.org/TR/WCAG22/#contrast-minimum
    for (const ratio of ratios) expect(ratio).toBeGreaterThan(4.5);
  });
});

interface Heard {
  readonly type: string;
  readonly bytes: number;
  readonly totalBytes: number;
}

async function listenTo(page: Page): Promise<() => Promise<Heard[]>> {
  await page.evaluate(`new Promise((resolve) => {
    globalThis.heard = [];
    const events = new EventSource("/api/events");
    events.onmessage = ({ data }) => heard.push(JSON.parse(data));
    events.onopen = resolve;
  })`);
  return () => page.evaluate("heard");
}

async function state(url: string): Promise<{ files: { id: string; filename: string }[] }> {
  return (await (await fetch(`${url}/api/state`)).json()) as never;
}

function focused(page: Page): Promise<string> {
  return page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()");
}

/** Of an element's text and what is behind it, as WCAG computes it. */
function contrastOf(page: Page, selector: string): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = (color) => {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const element = document.querySelector(${JSON.stringify(selector)});
    let behind = element;
    while (behind.parentElement && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
    const pair = [luminance(getComputedStyle(element).color), luminance(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  })()`);
}
