import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { pieces, sample } from "../samples.ts";

const BYTES = sample(700_000);

const cases: readonly Case[] = [
  {
    name: "chunks make one object, published by close",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      for (const piece of pieces(BYTES, 100_000)) await writer.write(piece.slice());
      check.same("the object is there before close", await backend.exists("object"), false);
      const info = await writer.close();
      check.same("size in the answer", info.size, BYTES.byteLength);
      check.bytes("the object", await bytesOf(backend, "object"), BYTES);
    },
  },
  {
    name: "small chunks and text make one object",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      for (const word of ["one ", "two ", "", "drei ü"]) await writer.write(word);
      await writer.write(new Uint8Array(0));
      await writer.close();
      check.bytes("the object", await bytesOf(backend, "object"), "one two drei ü");
    },
  },
  {
    name: "many tiny chunks make one object",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      for (let i = 0; i < 5_000; i++) await writer.write(BYTES.slice(i, i + 1));
      await writer.close();
      check.bytes("the object", await bytesOf(backend, "object"), BYTES.subarray(0, 5_000));
    },
  },
  {
    name: "chunks that are not awaited keep their order",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      const writes = [...pieces(BYTES, 50_000)].map((piece) => writer.write(piece.slice()));
      await Promise.all([...writes, writer.close()]);
      check.bytes("the object", await bytesOf(backend, "object"), BYTES);
    },
  },
  {
    name: "close without a chunk makes an empty object",
    run: async ({ backend, check }) => {
      await backend.createWriter("object").close();
      check.same("size", (await backend.stat("object")).size, 0);
    },
  },
  {
    name: "a second close gives the same answer",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      await writer.write("x");
      const [first, second] = [await writer.close(), await writer.close()];
      check.same("etag", second.etag, first.etag);
      check.same("size", second.size, 1);
    },
  },
  {
    name: "write after close is WRITER_CLOSED",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      await writer.write("x");
      await writer.close();
      await check.fails("write", () => writer.write("y"), "WRITER_CLOSED");
      check.bytes("the object", await bytesOf(backend, "object"), "x");
    },
  },
  {
    name: "write and close after abort are WRITER_CLOSED",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      await writer.write("x");
      await writer.abort();
      await check.fails("write", () => writer.write("y"), "WRITER_CLOSED");
      await check.fails("close", () => writer.close(), "WRITER_CLOSED");
      check.same("the listing", await pathsOf(backend), []);
    },
  },
  {
    name: "abort after close does nothing",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("object");
      await writer.write("x");
      await writer.close();
      await writer.abort();
      await writer[Symbol.asyncDispose]();
      check.bytes("the object", await bytesOf(backend, "object"), "x");
    },
  },
  {
    name: "leaving without close discards",
    run: async ({ backend, check }) => {
      await backend.write("object", "before");
      const writer = backend.createWriter("object");
      for (const piece of pieces(BYTES, 100_000)) await writer.write(piece.slice());
      await writer[Symbol.asyncDispose]();
      check.bytes("the object", await bytesOf(backend, "object"), "before");
    },
  },
  {
    name: "two writers to two paths do not mix",
    run: async ({ backend, check }) => {
      const [one, two] = [backend.createWriter("one"), backend.createWriter("two")];
      for (const piece of pieces(BYTES, 100_000)) {
        await one.write(piece.slice());
        await two.write(piece.slice().reverse());
      }
      await Promise.all([one.close(), two.close()]);
      check.bytes("one", await bytesOf(backend, "one"), BYTES);
      check.bytes(
        "two",
        await bytesOf(backend, "two"),
        Buffer.concat([...pieces(BYTES, 100_000)].map((piece) => piece.slice().reverse())),
      );
    },
  },
];

/** Writing piece by piece. */
export const writers: Group = { name: "writers", needs: [STORED], cases };
