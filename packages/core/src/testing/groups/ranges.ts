import type { ReadOptions } from "../../backend.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

const BYTES = sample(200_000);

function range(name: string, options: ReadOptions, start: number, end: number): Case {
  return {
    name,
    run: async ({ backend, check }) => {
      await backend.write("object", stream(pieces(BYTES, 60_000)));
      const reader = await backend.read("object", options);
      check.same("info.size is the whole object's", reader.info.size, BYTES.byteLength);
      check.bytes("the range", await reader.bytes(), BYTES.subarray(start, end));
    },
  };
}

const END = BYTES.byteLength;

/** Reading a part of an object. */
export const ranges: Group = {
  name: "ranges",
  needs: [STORED],
  cases: [
    range("an offset", { offset: 150_000 }, 150_000, END),
    range("a limit", { limit: 1_000 }, 0, 1_000),
    range("an offset and a limit", { offset: 59_990, limit: 20 }, 59_990, 60_010),
    range("one byte at the start", { offset: 0, limit: 1 }, 0, 1),
    range("one byte at the end", { offset: END - 1, limit: 1 }, END - 1, END),
    range("across several chunks", { offset: 10, limit: 190_000 }, 10, 190_010),
    range("a limit past the end gives what there is", { offset: END - 5, limit: 500 }, END - 5, END),
    range("an offset at the end gives nothing", { offset: END }, END, END),
    range("an offset past the end gives nothing", { offset: END + 1_000, limit: 10 }, END, END),
    range("a limit of zero gives nothing", { offset: 10, limit: 0 }, 10, 10),
    range("an offset of zero gives all", { offset: 0 }, 0, END),
    {
      name: "a range of an empty object gives nothing",
      run: async ({ backend, check }) => {
        await backend.write("empty", "");
        check.bytes("from 0", await (await backend.read("empty", { offset: 0, limit: 10 })).bytes(), "");
        check.bytes("from 10", await (await backend.read("empty", { offset: 10 })).bytes(), "");
      },
    },
    {
      name: "adjacent ranges make the object",
      run: async ({ backend, check }) => {
        await backend.write("object", BYTES.slice());
        const parts: Uint8Array[] = [];
        for (let at = 0; at < END; at += 33_333)
          parts.push(await (await backend.read("object", { offset: at, limit: 33_333 })).bytes());
        check.bytes("the parts", Buffer.concat(parts), BYTES);
      },
    },
    {
      name: "ranges read at once do not mix",
      run: async ({ backend, check }) => {
        await backend.write("object", BYTES.slice());
        const starts = Array.from({ length: 10 }, (_, i) => i * 20_000);
        const parts = await Promise.all(
          starts.map(async (offset) => (await backend.read("object", { offset, limit: 20_000 })).bytes()),
        );
        check.bytes("the parts", Buffer.concat(parts), BYTES);
      },
    },
    {
      name: "a range of zero of a missing object is NOT_FOUND",
      run: ({ backend, check }) => check.fails("read", backend.read("no/such", { limit: 0 }), "NOT_FOUND").then(() => {}),
    },
    {
      name: "reading whole after a range gives all",
      run: async ({ backend, check }) => {
        await backend.write("object", BYTES.slice());
        await (await backend.read("object", { offset: 5, limit: 5 })).bytes();
        check.bytes("the object", await bytesOf(backend, "object"), BYTES);
      },
    },
  ],
};
