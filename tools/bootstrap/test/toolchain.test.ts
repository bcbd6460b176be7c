import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { cacheFolder, withLock } from "../cache.mjs";
import { installTool } from "../npm.mjs";
import { recentEnough, sourceFlags } from "../toolchain.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "omni-bootstrap-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["20.20.2", false],
  ["22.14.0", false],
  ["22.15.0", true],
  ["23.7.0", false],
  ["23.8.0", true],
  ["24.0.0", true],
])("Node %s: recent enough %s", (version, expected) => {
  expect(recentEnough(version)).toBe(expected);
});

test.each([
  ["22.17.1", true],
  ["22.18.0", false],
  ["23.5.0", true],
  ["26.0.0", false],
])("Node %s: is asked to strip types %s", (version, asked) => {
  expect(sourceFlags(version).includes("--experimental-strip-types")).toBe(asked);
});

describe("the cache folder", () => {
  test("OMNI_CACHE, then XDG_CACHE_HOME, then HOME, then the clone", () => {
    const home = join(folder, "home");
    expect(cacheFolder({ OMNI_CACHE: join(folder, "own"), HOME: home }, folder)).toBe(join(folder, "own"));
    expect(cacheFolder({ XDG_CACHE_HOME: join(folder, "xdg"), HOME: home }, folder)).toBe(join(folder, "xdg", "omni"));
    expect(cacheFolder({ HOME: home }, folder)).toBe(join(home, ".cache", "omni"));
    expect(cacheFolder({ HOME: "" }, folder)).toBe(join(folder, ".cache", "omni"));
  });

  test("a home that is no folder is passed over", () => {
    writeFileSync(join(folder, "file"), "");
    expect(cacheFolder({ HOME: join(folder, "file") }, folder)).toBe(join(folder, ".cache", "omni"));
  });
});

describe("the lock", () => {
  test("two runs work one after the other", async () => {
    const order: string[] = [];
    const run = (name: string): Promise<void> =>
      withLock(folder, "tool", async () => {
        order.push(`${name} in`);
        await new Promise(setImmediate);
        order.push(`${name} out`);
      });
    await Promise.all([run("a"), run("b")]);
    expect(order).toEqual(["a in", "a out", "b in", "b out"]);
  });

  test("a lock whose process is gone is taken over, and a failure leaves none", async () => {
    writeFileSync(join(folder, "tool.lock"), "2147483646");
    await expect(withLock(folder, "tool", () => Promise.reject(new Error("offline")))).rejects.toThrow("offline");
    expect(existsSync(join(folder, "tool.lock"))).toBe(false);
  });
});

describe("fetching a tool", () => {
  const env = (): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: folder,
    npm_config_registry: "http://127.0.0.1:9/",
    npm_config_fetch_retries: "0",
  });

  test("a registry that cannot be reached is one clear line, and nothing is left behind", async () => {
    const failed = installTool({ cache: folder, folder: "tool-1", spec: "tool@1.0.0", env: env() });
    await expect(failed).rejects.toThrow(
      /omni: tool@1\.0\.0 could not be installed from the npm registry \(http:\/\/127\.0\.0\.1:9\/; ECONNREFUSED\): check the connection/,
    );
    expect(existsSync(join(folder, "tool-1"))).toBe(false);
  });

  test("what is there is not fetched again", async () => {
    mkdirSync(join(folder, "tool-1"));
    expect(await installTool({ cache: folder, folder: "tool-1", spec: "tool@1.0.0", env: env() })).toBe(join(folder, "tool-1"));
  });
});
