import { randomUUID } from "node:crypto";
import { OmniError } from "@omni/core";
import { faultProxy } from "@omni/fault-proxy";
import { gcs } from "@omni/gcs";
import { describeWithServer } from "@omni/servers";
import { freshStore, makeBucket, optionsFor, rawClient } from "@omni/store-trials/gcs";

const MIB = 1024 * 1024;

async function codeOf(work: Promise<unknown>): Promise<string> {
  const [result] = await Promise.allSettled([work]);
  if (result.status === "fulfilled") return "no error";
  return OmniError.is(result.reason) ? result.reason.code : String(result.reason);
}

await describeWithServer("gcs", "gcs on a server", (current) => {
  beforeAll(() => makeBucket(current()));

  test("a missing bucket is named by every operation", async () => {
    await using store = gcs(optionsFor(current(), { bucket: "omni-no-such-bucket", chunkSizeBytes: 256 * 1024 }));
    async function* large(): AsyncGenerator<Uint8Array, undefined> {
      yield new Uint8Array(MIB);
    }
    const works: Record<string, () => Promise<unknown>> = {
      write: () => store.write("a", "x"),
      stream: () => store.write("a", large()),
      stage: () => store.stage("a", "x"),
      read: () => store.read("a"),
      stat: () => store.stat("a"),
      list: () => Array.fromAsync(store.list()),
      delete: () => store.delete("a"),
      copy: () => store.copy("a", "b"),
      setMetadata: () => store.setMetadata("a", { metadata: {} }),
    };
    for (const [name, work] of Object.entries(works)) {
      const [result] = await Promise.allSettled([work()]);
      const error: unknown = result.status === "rejected" ? result.reason : undefined;
      const said = OmniError.is(error, "INVALID_ARGUMENT") ? error.reason : String(error);
      expect(`${name}: ${said}`).toMatch(/the bucket "omni-no-such-bucket" does not exist at http.*create it/);
    }
  });

  test("a copy goes on until the store is done", async () => {
    await using proxy = await faultProxy(current().url);
    await using store = freshStore(current(), { apiEndpoint: proxy.url, rewriteBytesPerCall: MIB });
    let rewrites = 0;
    proxy.use(({ path }) => {
      if (path?.includes("/rewriteTo/")) rewrites++;
      return undefined;
    });
    const bytes = new Uint8Array(3.5 * MIB).map((_, i) => i >> 5);
    await store.write("from", bytes.slice(), { metadata: { k: "ü" }, cacheControl: "no-store", stamp: { id: "w1" } });
    const copied = await store.copy("from", "to");
    expect(rewrites).toBe(4);
    expect(copied).toMatchObject({ size: bytes.byteLength, metadata: { k: "ü" }, cacheControl: "no-store", stamp: { id: "w1" } });
    expect(Buffer.compare(await (await store.read("to")).bytes(), bytes)).toBe(0);
    await store.move("to", "moved");
    expect([await store.exists("to"), await store.exists("moved")]).toEqual([false, true]);
    await store.purge("");
  });

  test("a staged write whose process ended after the commit never comes back over a later one", async () => {
    await using proxy = await faultProxy(current().url);
    const prefix = randomUUID();
    await using store = freshStore(current(), { apiEndpoint: proxy.url, prefix });
    await using direct = freshStore(current(), { prefix });
    const staged = await store.stage("a", "staged");
    // The temporary object stays: as if the process had ended right before it deleted it.
    proxy.use(({ method }) => (method === "DELETE" ? { kind: "answer", status: 403 } : undefined));
    await staged.commit();
    expect((await direct.resumeStage("a", staged.token)).state).toBe("committed");
    await direct.write("a", "later");
    const again = await direct.resumeStage("a", staged.token);
    expect(again.state).toBe("gone");
    await expect(again.commit()).rejects.toMatchObject({ code: "NOT_FOUND", outcome: "unknown" });
    expect(await (await direct.read("a")).text()).toBe("later");
    expect(await direct.sweepStale({ olderThanMs: 0 })).toEqual({ removed: 1, kept: 0 });
    await direct.purge("");
  });

  test("a commit that arrives late is refused", async () => {
    await using proxy = await faultProxy(current().url);
    const prefix = randomUUID();
    await using store = freshStore(current(), { apiEndpoint: proxy.url, prefix });
    await using direct = freshStore(current(), { prefix });
    const staged = await store.stage("a", "staged");
    let arrived = (): void => {};
    const underWay = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    proxy.use(({ path }) => {
      if (!path?.includes("/rewriteTo/")) return undefined;
      arrived();
      return { kind: "latency", ms: 400 };
    });
    const late = codeOf(staged.commit());
    await underWay;
    await (await direct.resumeStage("a", staged.token)).commit();
    await direct.write("a", "later");
    expect(await late).toBe("NOT_FOUND");
    expect(await (await direct.read("a")).text()).toBe("later");
    await direct.purge("");
  });

  test("a commit that another writer overtook for certain goes on", async () => {
    await using proxy = await faultProxy(current().url);
    const prefix = randomUUID();
    await using store = freshStore(current(), { apiEndpoint: proxy.url, prefix });
    await using direct = freshStore(current(), { prefix });
    const staged = await store.stage("a", "staged");
    let rewrites = 0;
    let arrived = (): void => {};
    const underWay = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    proxy.use(({ path }) => {
      if (!path?.includes("/rewriteTo/") || rewrites++ > 0) return undefined;
      arrived();
      return { kind: "latency", ms: 400 };
    });
    const committing = staged.commit();
    await underWay;
    const between = await direct.write("a", "between");
    expect((await committing).etag).not.toBe(between.etag);
    expect(rewrites).toBe(2);
    expect(await (await direct.read("a")).text()).toBe("staged");
    expect(await direct.sweepStale({ olderThanMs: 0 })).toEqual({ removed: 0, kept: 0 });
    await direct.purge("");
  });

  test("readers that stand still do not hold up other calls", async () => {
    await using store = freshStore(current(), { maxSockets: 2 });
    await store.write("a", new Uint8Array(4 * MIB));
    const readers = [await store.read("a"), await store.read("a")];
    expect((await store.stat("a", { timeoutMs: 5_000 })).size).toBe(4 * MIB);
    await store.write("b", "x", { timeoutMs: 5_000 });
    for (const reader of readers) expect((await reader.bytes()).byteLength).toBe(4 * MIB);
    await store.purge("");
  });

  test("a client of the caller's lends its credentials and its endpoint", async () => {
    const prefix = randomUUID();
    await using direct = freshStore(current(), { prefix });
    await direct.write("a", "x");
    const { bucket } = optionsFor(current());
    await using store = gcs({ bucket, prefix, client: rawClient(current()) });
    expect(store.driver.identity).toBe(direct.driver.identity);
    expect(await (await store.read("a")).text()).toBe("x");
    await direct.purge("");
  });

  test("a staged write replaces what was written after it was staged", async () => {
    await using store = freshStore(current());
    await store.write("a", "first");
    const staged = await store.stage("a", "staged");
    await store.write("a", "second");
    await (await store.resumeStage("a", staged.token)).commit();
    expect(await (await store.read("a")).text()).toBe("staged");
    await store.purge("");
  });

  test("a small staged write is five requests with its commit, a plain one is one", async () => {
    await using proxy = await faultProxy(current().url);
    await using store = freshStore(current(), { apiEndpoint: proxy.url });
    await store.exists("nothing");
    const asked: string[] = [];
    proxy.use(({ method = "" }) => {
      asked.push(method);
      return undefined;
    });
    await store.write("a", "plain");
    expect(asked.splice(0)).toEqual(["POST"]);
    await (await store.stage("a", "staged")).commit();
    expect(asked).toEqual(["POST", "GET", "PATCH", "POST", "DELETE"]);
    await store.purge("");
  });

  test("a token belongs to its path, and is small", async () => {
    await using store = freshStore(current());
    const { token } = await store.stage("a", "x");
    expect(token.length).toBeLessThan(80);
    expect(await codeOf(store.resumeStage("b", token))).toBe("INVALID_ARGUMENT");
    for (const bad of ["", "1.x.y.z", `${token}x`, token.slice(1)])
      expect(await codeOf(store.resumeStage("a", bad || " "))).toBe("INVALID_ARGUMENT");
    await store.sweepStale({ olderThanMs: 0 });
  });

  test("sweepStale keeps what is young, and tokens that it is told to keep", async () => {
    await using store = freshStore(current());
    const kept = await store.stage("a", "kept");
    const left = await store.stage("a", "left");
    expect(await store.sweepStale({ olderThanMs: 3_600_000 })).toEqual({ removed: 0, kept: 2 });
    expect(await store.sweepStale({ olderThanMs: 0, keep: [kept.token] })).toEqual({ removed: 1, kept: 1 });
    expect((await store.resumeStage("a", left.token)).state).toBe("gone");
    await kept.commit();
    expect(await Array.fromAsync(store.list(), ({ path }) => path)).toEqual(["a"]);
    expect(await codeOf(store.sweepStale({ olderThanMs: -1 }))).toBe("INVALID_ARGUMENT");
    await store.purge("");
  });

  test("generations are etags: a condition on an older one, or on none of this store, does not hold", async () => {
    await using store = freshStore(current());
    const first = await store.write("a", "1");
    const second = await store.write("a", "2", { ifMatch: first.etag ?? "" });
    expect(second.etag).toMatch(/^\d+$/);
    expect(second.version).toBe(second.etag);
    expect(await codeOf(store.write("a", "3", { ifMatch: first.etag ?? "" }))).toBe("PRECONDITION_FAILED");
    expect(await codeOf(store.write("a", "3", { ifMatch: '"abc"' }))).toBe("PRECONDITION_FAILED");
    expect(await codeOf(store.delete("a", { ifMatch: first.etag ?? "" }))).toBe("PRECONDITION_FAILED");
    expect(await codeOf(store.delete("none", { ifMatch: first.etag ?? "" }))).toBe("PRECONDITION_FAILED");
    await store.delete("a", { ifMatch: second.etag ?? "" });
    expect(await store.exists("a")).toBe(false);
  });

  test("what the SDK writes is read, and the other way round", async () => {
    const prefix = randomUUID();
    await using store = freshStore(current(), { prefix });
    const { bucket } = optionsFor(current());
    const client = rawClient(current());
    const file = client.bucket(bucket).file(`${prefix}/by-sdk`);
    await file.save("by the SDK", { resumable: false, metadata: { contentType: "text/x-a", metadata: { Key: "V" } } });
    expect(await store.stat("by-sdk")).toMatchObject({ size: 10, contentType: "text/x-a", metadata: { Key: "V" } });
    await store.write("by-omni", "by Omni", { contentType: "text/x-b", metadata: { key: "v" } });
    const [bytes] = await client.bucket(bucket).file(`${prefix}/by-omni`).download();
    expect(bytes.toString()).toBe("by Omni");
    await store.purge("");
  });
});
