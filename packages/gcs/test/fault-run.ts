import { createHash, randomUUID } from "node:crypto";
import { OmniError } from "@omni/core";
import { type Fault, type FaultProxy, failAfterCommit, throttled, unavailable } from "@omni/fault-proxy";
import type { GcsBackend } from "@omni/gcs";

/** What a run of one lane counts. Everything but `runs`, `succeeded`, `notApplied` and `unknown` must be 0. */
export interface Tally {
  runs: number;
  succeeded: number;
  notApplied: number;
  unknown: number;
  torn: number;
  orphans: number;
  hangs: number;
  untyped: number;
  untrue: number;
  readonly complaints: string[];
}

export function emptyTally(): Tally {
  return { runs: 0, succeeded: 0, notApplied: 0, unknown: 0, torn: 0, orphans: 0, hangs: 0, untyped: 0, untrue: 0, complaints: [] };
}

/** The deadline of every operation; core gives a change a second more to say what became of it. */
const TIMEOUT_MS = 2_000;
const HANG_MS = TIMEOUT_MS + 4_000;

const answer = (code: number, reason: string): string =>
  JSON.stringify({
    error: { code, message: "Try again later.", errors: [{ domain: "global", reason, message: "Try again later." }] },
  });

const OVERLOADED = answer(503, "backendError");
const INTERNAL = answer(500, "internalError");

const FAULTS: readonly Fault[] = [
  { kind: "latency", ms: 30 },
  { kind: "reset", in: "request" },
  { kind: "reset", in: "request", afterBytes: 700 },
  { kind: "reset", in: "response" },
  { kind: "reset", in: "response", afterBytes: 500 },
  { kind: "drop", in: "request", afterBytes: 100 },
  { kind: "drop", in: "response" },
  { kind: "truncate", afterBytes: 20 },
  { kind: "stall", in: "response" },
  { kind: "stall", in: "response", afterBytes: 100 },
  { kind: "stall", in: "request", afterBytes: 10 },
  { kind: "slow", in: "response", bytesPerSecond: 3_000 },
  { kind: "slow", in: "request", bytesPerSecond: 50_000 },
  unavailable(OVERLOADED),
  unavailable(),
  throttled(1),
  { kind: "answer", status: 500, body: INTERNAL },
  failAfterCommit(INTERNAL),
  { kind: "after-commit", then: "reset" },
  { kind: "after-commit", then: "drop" },
  { kind: "after-commit", then: "stall" },
];

/** What stands at a path: a digest, or nothing. */
type Seen = string | undefined;

interface Scene {
  readonly store: GcsBackend;
  readonly path: string;
  readonly other: string;
  readonly fresh: Uint8Array;
  readonly etag: string;
  readonly timeoutMs: number;
}

/** An operation: what it does, and what a success leaves at `path` and `other`. `old` stands at `path` before it. */
interface Step {
  readonly changes: boolean;
  run(scene: Scene): Promise<unknown>;
  after(old: Seen, fresh: Seen): readonly [Seen, Seen];
}

const stays = (old: Seen): readonly [Seen, Seen] => [old, undefined];
const replaced = (_: Seen, fresh: Seen): readonly [Seen, Seen] => [fresh, undefined];

const STEPS: Readonly<Record<string, Step>> = {
  write: { changes: true, run: ({ store, path, fresh, timeoutMs }) => store.write(path, fresh, { timeoutMs }), after: replaced },
  stream: {
    changes: true,
    run: ({ store, path, fresh, timeoutMs }) => store.write(path, chunks(fresh), { timeoutMs }),
    after: replaced,
  },
  create: {
    changes: true,
    run: ({ store, other, fresh, timeoutMs }) => store.write(other, fresh, { ifNoneMatch: "*", timeoutMs }),
    after: (old, fresh) => [old, fresh],
  },
  replace: {
    changes: true,
    run: ({ store, path, fresh, etag, timeoutMs }) => store.write(path, fresh, { ifMatch: etag, timeoutMs }),
    after: replaced,
  },
  staged: { changes: true, run: stageAndCommit, after: replaced },
  remove: {
    changes: true,
    run: ({ store, path, timeoutMs }) => store.delete(path, { timeoutMs }),
    after: () => [undefined, undefined],
  },
  removeMany: {
    changes: true,
    run: async ({ store, path, timeoutMs }) => {
      const { errors } = await store.deleteMany([path], { timeoutMs });
      if (errors[0]) throw errors[0].error;
    },
    after: () => [undefined, undefined],
  },
  copy: {
    changes: true,
    run: ({ store, path, other, timeoutMs }) => store.copy(path, other, { timeoutMs }),
    after: (old) => [old, old],
  },
  move: {
    changes: true,
    run: ({ store, path, other, timeoutMs }) => store.move(path, other, { timeoutMs }),
    after: (old) => [undefined, old],
  },
  describe: {
    changes: true,
    run: ({ store, path, timeoutMs }) => store.setMetadata(path, { metadata: { changed: "yes" } }, { timeoutMs }),
    after: stays,
  },
  read: {
    changes: false,
    run: async ({ store, path, timeoutMs }) => {
      const reader = await store.read(path, { timeoutMs, idleTimeoutMs: 500 });
      if (digest(await reader.bytes()) !== OLD_DIGEST) throw new Error("a read gave other bytes");
    },
    after: stays,
  },
  range: {
    changes: false,
    run: async ({ store, path, timeoutMs }) => {
      const reader = await store.read(path, { offset: 100, limit: 1_000, timeoutMs, idleTimeoutMs: 500 });
      if (digest(await reader.bytes()) !== digest(OLD.subarray(100, 1_100))) throw new Error("a range gave other bytes");
    },
    after: stays,
  },
  stat: { changes: false, run: ({ store, path, timeoutMs }) => store.stat(path, { timeoutMs }), after: stays },
  list: {
    changes: false,
    run: async ({ store, path, timeoutMs }) => {
      const paths: string[] = [];
      for await (const info of store.list(path, { timeoutMs })) paths.push(info.path);
      if (paths.length !== 1) throw new Error(`a listing gave ${paths.length} entries`);
    },
    after: stays,
  },
};

const OLD = new Uint8Array(3_000).map((_, i) => i * 7);
const OLD_DIGEST = digest(OLD);
const SMALL = 2_000;
/** Two chunks and a bit. */
const LARGE = 2 * 256 * 1024 + 1_000;

async function stageAndCommit({ store, path, fresh, timeoutMs }: Scene): Promise<void> {
  const staged = await store.stage(path, fresh, { timeoutMs });
  try {
    await staged.commit({ signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    // An aborted signal rejects with its own reason: what became of the commit is asked of the token.
    if (OmniError.is(error)) throw error;
    throw new OmniError("TIMEOUT", { outcome: "unknown", operation: "commit", cause: error });
  }
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, undefined> {
  for (let at = 0; at < bytes.byteLength; at += 60_000) yield bytes.slice(at, at + 60_000);
}

/** A sequence of numbers below 1 that a seed decides (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One operation under one fault, judged by what the store shows without the proxy. */
export async function faultRun(
  proxy: FaultProxy,
  store: GcsBackend,
  direct: GcsBackend,
  next: () => number,
  tally: Tally,
): Promise<void> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const [name, step] = pick(Object.entries(STEPS));
  const fault = pick(FAULTS);
  const first = Math.floor(next() * 3);
  const repeats = 1 + Math.floor(next() * 10);
  const fresh = new Uint8Array(name === "stream" || (name === "staged" && next() < 0.3) ? LARGE : SMALL).fill(
    1 + Math.floor(next() * 250),
  );
  const path = randomUUID();
  const other = `other-${path}`;
  const { etag = "" } = await direct.write(path, OLD.slice());

  let seen = 0;
  const stop = proxy.use(() => (seen++ >= first && seen <= first + repeats ? fault : undefined));
  const result = await settle(step.run({ store, path, other, fresh: fresh.slice(), etag, timeoutMs: TIMEOUT_MS }));
  stop();
  tally.runs++;

  const complain = (kind: "torn" | "orphans" | "hangs" | "untyped" | "untrue", detail: string): void => {
    tally[kind]++;
    tally.complaints.push(`${kind}: ${name} under ${JSON.stringify(fault)} from request ${first}, ${repeats} times: ${detail}`);
  };
  const now: readonly [Seen, Seen] = [await digestAt(direct, path), await digestAt(direct, other)];
  const old: readonly [Seen, Seen] = [OLD_DIGEST, undefined];
  const wanted = step.after(OLD_DIGEST, digest(fresh));
  const whole = new Set([OLD_DIGEST, digest(fresh), undefined]);
  if (!whole.has(now[0]) || !whole.has(now[1])) complain("torn", String(now));

  if (result.kind === "hung") complain("hangs", "no answer");
  else if (result.kind === "done") {
    tally.succeeded++;
    if (!same(now, wanted)) complain("untrue", `success, but ${now} and not ${wanted}`);
  } else judgeError(result.error, step, now, old, wanted, tally, complain);

  await direct.sweepStale({ olderThanMs: 0 });
  for (const key of await stagedIn(direct)) complain("orphans", key);
  await direct.deleteMany([path, other]);
}

function judgeError(
  error: unknown,
  step: Step,
  now: readonly [Seen, Seen],
  old: readonly [Seen, Seen],
  wanted: readonly [Seen, Seen],
  tally: Tally,
  complain: (kind: "untyped" | "untrue", detail: string) => void,
): void {
  if (!OmniError.is(error) || error.code === "UNKNOWN")
    complain("untyped", error instanceof Error ? (error.stack ?? error.message) : String(error));
  else if (step.changes && error.outcome === undefined) complain("untyped", `no outcome: ${error.message}`);
  else if (error.outcome === "unknown") {
    tally.unknown++;
    // A copy may be there while its source is, too: a move that was not finished lost nothing.
    const between: readonly [Seen, Seen] = [old[0], wanted[1]];
    if (!same(now, old) && !same(now, wanted) && !same(now, between)) complain("untrue", `unknown, but ${now}: ${error.message}`);
  } else {
    tally.notApplied++;
    if (!same(now, old)) complain("untrue", `not applied, but ${now}: ${error.message}`);
  }
}

function same(a: readonly [Seen, Seen], b: readonly [Seen, Seen]): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

type Result = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: unknown } | { readonly kind: "hung" };

async function settle(work: Promise<unknown>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<Result>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "hung" }), HANG_MS);
  });
  const ended: Promise<Result> = work.then(
    () => ({ kind: "done" }),
    (error: unknown) => ({ kind: "failed", error }),
  );
  const result = await Promise.race([ended, hung]);
  clearTimeout(timer);
  return result;
}

async function digestAt(store: GcsBackend, path: string): Promise<Seen> {
  try {
    return digest(await (await store.read(path)).bytes());
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}

/** What is left of staged writes, asked of the store without the driver. */
async function stagedIn(store: GcsBackend): Promise<readonly string[]> {
  const client = await store.driver.client();
  const [, bucket = "", root = ""] = (store.driver.identity ?? "").split("|").map(decodeURIComponent);
  const [files] = await client.bucket(bucket).getFiles({ prefix: `${root}.omni/` });
  return files.map(({ name }) => name);
}
