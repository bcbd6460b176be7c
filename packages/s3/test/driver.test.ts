import { setTimeout as sleep } from "node:timers/promises";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { OmniError } from "@omni/core";
import { type Exchange, faultProxy, throttled } from "@omni/fault-proxy";
import { type S3Backend, s3 } from "@omni/s3";
import { describeWithServer } from "@omni/servers";
import { freshStore, makeBucket, optionsFor, reopened } from "@omni/store-trials/s3";

const MIB = 1024 * 1024;

async function uploadsAt(store: S3Backend, path: string): Promise<number> {
  const [bucket, prefix] = (store.driver.identity ?? "").split("|").slice(-2).map(decodeURIComponent);
  const { Uploads = [] } = await (await store.driver.client()).send(
    new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${prefix}${path}` }),
  );
  return Uploads.length;
}

async function* endless(): AsyncGenerator<Uint8Array, undefined> {
  while (true) yield new Uint8Array(MIB);
}

await describeWithServer("s3", "s3 driver", (current) => {
  let store: S3Backend;
  beforeAll(() => makeBucket(current()));
  beforeEach(() => {
    store = freshStore(current(), { partSizeBytes: 5 * MIB, copyThresholdBytes: 16 * MIB });
  });
  afterEach(() => store.close());

  test("an abort ends an upload: no request afterwards, no parts, no object", async () => {
    const exchanges: Exchange[] = [];
    await using proxy = await faultProxy(current().url, { onExchange: (exchange) => void exchanges.push(exchange) });
    await using proxied = reopened(current(), store, { endpoint: proxy.url, partSizeBytes: 5 * MIB });
    const controller = new AbortController();
    const parts = proxy.once({ kind: "latency", ms: 0 }, ({ path }) => path?.includes("partNumber=4") ?? false);
    const work = proxied.write("endless", endless(), { signal: controller.signal });
    await parts;
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(work).rejects.toBe(reason);
    const { subjects } = proxy.counts;
    expect(exchanges.some(({ method }) => method === "DELETE")).toBe(true);
    await sleep(300);
    expect(proxy.counts.subjects).toBe(subjects);
    expect(await uploadsAt(store, "endless")).toBe(0);
    expect(await store.exists("endless")).toBe(false);
  });

  test("an abort while a request waits for its next try is the end of it", async () => {
    await using proxy = await faultProxy(current().url);
    await using proxied = reopened(current(), store, { endpoint: proxy.url, partSizeBytes: 5 * MIB });
    const struck = proxy.once(throttled(1), ({ method }) => method === "POST");
    const controller = new AbortController();
    const work = proxied.write("throttled", endless(), { signal: controller.signal });
    await struck;
    controller.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
    await sleep(2_500);
    expect(proxy.counts.subjects).toBe(1);
    expect(await uploadsAt(store, "throttled")).toBe(0);
  });

  test("a source that hangs does not keep an abort waiting, nor leave anything", async () => {
    const controller = new AbortController();
    let pulled: () => void = () => {};
    const isPulled = new Promise<void>((resolve) => {
      pulled = resolve;
    });
    async function* hanging(): AsyncGenerator<Uint8Array, undefined> {
      yield new Uint8Array(6 * MIB);
      pulled();
      await new Promise(() => {});
    }
    const work = store.write("hanging", hanging(), { signal: controller.signal });
    await isPulled;
    controller.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
    expect(await uploadsAt(store, "hanging")).toBe(0);
  });

  test("a source that throws after some parts leaves the former object and no parts", async () => {
    await store.write("object", "former");
    async function* failing(): AsyncGenerator<Uint8Array, undefined> {
      yield new Uint8Array(12 * MIB);
      throw new Error("the source broke");
    }
    await expect(store.write("object", failing())).rejects.toThrow("the source broke");
    expect(await (await store.read("object")).text()).toBe("former");
    expect(await uploadsAt(store, "object")).toBe(0);
  });

  test("a small body is one request, a large one parts and a completion", async () => {
    await using proxy = await faultProxy(current().url);
    await using proxied = reopened(current(), store, { endpoint: proxy.url, partSizeBytes: 5 * MIB });
    await proxied.write("small", new Uint8Array(5 * MIB));
    expect(proxy.counts.subjects).toBe(1);
    const info = await proxied.write("large", new Uint8Array(11 * MIB));
    expect(proxy.counts.subjects).toBe(1 + 1 + 3 + 1);
    expect((await proxied.stat("large")).hashes).toEqual(info.hashes);
  });

  test("a commit whose answer is lost is found to be committed; the token is good once", async () => {
    await using proxy = await faultProxy(current().url);
    await using proxied = reopened(current(), store, { endpoint: proxy.url });
    const staged = await proxied.stage("object", "first");
    const isCompletion = ({ method, path }: { method?: string; path?: string }): boolean =>
      method === "POST" && (path?.includes("uploadId") ?? false);
    proxy.use((subject) => (isCompletion(subject) ? { kind: "after-commit", then: "reset" } : undefined));
    const info = await staged.commit();
    proxy.clear();
    expect((await store.stat("object")).etag).toBe(info.etag);
    await store.write("object", "second");
    const again = await store.resumeStage("object", staged.token);
    expect(again.state).toBe("gone");
    await expect(again.commit()).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await (await store.read("object")).text()).toBe("second");
  });

  test("a create whose answer is lost is a success and not ALREADY_EXISTS; somebody else's is", async () => {
    await using proxy = await faultProxy(current().url);
    await using proxied = reopened(current(), store, { endpoint: proxy.url });
    const struck = proxy.once({ kind: "after-commit", then: "reset" }, ({ method }) => method === "PUT");
    await proxied.write("object", "mine", { ifNoneMatch: "*" });
    expect((await struck).method).toBe("PUT");
    await expect(proxied.write("object", "other", { ifNoneMatch: "*" })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      outcome: "not-applied",
    });
  });

  test("of eight creates at once one wins, small and in parts", async () => {
    for (const bytes of [10, 6 * MIB]) {
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) => store.write(`race-${bytes}`, new Uint8Array(bytes).fill(i), { ifNoneMatch: "*" })),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const result of results)
        if (result.status === "rejected") expect((result.reason as OmniError).code).toBe("ALREADY_EXISTS");
    }
  });

  test("a copy above the threshold is made in parts and takes everything along, names with every sign too", async () => {
    const options = { contentType: "text/x", cacheControl: "no-store", metadata: { key: "vålue" }, modifiedAt: new Date(1e12) };
    const body = Buffer.alloc(17 * MIB, "sixteen and one");
    await store.write("a b/+ü?%&=.bin", body, options);
    const copied = await store.copy("a b/+ü?%&=.bin", "c/ü #.bin");
    expect(copied).toMatchObject({ path: "c/ü #.bin", size: body.byteLength, ...options });
    expect(copied.etag).toMatch(/-2"$/);
    expect(body.equals(await (await store.read("c/ü #.bin")).bytes())).toBe(true);
    expect(await store.stat("c/ü #.bin")).toMatchObject(options);
    const moved = await store.move("c/ü #.bin", "moved");
    expect(moved.size).toBe(body.byteLength);
    expect(await store.exists("c/ü #.bin")).toBe(false);
  });

  test("tags, storage class and encryption of the backend stand with a copy in parts too", async () => {
    await using tagged = reopened(current(), store, { tags: { team: "a b" }, copyThresholdBytes: 5 * MIB });
    await tagged.write("object", new Uint8Array(6 * MIB));
    await store.copy("object", "small-copy");
    await using plain = reopened(current(), store, { copyThresholdBytes: 5 * MIB });
    await plain.copy("object", "copy");
    const { GetObjectTaggingCommand } = await import("@aws-sdk/client-s3");
    const [bucket, prefix] = (store.driver.identity ?? "").split("|").slice(-2).map(decodeURIComponent);
    for (const path of ["object", "small-copy", "copy"]) {
      const { TagSet } = await (await store.driver.client()).send(
        new GetObjectTaggingCommand({ Bucket: bucket, Key: `${prefix}${path}` }),
      );
      expect([path, TagSet]).toEqual([path, [{ Key: "team", Value: "a b" }]]);
    }
  });

  test("sweepStale removes what was given up and keeps what is asked for", async () => {
    const given = await store.stage("object", "given up");
    const kept = await store.stage("object", "kept");
    const prefix = "object"; // MinIO lists uploads by exact key alone.
    expect(await store.sweepStale({ olderThanMs: 3_600_000, prefix })).toEqual({ removed: 0, kept: 2 });
    expect(await store.sweepStale({ olderThanMs: 0, prefix, keep: [kept.token] })).toEqual({ removed: 1, kept: 1 });
    expect((await store.resumeStage("object", given.token)).state).toBe("gone");
    await kept.commit();
    expect(await (await store.read("object")).text()).toBe("kept");
    await expect(store.sweepStale({ olderThanMs: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("a signed URL reads, writes and deletes, with its limits, until it expires", async () => {
    await store.write("object", "text");
    const get = await store.signUrl("object", {
      responseContentType: "text/x",
      responseContentDisposition: 'attachment; filename="a"',
    });
    const got = await fetch(get.url);
    expect([await got.text(), got.headers.get("content-type"), got.headers.get("content-disposition")]).toEqual([
      "text",
      "text/x",
      'attachment; filename="a"',
    ]);

    const put = await store.signUrl("put", { method: "PUT", contentType: "text/x", minBytes: 4, maxBytes: 4 });
    const send = (body: string, type: string): Promise<Response> =>
      fetch(put.url, { method: "PUT", body, headers: { "content-type": type } });
    expect([
      (await send("four", "text/x")).status,
      (await send("four", "text/y")).status,
      (await send("fives", "text/x")).status,
    ]).toEqual([200, 403, 403]);
    expect(await store.stat("put")).toMatchObject({ size: 4, contentType: "text/x" });
    await expect(store.signUrl("put", { method: "PUT", maxBytes: 9 })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    await expect(store.signUrl("put", { expiresInSeconds: 700_000 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });

    const post = await store.signUrl("post", { method: "POST", contentType: "text/x", minBytes: 2, maxBytes: 5 });
    const form = async (body: string): Promise<number> => {
      const fields = new FormData();
      for (const [name, value] of Object.entries(post.fields ?? {})) fields.append(name, value);
      fields.append("file", new Blob([body]));
      return (await fetch(post.url, { method: "POST", body: fields })).status;
    };
    expect([await form("four"), await form("sixsix"), await form("x")]).toEqual([204, 400, 400]);

    const remove = await store.signUrl("put", { method: "DELETE" });
    expect((await fetch(remove.url, { method: "DELETE" })).status).toBe(204);
    expect(await store.exists("put")).toBe(false);

    const brief = await store.signUrl("object", { expiresInSeconds: 3 });
    expect((await fetch(brief.url)).status).toBe(200);
    await sleep(brief.expiresAt.getTime() - Date.now() + 1_100);
    expect((await fetch(brief.url)).status).toBe(403);
  });

  test("wrong keys, a wrong secret, a missing bucket and a wrong region are told apart, by HEAD too", async () => {
    const cases = [
      [{ accessKeyId: "nobody" }, "UNAUTHENTICATED", /does not know the access key/],
      [{ secretAccessKey: "wrong" }, "UNAUTHENTICATED", /secret key is wrong/],
      [{ bucket: "no-such-bucket-here" }, "INVALID_ARGUMENT", /bucket "no-such-bucket-here" does not exist.*create it/],
      [{ region: "eu-west-1" }, "INVALID_ARGUMENT", /region "us-east-1"/],
    ] as const;
    for (const [more, code, message] of cases) {
      await using wrong = s3(optionsFor(current(), more));
      const calls = [wrong.read("object"), wrong.write("object", "x"), wrong.stat("object"), wrong.exists("object")];
      for (const result of await Promise.allSettled<unknown>(calls)) {
        const error = (result as PromiseRejectedResult).reason as OmniError;
        expect(OmniError.is(error)).toBe(true);
        expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
      }
    }
  });

  test("readers that are closed unread give their connections back", async () => {
    await using narrow = reopened(current(), store, { maxSockets: 1, socketTimeoutMs: 30_000 });
    await narrow.write("object", new Uint8Array(8 * MIB));
    for (let i = 0; i < 4; i++) await (await narrow.read("object")).close();
    expect((await narrow.stat("object")).size).toBe(8 * MIB);
  }, 20_000);

  test("keys that XML cannot carry are deleted with the others", async () => {
    const paths = ["plain", "a\u0001b", "ä<&>"];
    for (const path of paths) await store.write(path, "x");
    expect(await store.deleteMany([...paths, "missing"])).toMatchObject({ deleted: 4, errors: [] });
    for (const path of paths) expect(await store.exists(path)).toBe(false);
  });

  test("a client of the caller's is used and left open", async () => {
    const client = await store.driver.client();
    const mine = s3({ bucket: optionsFor(current()).bucket, prefix: "mine", client });
    await mine.write("object", "x");
    const signed = await mine.signUrl("put", { method: "PUT" });
    expect((await fetch(signed.url, { method: "PUT", body: "abc" })).status).toBe(200);
    await mine.purge("");
    await mine.close();
    expect(await store.exists("object")).toBe(false);
  });
});
