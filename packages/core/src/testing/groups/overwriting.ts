import { OmniError } from "../../error.ts";
import type { Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

const LONG = sample(50_000, 1);
const SHORT = sample(5_000, 2);

/** Replacing an object. */
export const overwriting: Group = {
  name: "overwriting",
  needs: [STORED],
  cases: [
    {
      name: "a shorter object leaves nothing of a longer one",
      run: async ({ backend, check }) => {
        await backend.write("object", LONG.slice());
        await backend.write("object", SHORT.slice());
        check.bytes("the object", await bytesOf(backend, "object"), SHORT);
        check.same("size", (await backend.stat("object")).size, SHORT.byteLength);
      },
    },
    {
      name: "a longer object is whole",
      run: async ({ backend, check }) => {
        await backend.write("object", SHORT.slice());
        await backend.write("object", stream(pieces(LONG, 7_000)));
        check.bytes("the object", await bytesOf(backend, "object"), LONG);
      },
    },
    {
      name: "the etag changes with the content",
      run: async ({ backend, check }) => {
        const first = await backend.write("object", LONG.slice());
        const second = await backend.write("object", SHORT.slice());
        check.ok("both have an etag, or none", (first.etag === undefined) === (second.etag === undefined));
        check.ok("they differ", first.etag === undefined || first.etag !== second.etag);
        check.same("stat shows the second", (await backend.stat("object")).etag, second.etag);
      },
    },
    {
      name: "an overwritten object is listed once, with its new size",
      run: async ({ backend, check }) => {
        await backend.write("object", LONG.slice());
        await pathsOf(backend);
        await backend.write("object", SHORT.slice());
        const listed: (string | number)[] = [];
        for await (const { path, size } of backend.list()) listed.push(path, size);
        check.same("the listing", listed, ["object", SHORT.byteLength]);
      },
    },
    {
      name: "an object can be written again after it was deleted",
      run: async ({ backend, check }) => {
        await backend.write("object", LONG.slice());
        await backend.delete("object");
        await backend.write("object", SHORT.slice());
        check.bytes("the object", await bytesOf(backend, "object"), SHORT);
        check.same("the listing", await pathsOf(backend), ["object"]);
      },
    },
    {
      name: "a reader that was opened before goes on with the old bytes, or fails",
      run: async ({ backend, check }) => {
        await backend.write("object", LONG.slice());
        const reader = await backend.read("object", { resumeAttempts: 0 });
        await backend.write("object", SHORT.slice());
        const outcome = await reader.bytes().then(
          (bytes) => (Buffer.compare(bytes, LONG) === 0 ? "the old bytes" : `${bytes.byteLength} other bytes`),
          (error) => (OmniError.is(error) ? "failed" : String(error)),
        );
        check.ok(`the old bytes or an OmniError, not ${outcome}`, outcome === "the old bytes" || outcome === "failed");
      },
    },
    {
      name: "the same bytes can be written again",
      run: async ({ backend, check }) => {
        for (let i = 0; i < 3; i++) await backend.write("object", SHORT.slice());
        check.bytes("the object", await bytesOf(backend, "object"), SHORT);
      },
    },
  ],
};
