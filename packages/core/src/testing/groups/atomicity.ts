import type { Backend } from "../../backend.ts";
import type { Checks } from "../checks.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

const BEFORE = sample(30_000, 3);
const BODY = sample(300_000, 4);
const CHUNK = 50_000;
const CHUNKS = BODY.byteLength / CHUNK;

/** What a failed write must leave: the former object, or nothing; and nothing else. */
async function unchanged(backend: Backend, check: Checks, replaces: boolean, etag: string | undefined): Promise<void> {
  check.same("the listing", await pathsOf(backend), replaces ? ["object"] : []);
  check.same("exists", await backend.exists("object"), replaces);
  if (!replaces) return;
  check.bytes("the former object", await bytesOf(backend, "object"), BEFORE);
  check.same("its etag", (await backend.stat("object")).etag, etag);
}

/** A case over a former object and one where nothing is. */
function leavesAll(name: string, fail: (backend: Backend, check: Checks) => Promise<unknown>): readonly Case[] {
  return [true, false].map((replaces) => ({
    name: `${name}: ${replaces ? "the former object survives" : "nothing appears"}`,
    run: async ({ backend, check }) => {
      const etag = replaces ? (await backend.write("object", BEFORE.slice())).etag : undefined;
      await fail(backend, check);
      await unchanged(backend, check, replaces, etag);
      await backend.write("object", "afterwards");
      check.bytes("a later write", await bytesOf(backend, "object"), "afterwards");
    },
  }));
}

/** A source that throws before one of its chunks; before the one after the last: at its very end. */
function breaking(at: number, reason: Error): AsyncIterable<Uint8Array> {
  return stream(pieces(BODY, CHUNK), (index) => {
    if (index === at) throw reason;
  });
}

/** The reason must come through, as it is or as the cause. */
async function failsBecause(check: Checks, work: Promise<unknown>, reason: Error): Promise<void> {
  const error = await work.then(
    () => "no error",
    (thrown: unknown) => thrown,
  );
  check.ok("the source's error comes through", error === reason || (error as { cause?: unknown }).cause === reason);
}

const sources: readonly Case[] = (
  [
    ["at its first byte", 0],
    ["in the middle", CHUNKS / 2],
    ["before its last chunk", CHUNKS - 1],
    ["after its last byte", CHUNKS],
  ] as const
).flatMap(([where, at]) =>
  leavesAll(`a source that throws ${where}`, (backend, check) => {
    const reason = new Error("the source broke");
    return failsBecause(check, backend.write("object", breaking(at, reason)), reason);
  }),
);

const writers: readonly Case[] = (
  [
    ["before its first chunk", 0],
    ["in the middle", CHUNKS / 2],
    ["after its last chunk", CHUNKS],
  ] as const
).flatMap(([where, chunks]) =>
  leavesAll(`a writer aborted ${where}`, async (backend) => {
    const writer = backend.createWriter("object");
    for (const piece of [...pieces(BODY, CHUNK)].slice(0, chunks)) await writer.write(piece.slice());
    await writer.abort(new Error("given up"));
  }),
);

const signals: readonly Case[] = (
  [
    ["at the first byte", 0],
    ["in the middle", CHUNKS / 2],
    ["at the end of the source", CHUNKS],
  ] as const
).flatMap(([where, at]) =>
  leavesAll(`a write aborted ${where}`, async (backend, check) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    // The abort comes while the body is asked for more, which never comes: only the signal can end the write.
    const body = stream(pieces(BODY, CHUNK), async (index) => {
      if (index < at) return;
      controller.abort(reason);
      await new Promise(() => {});
    });
    await check.rejectsWith("the write", backend.write("object", body, { signal: controller.signal }), reason);
  }),
);

const wrong: readonly Case[] = [
  ...leavesAll("a write under a signal that is aborted already", (backend, check) => {
    const reason = new Error("too late");
    return check.rejectsWith("the write", backend.write("object", BODY.slice(), { signal: AbortSignal.abort(reason) }), reason);
  }),
  ...leavesAll("a source shorter than sizeBytes", (backend, check) =>
    check.fails(
      "the write",
      backend.write("object", stream(pieces(BODY, CHUNK)), { sizeBytes: BODY.byteLength + 1 }),
      "INVALID_ARGUMENT",
    ),
  ),
  ...leavesAll("a source longer than sizeBytes", (backend, check) =>
    check.fails(
      "the write",
      backend.write("object", stream(pieces(BODY, CHUNK)), { sizeBytes: BODY.byteLength - 1 }),
      "INVALID_ARGUMENT",
    ),
  ),
  ...leavesAll("a source with another checksum", (backend, check) =>
    check.fails(
      "the write",
      backend.write("object", stream(pieces(BODY, CHUNK)), { checksum: { algorithm: "sha256", value: "0".repeat(64) } }),
      "CHECKSUM_MISMATCH",
    ),
  ),
  ...leavesAll("a chunk that is no bytes", (backend, check) =>
    check.fails("the write", backend.write("object", ["text", 7 as unknown as string]), "INVALID_ARGUMENT"),
  ),
  ...leavesAll("a write that takes longer than timeoutMs", (backend, check) => {
    const body = stream(pieces(BODY, CHUNK), (index) => (index === 2 ? new Promise(() => {}) : undefined));
    return check.fails("the write", backend.write("object", body, { timeoutMs: 50 }), "TIMEOUT");
  }),
];

const visible: readonly Case[] = [
  {
    name: "nothing is visible while a write is under way",
    run: async ({ backend, check }) => {
      await backend.write("object", BEFORE.slice());
      const body = stream(pieces(BODY, CHUNK), async () => {
        check.same("the listing", await pathsOf(backend), ["object"]);
        check.same("size", (await backend.stat("object")).size, BEFORE.byteLength);
      });
      await backend.write("object", body);
      check.bytes("afterwards", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "an abort after the write changes nothing",
    run: async ({ backend, check }) => {
      const controller = new AbortController();
      await backend.write("object", stream(pieces(BODY, CHUNK)), { signal: controller.signal });
      controller.abort();
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "the source is told when its write fails",
    run: async ({ backend, check }) => {
      let ended = false;
      async function* body(): AsyncGenerator<Uint8Array, void> {
        try {
          while (true) yield BODY.slice(0, CHUNK);
        } finally {
          ended = true;
        }
      }
      await check.fails("the write", backend.write("object", body(), { sizeBytes: 3 * CHUNK }), "INVALID_ARGUMENT");
      check.ok("its finally block has run", ended);
      check.same("the listing", await pathsOf(backend), []);
    },
  },
];

/** All or nothing, whatever goes wrong on the way. */
export const atomicity: Group = {
  name: "atomicity",
  needs: [STORED],
  cases: [...sources, ...writers, ...signals, ...wrong, ...visible],
};
