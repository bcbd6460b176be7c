import type { Case, Group } from "../kit-case.ts";
import { CONTENT_HEADERS, METADATA, MODIFIED_AT, STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { sample } from "../samples.ts";

const BYTES = sample(100_000);
const THEN = new Date("2003-04-05T06:07:08.000Z");

const copies: readonly Case[] = [
  {
    name: "a copy has the bytes, and the source stays",
    run: async ({ backend, check }) => {
      await backend.write("from", BYTES.slice());
      const info = await backend.copy("from", "folder/to");
      check.same("path in the answer", info.path, "folder/to");
      check.same("size in the answer", info.size, BYTES.byteLength);
      for (const path of ["from", "folder/to"]) check.bytes(path, await bytesOf(backend, path), BYTES);
    },
  },
  {
    name: "a copy has the headers and metadata",
    needs: [CONTENT_HEADERS, METADATA],
    run: async ({ backend, check }) => {
      const given = { contentType: "text/x-sample", cacheControl: "no-store", metadata: { a: "1" } };
      await backend.write("from.bin", BYTES.slice(), given);
      await backend.copy("from.bin", "to.json");
      const { contentType, cacheControl, metadata } = await backend.stat("to.json");
      check.same("what the copy has", { contentType, cacheControl, metadata: { ...metadata } }, given);
    },
  },
  {
    name: "a copy keeps the modification time",
    needs: [MODIFIED_AT],
    run: async ({ backend, check }) => {
      await backend.write("from", "x", { modifiedAt: THEN });
      await backend.copy("from", "to");
      check.same("modifiedAt", (await backend.stat("to")).modifiedAt?.toISOString(), THEN.toISOString());
    },
  },
  {
    name: "a copy replaces what is there",
    run: async ({ backend, check }) => {
      await backend.write("from", "short");
      await backend.write("to", BYTES.slice());
      await backend.copy("from", "to");
      check.bytes("to", await bytesOf(backend, "to"), "short");
    },
  },
  {
    name: "copying an object to itself keeps it",
    run: async ({ backend, check }) => {
      await backend.write("object", BYTES.slice());
      check.same("size in the answer", (await backend.copy("object", "object")).size, BYTES.byteLength);
      check.bytes("the object", await bytesOf(backend, "object"), BYTES);
    },
  },
  {
    name: "a copy lives on when its source is changed or deleted",
    run: async ({ backend, check }) => {
      await backend.write("from", BYTES.slice());
      await backend.copy("from", "to");
      await backend.write("from", "new");
      check.bytes("after the change", await bytesOf(backend, "to"), BYTES);
      await backend.delete("from");
      check.bytes("after the delete", await bytesOf(backend, "to"), BYTES);
    },
  },
  {
    name: "copying a missing object is NOT_FOUND and changes nothing",
    run: async ({ backend, check }) => {
      await backend.write("to", "before");
      await check.fails("copy", backend.copy("no/such", "to"), "NOT_FOUND");
      check.bytes("to", await bytesOf(backend, "to"), "before");
    },
  },
  {
    name: "copies with weird names",
    run: async ({ backend, check }) => {
      const [from, to] = ["a b+c%20d/é?x#y", "😀/a&b=c 'd'"];
      await backend.write(from, "x");
      await backend.copy(from, to);
      check.bytes("the copy", await bytesOf(backend, to), "x");
    },
  },
  {
    name: "a copy of an empty object",
    run: async ({ backend, check }) => {
      await backend.write("from", "");
      await backend.copy("from", "to");
      check.same("size", (await backend.stat("to")).size, 0);
    },
  },
];

const moves: readonly Case[] = [
  {
    name: "a moved object is at its new path only",
    run: async ({ backend, check }) => {
      await backend.write("from", BYTES.slice());
      const info = await backend.move("from", "folder/to");
      check.same("path in the answer", info.path, "folder/to");
      check.bytes("folder/to", await bytesOf(backend, "folder/to"), BYTES);
      check.same("the listing", await pathsOf(backend), ["folder/to"]);
    },
  },
  {
    name: "a move replaces what is there",
    run: async ({ backend, check }) => {
      await backend.write("from", "short");
      await backend.write("to", BYTES.slice());
      await backend.move("from", "to");
      check.bytes("to", await bytesOf(backend, "to"), "short");
      check.same("the listing", await pathsOf(backend), ["to"]);
    },
  },
  {
    name: "moving an object to itself keeps it",
    run: async ({ backend, check }) => {
      await backend.write("object", BYTES.slice());
      check.same("size in the answer", (await backend.move("object", "object")).size, BYTES.byteLength);
      check.bytes("the object", await bytesOf(backend, "object"), BYTES);
    },
  },
  {
    name: "moving a missing object is NOT_FOUND and changes nothing",
    run: async ({ backend, check }) => {
      await backend.write("to", "before");
      await check.fails("move", backend.move("no/such", "to"), "NOT_FOUND");
      check.bytes("to", await bytesOf(backend, "to"), "before");
    },
  },
  {
    name: "a moved object has its metadata",
    needs: [METADATA],
    run: async ({ backend, check }) => {
      await backend.write("from", "x", { metadata: { a: "1" } });
      await backend.move("from", "to");
      check.same("metadata", { ...(await backend.stat("to")).metadata }, { a: "1" });
    },
  },
];

const missing: readonly Case[] = [
  {
    name: "copying or moving a missing object to itself is NOT_FOUND",
    run: async ({ backend, check }) => {
      await check.fails("copy", backend.copy("no/such", "no/such"), "NOT_FOUND");
      await check.fails("move", backend.move("no/such", "no/such"), "NOT_FOUND");
    },
  },
];

/** Copying and moving within the store. */
export const copying: Group = { name: "copying and moving", needs: [STORED], cases: [...copies, ...moves, ...missing] };
