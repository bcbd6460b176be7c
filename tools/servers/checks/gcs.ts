/** What a Google Cloud Storage server does of the things that this project relies on, seen through the official client. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type GetFilesOptions, type GetFilesResponse, Storage } from "@google-cloud/storage";
import type { Endpoint } from "../src/index.ts";
import { assert, byBytes, type Report, refused, report } from "./report.ts";

export async function checkGcs({ url }: Endpoint): Promise<Report> {
  const counted = report();
  const { check } = counted;
  const storage = new Storage({
    apiEndpoint: url,
    projectId: "test",
    useAuthWithCustomEndpoint: false,
    retryOptions: { autoRetry: false },
  });
  const bucketName = `checks-${Date.now()}`;
  const bucket = storage.bucket(bucketName);
  const raw = (method: string, path: string, init: RequestInit = {}) => fetch(url + path, { method, ...init });
  await check("create bucket", () => bucket.create());
  await check("bucket twice 409", () => refused(storage.bucket(bucketName).create(), 409));
  await check("simple upload + metadata", async () => {
    await bucket.file("a").save("hello", {
      resumable: false,
      metadata: {
        contentType: "text/x",
        cacheControl: "max-age=5",
        contentDisposition: "attachment",
        metadata: { k: "v", u: "é日本" },
      },
    });
    const [m] = await bucket.file("a").getMetadata();
    assert(
      m.contentType === "text/x" && m.metadata!.k === "v" && m.metadata!.u === "é日本" && m.cacheControl === "max-age=5",
      JSON.stringify(m),
    );
    assert(m.md5Hash === createHash("md5").update("hello").digest("base64"), "md5");
    assert(m.crc32c === "mnG7TA==", m.crc32c);
    assert(Number(m.generation) > 0 && m.metageneration, `gen ${m.generation}`);
  });
  await check("contentDisposition kept", async () => {
    const [m] = await bucket.file("a").getMetadata();
    assert(m.contentDisposition === "attachment", m.contentDisposition);
  });
  await check("download validated", async () => {
    const [d] = await bucket.file("a").download();
    assert(d.toString() === "hello", "");
  });
  await check("range", async () => {
    const [d] = await bucket.file("a").download({ start: 1, end: 3, validation: false });
    assert(d.toString() === "ell", d);
  });
  await check("range open", async () => {
    const [d] = await bucket.file("a").download({ start: 2, validation: false });
    assert(d.toString() === "llo", d);
  });
  await check("range suffix raw", async () => {
    const r = await raw("GET", `/storage/v1/b/${bucketName}/o/a?alt=media`, { headers: { range: "bytes=-2" } });
    assert(r.status === 206 && (await r.text()) === "lo", r.status);
  });
  await check("range 416", async () => {
    const r = await raw("GET", `/storage/v1/b/${bucketName}/o/a?alt=media`, { headers: { range: "bytes=9-10" } });
    assert(r.status === 416, r.status);
  });
  await check("missing 404", () => refused(bucket.file("nope").download(), 404));
  await check("missing meta 404", () => refused(bucket.file("nope").getMetadata(), 404));
  await check("delete missing 404", () => refused(bucket.file("nope").delete(), 404));
  await check("no bucket 404", () => refused(storage.bucket("none-such").file("x").save("x", { resumable: false }), 404));
  await check("empty object", async () => {
    await bucket.file("e").save("", { resumable: false });
    const [d] = await bucket.file("e").download();
    assert(d.length === 0, "");
  });
  await check("resumable 2 MiB single", async () => {
    const d = Buffer.alloc(2 << 20, 5);
    await bucket.file("r1").save(d, { resumable: true });
    const [g] = await bucket.file("r1").download();
    assert(g.equals(d), "");
  });
  await check("resumable chunked 5 x 256K + tail", async () => {
    const d = Buffer.alloc(5 * 262144 + 77, 6);
    await new Promise((res, rej) =>
      Readable.from(
        (function* () {
          for (let i = 0; i < d.length; i += 10000) yield d.subarray(i, i + 10000);
        })(),
      )
        .pipe(bucket.file("r2").createWriteStream({ resumable: true, chunkSize: 262144 }))
        .on("finish", res)
        .on("error", rej),
    );
    const [g] = await bucket.file("r2").download();
    assert(g.equals(d), g.length);
  });
  await check("resumable chunked exact multiple", async () => {
    const d = Buffer.alloc(4 * 262144, 6);
    await new Promise((res, rej) =>
      Readable.from([d])
        .pipe(bucket.file("r3").createWriteStream({ resumable: true, chunkSize: 262144 }))
        .on("finish", res)
        .on("error", rej),
    );
    const [g] = await bucket.file("r3").download();
    assert(g.equals(d), g.length);
  });
  await check("resumable empty stream", async () => {
    await new Promise((res, rej) =>
      Readable.from([])
        .pipe(bucket.file("r4").createWriteStream({ resumable: true, chunkSize: 262144 }))
        .on("finish", res)
        .on("error", rej),
    );
    const [g] = await bucket.file("r4").download();
    assert(g.length === 0, "");
  });
  await check("resumable invisible until done + status 308 + offset", async () => {
    const s = await raw("POST", `/upload/storage/v1/b/${bucketName}/o?uploadType=resumable&name=inv`, {
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ contentType: "z/z" }),
    });
    const loc = s.headers.get("location")!;
    assert(loc.startsWith(url), loc);
    const p = await fetch(loc, { method: "PUT", headers: { "content-range": "bytes 0-262143/*" }, body: Buffer.alloc(262144) });
    assert(p.status === 308 && p.headers.get("range") === "bytes=0-262143", `${p.status} ${p.headers.get("range")}`);
    await refused(bucket.file("inv").getMetadata(), 404);
    const q = await fetch(loc, { method: "PUT", headers: { "content-range": "bytes */*" } });
    assert(q.status === 308 && q.headers.get("range") === "bytes=0-262143", `status query ${q.status} ${q.headers.get("range")}`);
    const f = await fetch(loc, { method: "PUT", headers: { "content-range": "bytes 262144-262145/262146" }, body: "xy" });
    assert(f.status === 200, f.status);
    const [m] = await bucket.file("inv").getMetadata();
    assert(Number(m.size) === 262146 && m.contentType === "z/z", m.size! + m.contentType!);
  });
  await check("resumable cancel 499", async () => {
    const s = await raw("POST", `/upload/storage/v1/b/${bucketName}/o?uploadType=resumable&name=can`, {
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    const loc = s.headers.get("location")!;
    const r = await fetch(loc, { method: "DELETE" });
    assert(r.status === 499, r.status);
  });
  await check("ifGenerationMatch 0 simple", async () => {
    await bucket.file("g0").save("1", { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } });
    await refused(bucket.file("g0").save("2", { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }), 412);
  });
  await check("ifGenerationMatch 0 resumable", async () => {
    await bucket.file("g0r").save("1", { resumable: true, preconditionOpts: { ifGenerationMatch: 0 } });
    await refused(bucket.file("g0r").save("2", { resumable: true, preconditionOpts: { ifGenerationMatch: 0 } }), 412);
    const [d] = await bucket.file("g0r").download();
    assert(d.toString() === "1", d);
  });
  await check("ifGenerationMatch n", async () => {
    const f = bucket.file("gn");
    await f.save("1", { resumable: false });
    const [m] = await f.getMetadata();
    await f.save("2", { resumable: false, preconditionOpts: { ifGenerationMatch: m.generation! } });
    await refused(bucket.file("gn").save("3", { resumable: false, preconditionOpts: { ifGenerationMatch: m.generation! } }), 412);
    const [n] = await bucket.file("gn").getMetadata();
    assert(n.generation !== m.generation, "unique");
  });
  await check("ifGenerationMatch 0 race 8x20", async () => {
    for (let i = 0; i < 20; i++) {
      const r = await Promise.allSettled(
        [...Array(8).keys()].map((j) =>
          bucket.file(`race${i}`).save(`v${j}`, { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
        ),
      );
      const w = r.flatMap((x, j) => (x.status === "fulfilled" ? [j] : []));
      assert(w.length === 1, `winners ${w} round ${i}`);
      const [d] = await bucket.file(`race${i}`).download();
      assert(d.toString() === `v${w[0]}`, "content");
    }
  });
  await check("delete ifGenerationMatch", async () => {
    const f = bucket.file("dg");
    await f.save("1", { resumable: false });
    const [m] = await f.getMetadata();
    await refused(bucket.file("dg").delete({ ifGenerationMatch: 1 }), 412);
    await bucket.file("dg").delete({ ifGenerationMatch: m.generation! });
    await refused(bucket.file("dg").getMetadata(), 404);
  });
  await check("get ifGenerationMatch", async () => {
    const r = await raw("GET", `/storage/v1/b/${bucketName}/o/a?alt=media&ifGenerationMatch=1`);
    assert(r.status === 412, r.status);
  });
  await check("get generation param old 404", async () => {
    const f = bucket.file("old");
    await f.save("1", { resumable: false });
    const [m] = await f.getMetadata();
    await f.save("2", { resumable: false });
    const r = await raw("GET", `/storage/v1/b/${bucketName}/o/old?alt=media&generation=${m.generation}`);
    assert(r.status === 404, r.status);
  });
  await check("copy (rewrite)", async () => {
    await bucket.file("a").copy(bucket.file("cp"));
    const [d] = await bucket.file("cp").download();
    assert(d.toString() === "hello", d);
    const [m] = await bucket.file("cp").getMetadata();
    assert(m.metadata!.k === "v" && m.contentType === "text/x", JSON.stringify(m));
  });
  await check("rewrite ifGenerationMatch 0", async () => {
    const r = await raw("POST", `/storage/v1/b/${bucketName}/o/a/rewriteTo/b/${bucketName}/o/cp?ifGenerationMatch=0`, {
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    assert(r.status === 412, r.status);
  });
  await check("rewrite ifSourceGenerationMatch", async () => {
    const r = await raw("POST", `/storage/v1/b/${bucketName}/o/a/rewriteTo/b/${bucketName}/o/cp9?ifSourceGenerationMatch=1`, {
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    assert(r.status === 412, r.status);
  });
  await check("rewrite maxBytes token", async () => {
    const r = await raw(
      "POST",
      `/storage/v1/b/${bucketName}/o/r2/rewriteTo/b/${bucketName}/o/rw?maxBytesRewrittenPerCall=1048576`,
      { headers: { "content-type": "application/json" }, body: "{}" },
    );
    const j = (await r.json()) as { done: boolean; rewriteToken?: string };
    assert(j.done === false && j.rewriteToken, JSON.stringify(j).slice(0, 120));
  });
  await check("rewrite new metadata", async () => {
    const r = await raw("POST", `/storage/v1/b/${bucketName}/o/a/rewriteTo/b/${bucketName}/o/rm`, {
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ contentType: "q/q", metadata: { z: "1" } }),
    });
    assert(r.status === 200, r.status);
    const [m] = await bucket.file("rm").getMetadata();
    assert(m.metadata?.z === "1" && m.contentType === "q/q", JSON.stringify(m.metadata) + m.contentType);
  });
  await check("compose", async () => {
    await bucket.combine([bucket.file("a"), bucket.file("e"), bucket.file("a")], bucket.file("co"));
    const [d] = await bucket.file("co").download();
    assert(d.toString() === "hellohello", d);
  });
  await check("patch metadata", async () => {
    await bucket.file("a").setMetadata({ metadata: { k2: "2" } });
    const [m] = await bucket.file("a").getMetadata();
    assert(m.metadata!.k2 === "2" && m.metadata!.k === "v", JSON.stringify(m.metadata));
  });
  await check("metageneration match", async () =>
    refused(bucket.file("a").setMetadata({ metadata: { k3: "2" } }, { ifMetagenerationMatch: 99 }), 412),
  );
  await check("list paging + order", async () => {
    await Promise.all(
      [...Array(30).keys()].map((i) => bucket.file(`pg/${i}${i % 3 ? "/x" : "-y"}`).save("1", { resumable: false })),
    );
    const all = [];
    let q: GetFilesOptions | null = { prefix: "pg/", maxResults: 7, autoPaginate: false };
    while (q) {
      const [fs, n]: GetFilesResponse = await bucket.getFiles(q);
      assert(fs.length <= 7, `page ${fs.length}`);
      all.push(...fs.map((f) => f.name));
      q = n as GetFilesOptions | null; // declared without the null of the last page
    }
    const w = byBytes(all);
    assert(all.length === 30, all.length);
    assert(JSON.stringify(all) === JSON.stringify(w), all.slice(0, 8));
  });
  await check("list startOffset", async () => {
    const [fs] = await bucket.getFiles({ prefix: "pg/", startOffset: "pg/5" });
    assert(fs[0]!.name === "pg/5/x", fs[0]!.name);
  });
  await check("list delimiter", async () => {
    const [, , answer] = await bucket.getFiles({ prefix: "pg/", delimiter: "/", autoPaginate: false });
    const r = answer as { prefixes: string[]; items: unknown[] };
    assert(r.prefixes.length === 20 && r.items.length === 10, `${r.prefixes?.length} ${r.items?.length}`);
  });
  await check("unicode keys", async () => {
    const ks = ["u/é", "u/日本 語", "u/a+b", "u/😀", "u/..foo", "u/a%2Fb", "u/<&>?#"];
    for (const k of ks) {
      await bucket.file(k).save(k, { resumable: false });
      const [d] = await bucket.file(k).download();
      assert(d.toString() === k, k);
    }
    const [fs] = await bucket.getFiles({ prefix: "u/" });
    const want = byBytes(ks);
    assert(
      JSON.stringify(fs.map((f) => f.name)) === JSON.stringify(want),
      fs.map((f) => f.name),
    );
  });
  await check("long names", async () => {
    await bucket.file("k".repeat(900)).save("1", { resumable: false });
  });
  await check("file and folder of one name", async () => {
    await bucket.file("ff").save("1", { resumable: false });
    await bucket.file("ff/x").save("2", { resumable: false });
    const [d] = await bucket.file("ff").download();
    assert(d.toString() === "1", "");
  });
  await check("wrong md5 refused", async () => {
    const bd = "XX";
    const meta = JSON.stringify({ name: "wm", md5Hash: createHash("md5").update("zzz").digest("base64") });
    const r = await raw("POST", `/upload/storage/v1/b/${bucketName}/o?uploadType=multipart`, {
      headers: { "content-type": `multipart/related; boundary=${bd}` },
      body: `--${bd}\r\ncontent-type: application/json\r\n\r\n${meta}\r\n--${bd}\r\ncontent-type: x/y\r\n\r\nhello\r\n--${bd}--`,
    });
    assert(r.status === 400, r.status);
  });
  await check("batch delete / prefix", async () => {
    await bucket.deleteFiles({ prefix: "pg/" });
    const [fs] = await bucket.getFiles({ prefix: "pg/" });
    assert(fs.length === 0, fs.length);
  });
  await check("storage class, encoding kept", async () => {
    await bucket.file("sc").save("x", { resumable: false, metadata: { storageClass: "NEARLINE", contentEncoding: "identity" } });
    const [m] = await bucket.file("sc").getMetadata();
    assert(m.storageClass === "NEARLINE" && m.contentEncoding === "identity", m.storageClass! + m.contentEncoding!);
  });
  return counted;
}
