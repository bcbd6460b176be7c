import { type Conditions, refusal } from "../src/gcs-front/conditions.ts";
import { withoutNulls } from "../src/gcs-front/patches.ts";
import { rewriteStep } from "../src/gcs-front/rewrites.ts";
import { nextStep, parseContentRange, receivedHeader, type Session } from "../src/gcs-front/sessions.ts";
import { describeWithServer } from "../src/index.ts";

const live = { generation: "5", metageneration: "2" };

it.each<[Conditions, typeof live | undefined, boolean, 304 | 412 | undefined]>([
  [{ generationMatch: "5" }, live, false, undefined],
  [{ generationMatch: "4" }, live, false, 412],
  [{ generationMatch: "0" }, live, false, 412],
  [{ generationMatch: "0" }, undefined, false, undefined],
  [{ generationMatch: "5" }, undefined, false, 412],
  [{ generationNotMatch: "5" }, live, true, 304],
  [{ generationNotMatch: "5" }, live, false, 412],
  [{ generationNotMatch: "4" }, live, true, undefined],
  [{ generationNotMatch: "0" }, undefined, false, 412],
  [{ metagenerationMatch: "2" }, live, false, undefined],
  [{ metagenerationMatch: "1" }, live, false, 412],
  [{ metagenerationNotMatch: "2" }, live, true, 304],
  [{ generationMatch: "5", metagenerationMatch: "9" }, live, false, 412],
])("conditions %j on %j (reading: %s) answer %s", (conditions, state, reading, status) => {
  expect(refusal(conditions, state, reading)).toBe(status);
});

const session = (received: number): Session => ({ received, turn: Promise.resolve() });

it.each([
  ["bytes 0-9/*", { start: 0, end: 9 }],
  ["bytes 0-*/*", { start: 0 }],
  ["bytes */*", {}],
  ["bytes */20", { total: 20 }],
  ["bytes 5-9/10", { start: 5, end: 9, total: 10 }],
  ["lines 1-2/3", undefined],
])("content range %s", (header, range) => {
  expect(parseContentRange(header)).toEqual(range);
});

it.each([
  ["the next chunk", 10, "bytes 10-19/*", { act: "forward", skip: 0, range: "bytes 10-19/*" }],
  ["a chunk sent again", 10, "bytes 0-9/*", { act: "report" }],
  ["a chunk that overlaps", 10, "bytes 5-19/*", { act: "forward", skip: 5, range: "bytes 10-19/*" }],
  ["a chunk after a gap", 10, "bytes 15-19/*", { act: "report" }],
  ["a question", 10, "bytes */*", { act: "report" }],
  ["a question with the total, not all received", 10, "bytes */20", { act: "report" }],
  ["the end of what was received", 10, "bytes */10", { act: "forward", skip: 0, range: "bytes */10" }],
  ["the whole in one request", 0, undefined, { act: "forward", skip: 0, range: undefined }],
])("a session takes %s", (_, received, header, step) => {
  expect(nextStep(session(received), header)).toEqual(step);
});

it("a finished session repeats its answer, an empty one has no range", () => {
  const done = { ...session(10), done: { status: 200, headers: {}, body: Buffer.alloc(0) } };
  expect(nextStep(done, "bytes 0-9/10")).toEqual({ act: "repeat" });
  expect(receivedHeader(session(0))).toEqual({});
  expect(receivedHeader(session(10))).toEqual({ range: "bytes=0-9" });
});

it("a rewrite in calls of 1 MiB hands out tokens until the last, for its own subject alone", () => {
  const query = new URLSearchParams({ maxBytesRewrittenPerCall: "1048576" });
  const first = rewriteStep(query, 2_500_000, "a");
  expect(first).toMatchObject({ act: "continue", answer: { done: false, totalBytesRewritten: "1048576" } });
  if (first.act !== "continue") throw new Error("unreachable");
  query.set("rewriteToken", String(first.answer.rewriteToken));
  expect(rewriteStep(query, 2_500_000, "b")).toMatchObject({ act: "refuse" });
  expect(rewriteStep(query, 2_500_000, "a")).toMatchObject({ act: "continue", answer: { totalBytesRewritten: "2097152" } });
  expect(rewriteStep(query, 2_000_000, "a")).toEqual({ act: "forward" });
  expect(rewriteStep(new URLSearchParams({ maxBytesRewrittenPerCall: "7" }), 10, "a")).toMatchObject({ act: "refuse" });
});

it.each<[string, Record<string, string> | undefined, string | undefined]>([
  ['{"metadata":{"a":"2"}}', { a: "1" }, undefined],
  ['{"contentType":"x/y"}', { a: "1" }, undefined],
  ['{"metadata":{"a":null,"c":"3"},"contentType":"x/y"}', { a: "1", b: "2" }, '{"contentType":"x/y","metadata":{"b":"2","c":"3"}}'],
  ['{"metadata":{"none":null}}', undefined, '{"metadata":{}}'],
  ['{"metadata":null}', { a: "1" }, '{"metadata":{}}'],
  ["{no JSON", { a: "1" }, undefined],
  ["null", { a: "1" }, undefined],
])("a patch %s of metadata %j is the update %s", (patch, before, update) => {
  expect(withoutNulls(patch, before)).toBe(update);
});

await describeWithServer("gcs", "the storage server behind its front", (current) => {
  const bucket = `b${process.pid}-${Date.now()}`;
  const json = { "content-type": "application/json" };
  const object = (name: string, query = "") => `${current().url}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}${query}`;
  const uploads = (query: string) => `${current().url}/upload/storage/v1/b/${bucket}/o?${query}`;

  async function put(name: string, body: string, query = ""): Promise<Response> {
    return fetch(uploads(`uploadType=media&name=${name}${query}`), { method: "POST", body });
  }

  async function generation(name: string): Promise<string> {
    return ((await (await fetch(object(name))).json()) as { generation: string }).generation;
  }

  const text = async (name: string) => (await fetch(object(name, "?alt=media"))).text();

  beforeAll(async () => {
    const made = await fetch(`${current().url}/storage/v1/b?project=test`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ name: bucket }),
    });
    expect(made.status).toBe(200);
  });

  it("lets one of eight creators win, twenty times", async () => {
    for (let round = 0; round < 20; round++) {
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, index) => put(`race${round}`, String(index), "&ifGenerationMatch=0")),
      );
      expect(all.filter((answer) => answer.status === 200)).toHaveLength(1);
      expect(all.filter((answer) => answer.status === 412)).toHaveLength(7);
      expect(await text(`race${round}`)).toBe(String(all.findIndex((answer) => answer.status === 200)));
    }
  });

  it("lets one of eight deleters and rewriters of a generation win, twenty times", async () => {
    await put("source", "new");
    for (let round = 0; round < 20; round++) {
      await put("target", "old");
      const condition = `?ifGenerationMatch=${await generation("target")}`;
      const remove = () => fetch(object("target", condition), { method: "DELETE" });
      const rewrite = () =>
        fetch(object("source", `/rewriteTo/b/${bucket}/o/target${condition}`), { method: "POST", headers: json, body: "{}" });
      const all = await Promise.all(Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? remove() : rewrite())));
      expect(all.filter((answer) => answer.ok)).toHaveLength(1);
      expect(all.filter((answer) => answer.status === 412 || answer.status === 404)).toHaveLength(7);
    }
  });

  it("refuses to read, change or rewrite another generation than the one named", async () => {
    await put("a", "one");
    expect((await fetch(object("a", "?alt=media&ifGenerationMatch=1"))).status).toBe(412);
    expect((await fetch(object("a", `?alt=media&ifGenerationNotMatch=${await generation("a")}`))).status).toBe(304);
    const change = { method: "PATCH", headers: json, body: JSON.stringify({ metadata: { k: "v" } }) };
    expect((await fetch(object("a", "?ifMetagenerationMatch=99"), change)).status).toBe(412);
    expect(
      (
        await fetch(object("a", `/rewriteTo/b/${bucket}/o/c?ifSourceGenerationMatch=1`), {
          method: "POST",
          headers: json,
          body: "{}",
        })
      ).status,
    ).toBe(412);
    expect((await fetch(object("none", "?ifGenerationMatch=1"), { method: "DELETE" })).status).toBe(404);
    expect(await text("a")).toBe("one");
  });

  it("removes what a patch sets to null, and nothing else", async () => {
    await put("patched", "bytes");
    const patch = async (body: object) => {
      const answer = await fetch(object("patched"), { method: "PATCH", headers: json, body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
      return (await (await fetch(object("patched"))).json()) as Record<string, unknown>;
    };
    const before = await patch({ contentType: "x/y", cacheControl: "no-store", metadata: { a: "1", b: "2", c: "3" } });
    const after = await patch({ metadata: { a: null, b: "4" } });
    expect(after).toMatchObject({ metadata: { b: "4", c: "3" }, contentType: "x/y", cacheControl: "no-store" });
    expect(Object.keys(after.metadata as object)).toEqual(["b", "c"]);
    expect(after.generation).toBe(before.generation);
    expect((await patch({ metadata: null })).metadata ?? {}).toEqual({});
    expect(await text("patched")).toBe("bytes");
  });

  it("carries a resumable upload through a chunk sent twice, a question and a repeated end", async () => {
    const opened = await fetch(uploads("uploadType=resumable&name=r"), {
      method: "POST",
      headers: json,
      body: JSON.stringify({ contentType: "x/y" }),
    });
    const location = opened.headers.get("location")!;
    const send = (range: string, body?: string) =>
      fetch(location, { method: "PUT", headers: { "content-range": range }, ...(body === undefined ? {} : { body }) });
    const part = "p".repeat(262_144);
    expect((await send("bytes */*")).headers.get("range")).toBeNull();
    for (const _ of ["sent", "sent again"]) {
      const answer = await send("bytes 0-262143/*", part);
      expect([answer.status, answer.headers.get("range")]).toEqual([308, "bytes=0-262143"]);
    }
    expect((await send("bytes */*")).status).toBe(308);
    expect((await fetch(object("r"))).status).toBe(404);
    for (const _ of ["sent", "sent again"]) expect((await send("bytes 262144-262146/262147", "end")).status).toBe(200);
    const info = (await (await fetch(object("r"))).json()) as { size: string; contentType: string };
    expect(info).toMatchObject({ size: "262147", contentType: "x/y" });
    expect(await text("r")).toBe(`${part}end`);
  });
});
