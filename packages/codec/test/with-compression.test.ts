import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { channel } from "@omni/channel";
import { ndjson, withCompression, withRecords } from "@omni/codec";
import { copyBetween, createBackend, moveBetween } from "@omni/core";
import { memory } from "@omni/memory";
import { itemsOf, noise } from "./streams.ts";

const content = "all work and no play makes jack a dull boy\n".repeat(5000);

describe.each(["gzip", "zstd"] as const)("a backend with %s", (encoding) => {
  const expand = encoding === "gzip" ? gunzipSync : zstdDecompressSync;

  it("stores compressed bytes under their content encoding and reads back by it", async () => {
    const store = memory();
    const backend = withCompression(store, encoding);
    for (const body of [content, [content.slice(0, 1000), content.slice(1000)], ""]) {
      await backend.write("a.txt", body, { contentType: "text/plain", metadata: { owner: "ada" } });
      const stored = await store.read("a.txt");
      expect(stored.info).toMatchObject({ contentEncoding: encoding, contentType: "text/plain", metadata: { owner: "ada" } });
      const whole = typeof body === "string" ? body : body.join("");
      expect(expand(await stored.bytes()).toString()).toBe(whole);
      const reader = await backend.read("a.txt");
      expect(reader.info.contentEncoding).toBeUndefined();
      expect(await reader.text()).toBe(whole);
    }
  });

  it("says the stored size in stat and list, and no digests of the content", async () => {
    const store = memory();
    const backend = withCompression(store, encoding);
    const info = await backend.write("a.txt", content);
    const stored = await store.stat("a.txt");
    expect(info.size).toBe(stored.size);
    expect(info.size).toBeLessThan(content.length / 10);
    expect(await backend.stat("a.txt")).toMatchObject({ size: stored.size, contentEncoding: encoding, etag: stored.etag });
    expect((await backend.stat("a.txt")).hashes).toBeUndefined();
    expect(backend.features.hashes).toEqual([]);
    for await (const listed of backend.list()) expect(listed).toMatchObject({ path: "a.txt", size: stored.size });
  });

  it("reads ranges of the content", async () => {
    const backend = withCompression(memory(), encoding);
    await backend.write("a.txt", content);
    for (const [offset, limit] of [
      [0, 10],
      [100_000, 43],
      [content.length - 5, 100],
      [content.length + 1, 1],
    ] as const)
      expect(await (await backend.read("a.txt", { offset, limit })).text()).toBe(content.slice(offset, offset + limit));
  });

  it("reads what the other encoding, another program, or nobody compressed", async () => {
    const store = memory();
    await withCompression(store, encoding === "gzip" ? "zstd" : "gzip").write("other", content);
    await store.write("plain", content);
    await store.write("brotli", "?", { contentEncoding: "br" });
    const backend = withCompression(store, encoding);
    for (const path of ["other", "plain"]) expect(await (await backend.read(path)).text()).toBe(content);
    const unknown = await backend.read("brotli");
    expect([unknown.info.contentEncoding, await unknown.text()]).toEqual(["br", "?"]);
  });

  it("stores a body that says it is encoded as it comes", async () => {
    const store = memory();
    const backend = withCompression(store, encoding);
    await withCompression(memory(), "gzip").write("a", content);
    const { gzipSync } = await import("node:zlib");
    await backend.write("a", gzipSync(content), { contentEncoding: "gzip" });
    expect((await store.stat("a")).contentEncoding).toBe("gzip");
    expect(await (await backend.read("a")).text()).toBe(content);
  });

  it("publishes nothing when the source breaks, is cut, or the writer is left", async () => {
    const store = memory();
    const backend = withCompression(store, encoding);
    await backend.write("a", "old");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield noise(300_000);
      throw new Error("the source broke");
    }
    await expect(backend.write("a", broken())).rejects.toThrow("the source broke");
    await expect(backend.write("a", [noise(300_000)], { sizeBytes: 300_001 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(backend.write("a", content, { checksum: { algorithm: "sha256", value: "00" } })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
    });
    const writer = backend.createWriter("a");
    for (let i = 0; i < 10; i++) await writer.write(noise(100_000));
    await writer.abort(new Error("changed my mind"));
    const left = backend.createWriter("a");
    await left.write(noise(100_000));
    await left[Symbol.asyncDispose]();
    const controller = new AbortController();
    const endless = backend.write(
      "a",
      (async function* () {
        for (let i = 0; ; i++) {
          yield noise(100_000);
          if (i === 5) controller.abort(new Error("enough"));
        }
      })(),
      { signal: controller.signal },
    );
    await expect(endless).rejects.toThrow("enough");
    expect(await (await backend.read("a")).text()).toBe("old");
    expect(await itemsOf(store.list())).toHaveLength(1);
  });

  it("publishes nothing when the encoder fails", async () => {
    const store = memory();
    await store.write("a", "old");
    const backend = withCompression(store, encoding);
    const notBytes = [noise(100_000), { toString: () => "no bytes" }];
    await expect(backend.write("a", notBytes as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await (await store.read("a")).text()).toBe("old");
  });

  it("fails a read of damaged content", async () => {
    const store = memory();
    await store.write("a", noise(1000), { contentEncoding: encoding });
    const reader = await withCompression(store, encoding).read("a");
    await expect(reader.bytes()).rejects.toMatchObject({
      message: expect.stringContaining("damaged or cut off"),
      retryable: false,
    });
  });

  it("copies to another store as content, and within its own as it is stored", async () => {
    const store = memory();
    const backend = withCompression(store, encoding);
    await backend.write("a.txt", content);
    await backend.copy("a.txt", "b.txt");
    expect((await store.stat("b.txt")).contentEncoding).toBe(encoding);
    expect(await (await backend.read("b.txt")).text()).toBe(content);
    const plain = memory();
    await copyBetween(backend, "a.txt", plain);
    expect(await (await plain.read("a.txt")).text()).toBe(content);
    expect((await plain.stat("a.txt")).contentEncoding).toBeUndefined();
    await copyBetween(plain, "a.txt", backend, { toPath: "c.txt" });
    expect(await (await backend.read("c.txt")).text()).toBe(content);
  });

  it("moves content to and from other stores", async () => {
    const backend = withCompression(memory(), encoding);
    const plain = memory();
    await plain.write("a", content);
    await moveBetween(plain, "a", backend);
    expect([await plain.exists("a"), await (await backend.read("a")).text()]).toEqual([false, content]);
    await moveBetween(backend, "a", plain);
    expect([await backend.exists("a"), await (await plain.read("a")).text()]).toEqual([false, content]);
  });

  it("keeps staging, conditions and records", async () => {
    const backend = withRecords(withCompression(memory(), encoding), ndjson<{ id: number }>());
    const staged = await backend.stage("a", content);
    expect(await backend.exists("a")).toBe(false);
    const { etag = "" } = await staged.commit();
    await expect(backend.write("a", "x", { ifNoneMatch: "*" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    expect(await (await backend.read("a", { ifMatch: etag })).text()).toBe(content);
    await backend.writeRecords("b", [{ id: 1 }, { id: 2 }]);
    expect((await itemsOf(backend.records("b"))).map(({ id }) => id)).toEqual([1, 2]);
  });
});

describe("withCompression", () => {
  it("refuses a backend that keeps no content encoding, an unknown encoding, and a level out of range", () => {
    expect(() => withCompression(channel(), "gzip")).toThrow(
      expect.objectContaining({ code: "NOT_SUPPORTED", message: expect.stringContaining("channel keeps no content encoding") }),
    );
    expect(() => withCompression(memory(), "br" as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("gzip or zstd") }),
    );
    expect(() => withCompression(memory(), "gzip", { level: 10 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it("refuses to change the encoding without the bytes", async () => {
    const backend = withCompression(memory(), "zstd");
    await backend.write("a", content);
    await expect(backend.setMetadata("a", { contentEncoding: "gzip" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await backend.setMetadata("a", { metadata: { owner: "bob" } });
    expect(await (await backend.read("a")).text()).toBe(content);
  });

  it("refuses a store that claims content headers but has none of the driver's abilities it would need", () => {
    const { driver } = memory();
    const bare = createBackend({ ...driver, features: { ...driver.features, contentHeaders: false } });
    expect(() => withCompression(bare, "zstd")).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
  });
});
