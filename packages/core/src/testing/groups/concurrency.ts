import { OmniError } from "../../error.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, inParallel, numbered, pathsOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

/** A version of an object: as long as its number says, and of one byte all through, so that a mixture of two shows. */
function version(number: number): Uint8Array {
  return new Uint8Array(100_000 + number * 10).fill(number);
}

/** Which version these bytes are; a mixture, or a part of one, is none. */
function versionOf(bytes: Uint8Array): number | string {
  const number = bytes[0] ?? -1;
  return bytes.byteLength === 100_000 + number * 10 && bytes.every((byte) => byte === number)
    ? number
    : `torn: ${bytes.byteLength} bytes from ${number}`;
}

const cases: readonly Case[] = [
  {
    name: "readers during overwrites see old or new, whole",
    run: async ({ backend, check }) => {
      await backend.write("object", version(0));
      let writing = true;
      const seen: (number | string)[] = [];
      const readOn = async (): Promise<void> => {
        while (writing) seen.push(versionOf(await bytesOf(backend, "object")));
      };
      const write = async (): Promise<void> => {
        try {
          for (let number = 1; number <= 12; number++)
            await backend.write("object", number % 2 === 0 ? version(number) : stream(pieces(version(number), 9_999)));
        } finally {
          writing = false;
        }
      };
      await Promise.all([write(), readOn(), readOn(), readOn()]);
      check.same(
        "torn reads",
        seen.filter((number) => typeof number === "string"),
        [],
      );
      check.same("the last version", versionOf(await bytesOf(backend, "object")), 12);
    },
  },
  {
    name: "a slow reader during an overwrite gets one version, or fails",
    run: async ({ backend, check }) => {
      await backend.write("object", version(1));
      const reader = await backend.read("object");
      const chunks: Uint8Array[] = [];
      const work = async (): Promise<number | string> => {
        for await (const chunk of reader) {
          if (chunks.length === 0) await backend.write("object", version(2));
          chunks.push(chunk);
        }
        return versionOf(Buffer.concat(chunks));
      };
      const outcome = await work().catch((error: unknown) => (OmniError.is(error) ? 1 : String(error)));
      check.same("the version", outcome, 1);
    },
  },
  {
    name: "a new reader sees a finished write",
    run: async ({ backend, check }) => {
      for (let number = 1; number <= 10; number++) {
        await backend.write("object", version(number));
        check.same("the version", versionOf(await bytesOf(backend, "object")), number);
        check.same("size", (await backend.stat("object")).size, version(number).byteLength);
      }
    },
  },
  {
    name: "writers to one path at once: one of them wins, whole",
    run: async ({ backend, check }) => {
      await Promise.all(Array.from({ length: 8 }, (_, number) => backend.write("object", stream(pieces(version(number), 9_999)))));
      const winner = versionOf(await bytesOf(backend, "object"));
      check.ok(`a version, not ${winner}`, typeof winner === "number");
      check.same("stat agrees", (await backend.stat("object")).size, version(Number(winner)).byteLength);
      check.same("the listing", await pathsOf(backend), ["object"]);
    },
  },
  {
    name: "many objects at once",
    run: async ({ backend, check }) => {
      const paths = numbered("many/", 100);
      await inParallel(paths, async (path) => {
        await backend.write(path, sample(2_000, Number(path.slice(-5)) + 1));
      });
      await inParallel(paths, async (path) =>
        check.bytes(path, await bytesOf(backend, path), sample(2_000, Number(path.slice(-5)) + 1)),
      );
      check.same("the listing", (await pathsOf(backend)).sort(), paths);
    },
  },
  {
    name: "a failing write does not disturb one that goes well",
    run: async ({ backend, check }) => {
      const reason = new Error("the source broke");
      const failing = backend.write(
        "object",
        stream(pieces(version(9), 9_999), (index) => (index === 5 ? Promise.reject(reason) : undefined)),
      );
      const [lost, won] = await Promise.allSettled([failing, backend.write("object", stream(pieces(version(3), 9_999)))]);
      check.same("how they ended", [lost.status, won.status], ["rejected", "fulfilled"]);
      check.same("the version", versionOf(await bytesOf(backend, "object")), 3);
    },
  },
  {
    name: "readers, writers and deleters at once see whole objects or none",
    run: async ({ backend, check }) => {
      const seen: (number | string)[] = [];
      const read = async (): Promise<void> => {
        try {
          seen.push(versionOf(await bytesOf(backend, "object")));
        } catch (error) {
          // Deleted between opening and reading, or not there.
          if (!OmniError.is(error, "NOT_FOUND", "PRECONDITION_FAILED")) throw error;
        }
      };
      await inParallel(numbered("", 90), async (name) => {
        const number = Number(name);
        if (number % 3 === 0) await backend.write("object", version(number));
        else if (number % 3 === 1) await read();
        else await backend.delete("object");
      });
      check.same(
        "torn reads",
        seen.filter((number) => typeof number === "string"),
        [],
      );
    },
  },
  {
    name: "listings during writes show whole objects",
    run: async ({ backend, check }) => {
      const sizes = new Set<number>();
      const write = async (): Promise<void> => {
        for (let number = 1; number <= 6; number++) await backend.write("object", stream(pieces(version(number), 9_999)));
      };
      const list = async (): Promise<void> => {
        for (let i = 0; i < 12; i++) for await (const { size } of backend.list()) sizes.add(size);
      };
      await Promise.all([write(), list()]);
      check.same(
        "sizes of no version",
        [...sizes].filter((size) => size < 100_010 || size > 100_060 || size % 10 !== 0),
        [],
      );
    },
  },
];

/** Many at once. */
export const concurrency: Group = { name: "concurrency", needs: [STORED], cases };
