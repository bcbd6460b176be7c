import { Readable } from "node:stream";
import type { Backend } from "../../backend.ts";
import type { BodySource } from "../../body.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

const BYTES = sample(10_000);
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);

/** A case per kind of source. */
function source(kind: string, make: () => BodySource, expected: Uint8Array | string): Case {
  return {
    name: `writes ${kind}`,
    run: async ({ backend, check }) => {
      const info = await backend.write("source", make());
      check.same("size in the answer", info.size, Buffer.byteLength(expected));
      check.bytes("the object", await bytesOf(backend, "source"), expected);
    },
  };
}

const sources: readonly Case[] = [
  source("a string as UTF-8", () => "grüße 😀", "grüße 😀"),
  source("a Uint8Array", () => BYTES.slice(), BYTES),
  source("every byte value", () => ALL_BYTES.slice(), ALL_BYTES),
  source("a view of a larger buffer", () => BYTES.slice().subarray(1_000, 2_000), BYTES.subarray(1_000, 2_000)),
  source("an ArrayBuffer", () => BYTES.slice().buffer as ArrayBuffer, BYTES),
  source("a Blob", () => new Blob([BYTES.slice()]), BYTES),
  source("a Node Readable", () => Readable.from(stream(pieces(BYTES, 999)), { objectMode: false }), BYTES),
  source("a web stream", () => ReadableStream.from(stream(pieces(BYTES, 999))) as ReadableStream<Uint8Array>, BYTES),
  source("an async generator", () => stream(pieces(BYTES, 999)), BYTES),
  source("an array of chunks", () => [...pieces(BYTES.slice(), 999)], BYTES),
  source("a generator of strings", () => ["one ", "two ", "three"].values(), "one two three"),
];

/** A case per way of taking the bytes of a reader. */
function taking(way: string, take: (backend: Backend) => Promise<unknown>, expected: unknown): Case {
  return {
    name: `reads ${way}`,
    run: async ({ backend, check }) => {
      await backend.write("taking.json", '{"a":[1,"ü"]}');
      check.same("what was read", await take(backend), expected);
    },
  };
}

const TEXT = '{"a":[1,"ü"]}';

const readers: readonly Case[] = [
  taking("as text", async (backend) => (await backend.read("taking.json")).text(), TEXT),
  taking("as JSON", async (backend) => (await backend.read("taking.json")).json(), { a: [1, "ü"] }),
  taking("as bytes", async (backend) => Buffer.from(await bytesOf(backend, "taking.json")).toString(), TEXT),
  taking(
    "by for await",
    async (backend) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await backend.read("taking.json")) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
    TEXT,
  ),
  taking(
    "as a Node stream",
    async (backend) => Buffer.concat(await (await backend.read("taking.json")).toNode().toArray()).toString(),
    TEXT,
  ),
  taking("as a web stream", async (backend) => new Response((await backend.read("taking.json")).toWeb()).text(), TEXT),
];

const facts: readonly Case[] = [
  {
    name: "stat tells path, size and time",
    run: async ({ backend, check }) => {
      const before = Date.now();
      await backend.write("folder/object.txt", BYTES);
      const info = await backend.stat("folder/object.txt");
      check.same("path", info.path, "folder/object.txt");
      check.same("size", info.size, BYTES.byteLength);
      check.ok("it is no directory", !info.isDirectory);
      // Clocks of stores and hosts differ; a wrong unit or a wrong year shows all the same.
      check.ok(
        "modifiedAt is about now",
        info.modifiedAt === undefined || Math.abs(info.modifiedAt.getTime() - before) < 24 * 3_600_000,
      );
    },
  },
  {
    name: "the answers of write, stat and read agree",
    run: async ({ backend, check }) => {
      const written = await backend.write("agree", BYTES);
      const seen = await backend.stat("agree");
      const reader = await backend.read("agree");
      await reader.close();
      for (const [name, info] of [
        ["write", written],
        ["read", reader.info],
      ] as const) {
        check.same(`path (${name})`, info.path, seen.path);
        check.same(`size (${name})`, info.size, seen.size);
        check.ok(`etag (${name})`, info.etag === undefined || info.etag === seen.etag);
      }
    },
  },
  {
    name: "exists says what is there",
    run: async ({ backend, check }) => {
      check.same("before the write", await backend.exists("thing"), false);
      await backend.write("thing", "x");
      check.same("after the write", await backend.exists("thing"), true);
      check.same("a path that begins the same", await backend.exists("thin"), false);
      check.same("a path below", await backend.exists("thing-else"), false);
    },
  },
  {
    name: "a missing object is NOT_FOUND to read",
    run: async ({ backend, check }) => {
      const error = await check.fails("read", backend.read("no/such"), "NOT_FOUND");
      check.same(
        "its context",
        { operation: error.operation, path: error.path, retryable: error.retryable },
        { operation: "read", path: "no/such", retryable: false },
      );
      check.same("its message", error.message.startsWith(`${error.backend} read "no/such": `), true);
    },
  },
  {
    name: "a missing object is NOT_FOUND to stat",
    run: async ({ backend, check }) => {
      await backend.write("no/such/neighbour", "x");
      const error = await check.fails("stat", backend.stat("no/such-thing"), "NOT_FOUND");
      check.same("its context", { operation: error.operation, path: error.path }, { operation: "stat", path: "no/such-thing" });
    },
  },
  {
    name: "a range of a missing object is NOT_FOUND",
    run: ({ backend, check }) => check.fails("read", backend.read("no/such", { offset: 1, limit: 1 }), "NOT_FOUND").then(() => {}),
  },
  {
    name: "objects do not mix",
    run: async ({ backend, check }) => {
      await Promise.all(
        ["a", "b", "c", "a/deep/one"].filter((path) => path !== "a").map((path) => backend.write(path, `is ${path}`)),
      );
      for (const path of ["b", "c", "a/deep/one"]) check.bytes(path, await bytesOf(backend, path), `is ${path}`);
    },
  },
  {
    name: "an object can be read twice, also at once",
    run: async ({ backend, check }) => {
      await backend.write("twice", BYTES);
      for (const bytes of await Promise.all([bytesOf(backend, "twice"), bytesOf(backend, "twice")]))
        check.bytes("each", bytes, BYTES);
    },
  },
  {
    name: "what a reader does with its bytes does not change the object",
    run: async ({ backend, check }) => {
      await backend.write("private", BYTES.slice());
      (await bytesOf(backend, "private")).fill(0);
      check.bytes("the object", await bytesOf(backend, "private"), BYTES);
    },
  },
  {
    name: "a reader that is left early lets go",
    run: async ({ backend, check }) => {
      await backend.write("early", BYTES);
      const reader = await backend.read("early");
      for await (const chunk of reader) {
        check.ok("a chunk came", chunk.byteLength > 0);
        break;
      }
      await reader.close();
      await backend.delete("early");
      check.same("the object is there", await backend.exists("early"), false);
    },
  },
  {
    name: "the bytes of a reader are taken once",
    run: async ({ backend, check }) => {
      await backend.write("once", BYTES);
      const reader = await backend.read("once");
      await reader.bytes();
      await check.fails("taking them again", () => reader.bytes(), "READER_CLOSED");
      await reader.close();
    },
  },
  {
    name: "onProgress tells the bytes taken",
    run: async ({ backend, check }) => {
      const seen: number[] = [];
      await backend.write("progress", stream(pieces(BYTES, 4_000)), {
        sizeBytes: BYTES.byteLength,
        onProgress: ({ bytes }) => void seen.push(bytes),
      });
      check.same("the last report", seen.at(-1), BYTES.byteLength);
      check.same(
        "reports rise",
        seen,
        [...seen].sort((a, b) => a - b),
      );
    },
  },
];

/** Writing, reading and asking. */
export const basics: Group = { name: "basics", needs: [STORED], cases: [...sources, ...readers, ...facts] };
