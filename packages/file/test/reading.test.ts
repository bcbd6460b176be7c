import { readdir } from "node:fs/promises";
import type { FileBackend } from "@omni/file";
import { freshBackend, removeRoots } from "./root.ts";

let backend: FileBackend;
const large = Buffer.alloc(1_000_000, "abcdefg");

beforeEach(async () => {
  backend = await freshBackend();
  await backend.write("large", large, { metadata: { version: "1" } });
});
afterAll(removeRoots);

test("an open reader goes on with its version while the object is overwritten and deleted", async () => {
  const reader = await backend.read("large", { offset: 10 });
  await backend.write("large", "short", { metadata: { version: "2" } });
  const second = await backend.read("large");
  await backend.delete("large");
  expect(Buffer.compare(await reader.bytes(), large.subarray(10))).toBe(0);
  expect(reader.info).toMatchObject({ size: 1_000_000, metadata: { version: "1" } });
  expect(await second.text()).toBe("short");
  expect(second.info.metadata).toEqual({ version: "2" });
});

describe("descriptors", () => {
  // Linux and macOS have one or the other.
  const openFiles = async (): Promise<number> => (await readdir(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd")).length;

  test.each<[string, () => Promise<unknown>]>([
    ["read to the end", async () => (await backend.read("large")).bytes()],
    ["closed unread", async () => (await backend.read("large")).close()],
    [
      "left after the first chunk",
      async () => {
        for await (const _ of await backend.read("large")) break;
      },
    ],
    ["refused by ifMatch", () => backend.read("large", { ifMatch: "other" }).catch(() => undefined)],
    [
      "aborted between two chunks",
      async () => {
        const controller = new AbortController();
        const reader = await backend.read("large", { signal: controller.signal });
        const chunks = reader[Symbol.asyncIterator]();
        await chunks.next();
        controller.abort(new Error("enough"));
        await expect(chunks.next()).rejects.toThrow("enough");
      },
    ],
    ["not there", () => backend.read("none").catch(() => undefined)],
  ])("none stays open: %s", async (_, read) => {
    await read();
    const before = await openFiles();
    for (let i = 0; i < 20; i++) await read();
    expect(await openFiles()).toBeLessThan(before + 10);
  });
});
