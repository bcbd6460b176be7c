import { digestOf } from "../../hash.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { LargeBody, pieces, sample, stream } from "../samples.ts";

/** Sizes at which buffers, blocks and parts meet their ends. */
const EDGES = [1, 1_023, 65_535, 65_536, 65_537, 262_143, 262_144, 1_048_577];

const edges: readonly Case[] = EDGES.map((bytes) => ({
  name: `an object of ${bytes} bytes`,
  run: async ({ backend, check }) => {
    const expected = sample(bytes, bytes);
    await backend.write("whole", expected.slice());
    await backend.write("streamed", stream(pieces(expected, 65_536)));
    check.bytes("written whole", await bytesOf(backend, "whole"), expected);
    check.bytes("written as a stream", await bytesOf(backend, "streamed"), expected);
  },
}));

const empty: readonly Case[] = [
  {
    name: "an empty object from no bytes",
    run: async ({ backend, check }) => {
      const info = await backend.write("empty", new Uint8Array(0));
      check.same("size in the answer", info.size, 0);
      check.same("size in stat", (await backend.stat("empty")).size, 0);
      check.bytes("the object", await bytesOf(backend, "empty"), "");
      check.same("the listing", await pathsOf(backend), ["empty"]);
    },
  },
  {
    name: "an empty object from a stream without chunks",
    run: async ({ backend, check }) => {
      await backend.write("empty", stream([]));
      check.bytes("the object", await bytesOf(backend, "empty"), "");
    },
  },
  {
    name: "an empty object from a stream of empty chunks",
    run: async ({ backend, check }) => {
      await backend.write("empty", stream([new Uint8Array(0), new Uint8Array(0)]));
      check.bytes("the object", await bytesOf(backend, "empty"), "");
    },
  },
  {
    name: "an empty object replaces a full one",
    run: async ({ backend, check }) => {
      await backend.write("object", "full");
      await backend.write("object", "");
      check.bytes("the object", await bytesOf(backend, "object"), "");
    },
  },
  {
    name: "empty chunks between others change nothing",
    run: async ({ backend, check }) => {
      await backend.write("object", stream([Buffer.from("one"), new Uint8Array(0), Buffer.from("two"), new Uint8Array(0)]));
      check.bytes("the object", await bytesOf(backend, "object"), "onetwo");
    },
  },
];

const large: readonly Case[] = [
  {
    name: "a large object in many chunks",
    run: async ({ backend, check, sizes }) => {
      const body = new LargeBody(sizes.largeBytes);
      const info = await backend.write("large", stream(body), { sizeBytes: body.bytes });
      check.same("size in the answer", info.size, body.bytes);
      check.same("sha256 of what is read", await digestOf("sha256", await backend.read("large")), body.digest());
    },
  },
  {
    name: "a large object of unknown length",
    run: async ({ backend, check, sizes }) => {
      const body = new LargeBody(Math.floor(sizes.largeBytes / 2) + 1, 9);
      await backend.write("large", stream(body));
      check.same("size", (await backend.stat("large")).size, body.bytes);
      check.same("sha256 of what is read", await digestOf("sha256", await backend.read("large")), body.digest());
    },
  },
];

/** Objects of every size. */
export const sizes: Group = { name: "sizes", needs: [STORED], cases: [...empty, ...edges, ...large] };
