import type { Backend } from "../../backend.ts";
import { OmniError } from "../../error.ts";
import type { Case, Group, Trial } from "../kit-case.ts";
import { CONDITIONAL_DELETE, CREATE, GENERATION, REPLACE, STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

const RIVALS = 8;
const BYTES = sample(200_000);

/** What each of several rivals did: "won", or the code of its error. */
async function race(rivals: number, attempt: (rival: number) => Promise<unknown>): Promise<string[]> {
  const attempts = Array.from({ length: rivals }, (_, rival) => attempt(rival));
  return (await Promise.allSettled(attempts)).map((result) =>
    result.status === "fulfilled" ? "won" : OmniError.is(result.reason) ? result.reason.code : String(result.reason),
  );
}

/** Exactly one of the rivals won, the others got the code, and the object is the winner's. */
async function oneWon({ backend, check }: Trial, path: string, outcomes: readonly string[], code: string): Promise<void> {
  check.same("outcomes", [...outcomes].sort(), ["won", ...Array<string>(RIVALS - 1).fill(code)].sort());
  check.bytes("the object is the winner's", await bytesOf(backend, path), `rival ${outcomes.indexOf("won")}`);
}

async function etagOf(backend: Backend, path: string): Promise<string> {
  return (await backend.stat(path)).etag ?? "no etag";
}

const create: readonly Case[] = [
  {
    name: "create where nothing is",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      await backend.write("object", BYTES.slice(), { ifNoneMatch: "*" });
      check.bytes("the object", await bytesOf(backend, "object"), BYTES);
    },
  },
  {
    name: "create where something is: ALREADY_EXISTS, and it stays",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      await backend.write("object", "before");
      const error = await check.fails("write", backend.write("object", "after", { ifNoneMatch: "*" }), "ALREADY_EXISTS");
      check.same(
        "what the error says",
        { outcome: error.outcome ?? "not-applied", retryable: error.retryable },
        { outcome: "not-applied", retryable: false },
      );
      check.bytes("the object", await bytesOf(backend, "object"), "before");
    },
  },
  {
    name: "create by a stream where something is: ALREADY_EXISTS",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      await backend.write("object", "before");
      await check.fails("write", backend.write("object", stream(pieces(BYTES, 50_000)), { ifNoneMatch: "*" }), "ALREADY_EXISTS");
      check.bytes("the object", await bytesOf(backend, "object"), "before");
    },
  },
  {
    name: "create by a writer where something is: ALREADY_EXISTS at close",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      await backend.write("object", "before");
      const writer = backend.createWriter("object", { ifNoneMatch: "*" });
      const work = async (): Promise<unknown> => {
        await writer.write("after");
        return writer.close();
      };
      await check.fails("the writer", work, "ALREADY_EXISTS");
      check.bytes("the object", await bytesOf(backend, "object"), "before");
    },
  },
  {
    name: "create again after a delete",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      await backend.write("object", "first", { ifNoneMatch: "*" });
      await backend.delete("object");
      await backend.write("object", "second", { ifNoneMatch: "*" });
      check.bytes("the object", await bytesOf(backend, "object"), "second");
    },
  },
  {
    name: "eight creates at once: one wins",
    needs: [CREATE],
    run: async (trial) => {
      const outcomes = await race(RIVALS, (rival) => trial.backend.write("object", `rival ${rival}`, { ifNoneMatch: "*" }));
      await oneWon(trial, "object", outcomes, "ALREADY_EXISTS");
      trial.check.same("the listing", await pathsOf(trial.backend), ["object"]);
    },
  },
  {
    name: "eight creates by streams at once: one wins",
    needs: [CREATE],
    run: async (trial) => {
      const chunks = (rival: number): Uint8Array[] => ["ri", "val", ` ${rival}`].map((text) => Buffer.from(text));
      const outcomes = await race(RIVALS, (rival) => trial.backend.write("object", stream(chunks(rival)), { ifNoneMatch: "*" }));
      await oneWon(trial, "object", outcomes, "ALREADY_EXISTS");
    },
  },
];

const replace: readonly Case[] = [
  {
    name: "replace the version that is there",
    needs: [REPLACE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "before");
      const next = await backend.write("object", BYTES.slice(), { ifMatch: etag });
      check.bytes("the object", await bytesOf(backend, "object"), BYTES);
      check.same("stat shows the new etag", await etagOf(backend, "object"), next.etag);
    },
  },
  {
    name: "the etag that stat shows can be matched",
    needs: [REPLACE],
    run: async ({ backend, check }) => {
      await backend.write("object", stream(pieces(BYTES, 50_000)));
      await backend.write("object", "after", { ifMatch: await etagOf(backend, "object") });
      check.bytes("the object", await bytesOf(backend, "object"), "after");
    },
  },
  {
    name: "replace an older version: PRECONDITION_FAILED, and the newer stays",
    needs: [REPLACE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "first");
      await backend.write("object", "second");
      const error = await check.fails("write", backend.write("object", "third", { ifMatch: etag }), "PRECONDITION_FAILED");
      check.same("retryable", error.retryable, false);
      check.bytes("the object", await bytesOf(backend, "object"), "second");
    },
  },
  {
    name: "replace what is not there: PRECONDITION_FAILED, and nothing appears",
    needs: [REPLACE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "first");
      await backend.delete("object");
      await check.fails("write", backend.write("object", "second", { ifMatch: etag }), "PRECONDITION_FAILED");
      check.same("the listing", await pathsOf(backend), []);
    },
  },
  {
    name: "eight replaces of one version at once: one wins",
    needs: [REPLACE],
    run: async (trial) => {
      const { etag = "no etag" } = await trial.backend.write("object", "before");
      const outcomes = await race(RIVALS, (rival) => trial.backend.write("object", `rival ${rival}`, { ifMatch: etag }));
      await oneWon(trial, "object", outcomes, "PRECONDITION_FAILED");
    },
  },
  {
    name: "eight counters lose no step",
    needs: [REPLACE],
    run: async ({ backend, check }) => {
      await backend.write("count", "0");
      const step = async (attempts = 1): Promise<void> => {
        const reader = await backend.read("count");
        const next = String(Number(await reader.text()) + 1);
        try {
          await backend.write("count", next, { ifMatch: reader.info.etag ?? "no etag" });
        } catch (error) {
          // Whoever loses, lost to one that took its step: nobody can lose more often than there are others.
          if (!OmniError.is(error, "PRECONDITION_FAILED") || attempts === RIVALS) throw error;
          await step(attempts + 1);
        }
      };
      await Promise.all(Array.from({ length: RIVALS }, () => step()));
      check.bytes("the count", await bytesOf(backend, "count"), String(RIVALS));
    },
  },
  {
    name: "an etag never repeats, not even with the same bytes or after a delete",
    needs: [GENERATION],
    run: async ({ backend, check }) => {
      const etags: (string | undefined)[] = [];
      for (const text of ["a", "b", "a", "a"]) etags.push((await backend.write("object", text)).etag);
      await backend.delete("object");
      etags.push((await backend.write("object", "a")).etag);
      check.same("different etags", new Set(etags).size, 5);
      await check.fails("replacing the first", backend.write("object", "c", { ifMatch: etags[0] ?? "" }), "PRECONDITION_FAILED");
    },
  },
];

const read: readonly Case[] = [
  {
    name: "read the version that is asked for",
    run: async ({ backend, check }) => {
      const { etag } = await backend.write("object", "x");
      if (etag !== undefined) check.bytes("the object", await (await backend.read("object", { ifMatch: etag })).bytes(), "x");
      await check.fails("read of another", backend.read("object", { ifMatch: "another-etag" }), "PRECONDITION_FAILED");
    },
  },
];

const remove: readonly Case[] = [
  {
    name: "delete the version that is there",
    needs: [CONDITIONAL_DELETE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "x");
      await backend.delete("object", { ifMatch: etag });
      check.same("exists", await backend.exists("object"), false);
    },
  },
  {
    name: "delete an older version: PRECONDITION_FAILED, and the newer stays",
    needs: [CONDITIONAL_DELETE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "first");
      await backend.write("object", "second");
      await check.fails("delete", backend.delete("object", { ifMatch: etag }), "PRECONDITION_FAILED");
      check.bytes("the object", await bytesOf(backend, "object"), "second");
    },
  },
  {
    name: "a delete and seven replaces of one version at once: one wins",
    needs: [CONDITIONAL_DELETE, REPLACE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "before");
      const outcomes = await race(RIVALS, (rival) =>
        rival === 0 ? backend.delete("object", { ifMatch: etag }) : backend.write("object", `rival ${rival}`, { ifMatch: etag }),
      );
      const winner = outcomes.indexOf("won");
      check.same("winners", outcomes.filter((outcome) => outcome === "won").length, 1);
      check.same("the others", new Set(outcomes.filter((outcome) => outcome !== "won")), new Set(["PRECONDITION_FAILED"]));
      if (winner === 0) check.same("exists", await backend.exists("object"), false);
      else check.bytes("the object", await bytesOf(backend, "object"), `rival ${winner}`);
    },
  },
];

/** Conditions, and races between them. */
export const conditions: Group = { name: "conditions", needs: [STORED], cases: [...create, ...replace, ...read, ...remove] };
