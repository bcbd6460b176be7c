import { createHash } from "node:crypto";
import { type Backend, OmniError } from "@omni/core";

/** What stands at a path: a digest, or nothing. */
export type Seen = string | undefined;

/** Where one operation happens: `path` holds {@link OLD}, at `other` is nothing. */
export interface Scene {
  readonly store: Backend;
  readonly path: string;
  readonly other: string;
  readonly fresh: Uint8Array;
  readonly etag: string;
  readonly timeoutMs: number;
}

/** An operation: what it does, and what a success leaves at `path` and `other`. `old` stands at `path` before it. */
export interface Step {
  readonly changes: boolean;
  /** Whether its bytes may be many. @default "never" */
  readonly large?: "always" | "sometimes";
  run(scene: Scene): Promise<unknown>;
  after(old: Seen, fresh: Seen): readonly [Seen, Seen];
}

export const OLD: Uint8Array = new Uint8Array(3_000).map((_, i) => i * 7);
export const OLD_DIGEST: string = digest(OLD);

const stays = (old: Seen): readonly [Seen, Seen] => [old, undefined];
const replaced = (_: Seen, fresh: Seen): readonly [Seen, Seen] => [fresh, undefined];
const gone = (): readonly [Seen, Seen] => [undefined, undefined];

const CHANGES: Readonly<Record<string, Omit<Step, "changes">>> = {
  write: { run: ({ store, path, fresh, timeoutMs }) => store.write(path, fresh, { timeoutMs }), after: replaced },
  stream: {
    large: "always",
    run: ({ store, path, fresh, timeoutMs }) => store.write(path, chunks(fresh), { timeoutMs }),
    after: replaced,
  },
  create: {
    run: ({ store, other, fresh, timeoutMs }) => store.write(other, fresh, { ifNoneMatch: "*", timeoutMs }),
    after: (old, fresh) => [old, fresh],
  },
  replace: {
    run: ({ store, path, fresh, etag, timeoutMs }) => store.write(path, fresh, { ifMatch: etag, timeoutMs }),
    after: replaced,
  },
  staged: { large: "sometimes", run: stageAndCommit, after: replaced },
  remove: { run: ({ store, path, timeoutMs }) => store.delete(path, { timeoutMs }), after: gone },
  removeMany: {
    run: async ({ store, path, timeoutMs }) => {
      const { errors } = await store.deleteMany([path], { timeoutMs });
      if (errors[0]) throw errors[0].error;
    },
    after: gone,
  },
  copy: {
    run: ({ store, path, other, timeoutMs }) => store.copy(path, other, { timeoutMs }),
    after: (old) => [old, old],
  },
  move: {
    run: ({ store, path, other, timeoutMs }) => store.move(path, other, { timeoutMs }),
    after: (old) => [undefined, old],
  },
  describe: {
    run: ({ store, path, timeoutMs }) => store.setMetadata(path, { metadata: { changed: "yes" } }, { timeoutMs }),
    after: stays,
  },
};

const READS: Readonly<Record<string, Step["run"]>> = {
  read: async ({ store, path, timeoutMs }) => {
    const reader = await store.read(path, { timeoutMs, idleTimeoutMs: 500 });
    if (digest(await reader.bytes()) !== OLD_DIGEST) throw new Error("a read gave other bytes");
  },
  range: async ({ store, path, timeoutMs }) => {
    const reader = await store.read(path, { offset: 100, limit: 1_000, timeoutMs, idleTimeoutMs: 500 });
    if (digest(await reader.bytes()) !== digest(OLD.subarray(100, 1_100))) throw new Error("a range gave other bytes");
  },
  stat: ({ store, path, timeoutMs }) => store.stat(path, { timeoutMs }),
  list: async ({ store, path, timeoutMs }) => {
    const paths: string[] = [];
    for await (const info of store.list(path, { timeoutMs })) paths.push(info.path);
    if (paths.length !== 1) throw new Error(`a listing gave ${paths.length} entries`);
  },
};

/** Every operation by its name. */
export const STEPS: readonly (readonly [string, Step])[] = [
  ...Object.entries(CHANGES).map(([name, step]) => [name, { ...step, changes: true }] as const),
  ...Object.entries(READS).map(([name, run]) => [name, { changes: false, run, after: stays }] as const),
];

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

/** A short digest of bytes. */
export function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}
