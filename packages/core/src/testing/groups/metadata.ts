import type { WriteOptions } from "../../backend.ts";
import { createHasher } from "../../hash.ts";
import type { Case, Group } from "../kit-case.ts";
import { CONTENT_HEADERS, HASHES, METADATA, MODIFIED_AT, REPLACE, SET_METADATA, STAMPS, STORED } from "../needs.ts";
import { bytesOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

const HEADERS = {
  contentType: "text/markdown; charset=utf-8",
  cacheControl: "public, max-age=60",
  contentEncoding: "identity",
  contentDisposition: 'attachment; filename="a b.md"',
} as const;

const THEN = new Date("2003-04-05T06:07:08.000Z");
const BYTES = sample(5_000);

function headersOf(info: WriteOptions): Record<string, string | undefined> {
  const { contentType, cacheControl, contentEncoding, contentDisposition } = info;
  return { contentType, cacheControl, contentEncoding, contentDisposition };
}

const headers: readonly Case[] = [
  {
    name: "content headers are kept",
    needs: [CONTENT_HEADERS],
    run: async ({ backend, check }) => {
      await backend.write("object", BYTES.slice(), HEADERS);
      check.same("in stat", headersOf(await backend.stat("object")), HEADERS);
      const reader = await backend.read("object");
      await reader.close();
      check.same("in read", headersOf(reader.info), HEADERS);
    },
  },
  {
    name: "content headers of a stream are kept",
    needs: [CONTENT_HEADERS],
    run: async ({ backend, check }) => {
      await backend.write("object", stream(pieces(BYTES, 1_000)), HEADERS);
      check.same("in stat", headersOf(await backend.stat("object")), HEADERS);
    },
  },
  {
    name: "the content type is guessed from the name",
    needs: [CONTENT_HEADERS],
    run: async ({ backend, check }) => {
      await backend.write("page.html", "<p>");
      await backend.write("data.json", "{}");
      check.ok("page.html", (await backend.stat("page.html")).contentType?.startsWith("text/html") === true);
      check.ok("data.json", (await backend.stat("data.json")).contentType?.startsWith("application/json") === true);
    },
  },
  {
    name: "an overwrite does not inherit headers",
    needs: [CONTENT_HEADERS],
    run: async ({ backend, check }) => {
      await backend.write("object", "x", HEADERS);
      await backend.write("object", "y", { contentType: "text/plain" });
      const info = await backend.stat("object");
      check.same("contentType", info.contentType, "text/plain");
      check.same("cacheControl", info.cacheControl, undefined);
      check.same("contentDisposition", info.contentDisposition, undefined);
    },
  },
];

const own: readonly Case[] = [
  {
    name: "metadata is kept",
    needs: [METADATA],
    run: async ({ backend, check }) => {
      const metadata = { owner: "ada", "build-id": "42" };
      await backend.write("object", BYTES.slice(), { metadata });
      check.same("in stat", { ...(await backend.stat("object")).metadata }, metadata);
    },
  },
  {
    name: "metadata may be any text",
    needs: [METADATA],
    run: async ({ backend, check }) => {
      const metadata = { text: 'grüße, 日本 😀; a=b&c "quoted" 100%' };
      await backend.write("object", BYTES.slice(), { metadata });
      check.same("in stat", { ...(await backend.stat("object")).metadata }, metadata);
    },
  },
  {
    name: "metadata may be empty text",
    needs: [METADATA],
    run: async ({ backend, check }) => {
      await backend.write("object", BYTES.slice(), { metadata: { empty: "" } });
      check.same("in stat", { ...(await backend.stat("object")).metadata }, { empty: "" });
    },
  },
  {
    name: "metadata of a writer's object is kept",
    needs: [METADATA],
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object", { metadata: { a: "1" } });
      for (const piece of pieces(BYTES, 1_000)) await writer.write(piece.slice());
      await writer.close();
      check.same("in stat", { ...(await backend.stat("object")).metadata }, { a: "1" });
    },
  },
  {
    name: "an overwrite does not inherit metadata",
    needs: [METADATA],
    run: async ({ backend, check }) => {
      await backend.write("object", "x", { metadata: { a: "1" } });
      await backend.write("object", "y");
      check.same("in stat", { ...(await backend.stat("object")).metadata }, {});
    },
  },
  {
    name: "metadata given to a write can be changed afterwards",
    needs: [METADATA],
    run: async ({ backend, check }) => {
      const metadata: Record<string, string> = { a: "1" };
      await backend.write("object", "x", { metadata });
      metadata.a = "2";
      check.same("in stat", { ...(await backend.stat("object")).metadata }, { a: "1" });
    },
  },
  {
    name: "a modification time is kept",
    needs: [MODIFIED_AT],
    run: async ({ backend, check }) => {
      const info = await backend.write("object", BYTES.slice(), { modifiedAt: THEN });
      check.same("in the answer", info.modifiedAt?.toISOString(), THEN.toISOString());
      check.same("in stat", (await backend.stat("object")).modifiedAt?.toISOString(), THEN.toISOString());
    },
  },
  {
    name: "a modification time is kept as precisely as is declared",
    needs: [MODIFIED_AT],
    run: async ({ backend, features, check }) => {
      const given = new Date(THEN.getTime() + 789);
      const step = features.modTimePrecisionMs ?? 1;
      const kept = new Date(Math.floor(given.getTime() / step) * step).toISOString();
      const info = await backend.write("object", BYTES.slice(), { modifiedAt: given });
      check.same("in the answer", info.modifiedAt?.toISOString(), kept);
      check.same("in stat", (await backend.stat("object")).modifiedAt?.toISOString(), kept);
    },
  },
  {
    name: "a listing shows the modification time that was kept",
    needs: [MODIFIED_AT],
    run: async ({ backend, check }) => {
      await backend.write("object", BYTES.slice(), { modifiedAt: THEN });
      const listed: (string | undefined)[] = [];
      for await (const { modifiedAt } of backend.list()) listed.push(modifiedAt?.toISOString());
      check.same("in the listing", listed, [THEN.toISOString()]);
    },
  },
  {
    name: "a stamp is kept in fields of its own",
    needs: [STAMPS],
    run: async ({ backend, check }) => {
      const stamp = { id: "0192-write", counter: 12 };
      await backend.write("object", BYTES.slice(), { stamp });
      const info = await backend.stat("object");
      check.same("stamp", { ...info.stamp }, stamp);
      check.same("metadata", { ...info.metadata }, {});
    },
  },
  {
    name: "an overwrite does not inherit the stamp",
    needs: [STAMPS],
    run: async ({ backend, check }) => {
      await backend.write("object", "x", { stamp: { id: "first", counter: 1 } });
      await backend.write("object", "y", { stamp: { id: "second" } });
      check.same("the second stamp", { ...(await backend.stat("object")).stamp }, { id: "second" });
      await backend.write("object", "z");
      // A group of stores gives every write an id of its own; what counts is that no former one stays.
      const id = (await backend.stat("object")).stamp?.id;
      check.ok("none, or one of its own", id !== "first" && id !== "second");
    },
  },
  {
    name: "digests are those of the whole object",
    needs: [HASHES],
    run: async ({ backend, features, check }) => {
      await backend.write("object", stream(pieces(BYTES, 999)));
      const info = await backend.stat("object");
      for (const algorithm of features.hashes) {
        const hasher = createHasher(algorithm);
        hasher.update(BYTES);
        check.same(algorithm, info.hashes?.[algorithm], hasher.digest());
      }
    },
  },
];

const changes: readonly Case[] = [
  {
    name: "setMetadata replaces what is given and keeps the rest",
    needs: [SET_METADATA, METADATA, CONTENT_HEADERS],
    run: async ({ backend, check }) => {
      await backend.write("object", BYTES.slice(), { ...HEADERS, metadata: { a: "1", b: "2" } });
      await backend.setMetadata("object", { metadata: { c: "3" }, cacheControl: "no-store" });
      const info = await backend.stat("object");
      check.same("metadata, replaced whole", { ...info.metadata }, { c: "3" });
      check.same("headers", headersOf(info), { ...HEADERS, cacheControl: "no-store" });
      check.bytes("the bytes", await bytesOf(backend, "object"), BYTES);
    },
  },
  {
    name: "setMetadata of a missing object is NOT_FOUND",
    needs: [SET_METADATA],
    run: ({ backend, check }) => check.fails("setMetadata", backend.setMetadata("no/such", {}), "NOT_FOUND").then(() => {}),
  },
  {
    name: "setMetadata honours ifMatch",
    needs: [SET_METADATA, METADATA, REPLACE],
    run: async ({ backend, check }) => {
      const old = await backend.write("object", "x");
      await backend.write("object", "y");
      await check.fails(
        "setMetadata",
        backend.setMetadata("object", { metadata: { a: "1" } }, { ifMatch: old.etag ?? "" }),
        "PRECONDITION_FAILED",
      );
      check.same("metadata", { ...(await backend.stat("object")).metadata }, {});
    },
  },
];

/** What travels with an object. */
export const metadata: Group = { name: "metadata", needs: [STORED], cases: [...headers, ...own, ...changes] };
