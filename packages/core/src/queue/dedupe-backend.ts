import type { Backend } from "../backend.ts";
import { nodeCrypto } from "../builtins.ts";
import { systemClock } from "../clock.ts";
import { OmniError } from "../error.ts";
import { checkCount, checkMs } from "./check.ts";
import type { DedupeClaim, DedupeKey, DedupeStore } from "./dedupe.ts";
import { BUSY_POLL_MS, type DedupeStoreOptions } from "./dedupe-memory.ts";

/** Where a dedupe store on a backend keeps its marks, and for how long. */
export interface BackendDedupeOptions extends DedupeStoreOptions {
  /** Folder of the marks. @default "dedupe" */
  readonly prefix?: string | undefined;
}

/** A dedupe store on a storage backend that all instances share. */
export interface BackendDedupe extends DedupeStore {
  readonly scope: "fleet";
  /** Removes what was handled longer ago than the window; gives how many. */
  sweep(): Promise<number>;
}

/** One record of a message's log: the newest one counts. */
interface Claim {
  readonly token: string;
  /** Milliseconds since the epoch; 0 = given back. */
  readonly expiresAt: number;
}

/**
 * Remembers handled messages on any backend with conditional create, for all instances. A message has a log of numbered records, each created only
 * when it is not there: claims, renewals, and at last `done`. To claim a message that nobody claimed before costs one
 * request, to mark it done three.
 *
 * Clocks decide only when a lease or a window is over: one that is wrong costs a second run of a handler, never a lost message.
 *
 * @throws OmniError NOT_SUPPORTED when the backend has no conditional create; INVALID_ARGUMENT
 */
export function backendDedupe(backend: Backend, options: BackendDedupeOptions = {}): BackendDedupe {
  if (!backend.features.conditional.create) {
    const reason = "a dedupe store needs a backend with conditional create (ifNoneMatch), which this one does not declare";
    throw new OmniError("NOT_SUPPORTED", { backend: backend.driver.scheme, operation: "backendDedupe", reason });
  }
  const log = new MessageLog(backend, options);
  return {
    scope: "fleet",
    windowMs: log.windowMs,
    leaseMs: log.leaseMs,
    begin: (key) => log.begin(log.folderOf(key)),
    renew: (key, token) => log.append(log.folderOf(key), token, log.leaseMs),
    done: (key, token) => log.done(log.folderOf(key), token),
    release: async (key, token) => {
      await log.append(log.folderOf(key), token, undefined);
    },
    sweep: () => log.sweep(),
  };
}

const DONE = "done";

class MessageLog {
  readonly windowMs: number;
  readonly leaseMs: number;
  readonly #backend: Backend;
  readonly #prefix: string;
  readonly #now: () => number;

  constructor(backend: Backend, options: BackendDedupeOptions) {
    const { clock = systemClock, prefix = "dedupe" } = options;
    this.windowMs = checkMs("windowMs", options.windowMs ?? 3_600_000);
    this.leaseMs = checkCount("leaseMs", options.leaseMs ?? 30_000);
    this.#backend = backend;
    this.#prefix = prefix.replace(/\/+$/, "");
    this.#now = () => clock.now();
  }

  folderOf({ group, topic, id }: DedupeKey): string {
    // Ids are any text; paths are not. The hash also spreads the keys.
    return `${this.#prefix}/${nodeCrypto().createHash("sha256").update(`${group}\n${topic}\n${id}`).digest("hex")}/`;
  }

  async begin(folder: string): Promise<DedupeClaim> {
    const token = nodeCrypto().randomUUID();
    // The first record's creation proves that nobody ever claimed the message: nothing else has to be asked.
    if (await this.#create(folder, 0, { token, expiresAt: this.#now() + this.leaseMs })) return { state: "claimed", token };
    const { isDone, last, count } = await this.#read(folder);
    if (isDone) return { state: "done" };
    const now = this.#now();
    if (last && last.expiresAt > now) return { state: "busy", retryAfterMs: Math.min(last.expiresAt - now, BUSY_POLL_MS) };
    if (!(await this.#create(folder, count, { token, expiresAt: now + this.leaseMs })))
      return { state: "busy", retryAfterMs: BUSY_POLL_MS };
    // Whoever had it may have finished between the look and the claim.
    return (await this.#read(folder)).isDone ? { state: "done" } : { state: "claimed", token };
  }

  /** Adds a record of a claim that is still this token's. */
  async append(folder: string, token: string, leaseMs: number | undefined): Promise<boolean> {
    const { isDone, last, count } = await this.#read(folder);
    if (isDone || last?.token !== token) return false;
    return this.#create(folder, count, { token, expiresAt: leaseMs === undefined ? 0 : this.#now() + leaseMs });
  }

  async done(folder: string, token: string): Promise<boolean> {
    const { isDone, last } = await this.#read(folder);
    if (isDone || last?.token !== token) return false;
    return this.#put(`${folder}${DONE}`, JSON.stringify({ token, at: this.#now() }));
  }

  /** Removes what was handled longer ago than the window. */
  async sweep(): Promise<number> {
    let swept = 0;
    for await (const { path } of this.#backend.list(`${this.#prefix}/`)) {
      if (!path.endsWith(`/${DONE}`)) continue;
      const text = await this.#textOf(path);
      const at = text === undefined ? Number.NaN : (JSON.parse(text) as { readonly at: number }).at;
      if (!(at + this.windowMs <= this.#now())) continue;
      await this.#backend.purge(path.slice(0, -DONE.length));
      swept += 1;
    }
    return swept;
  }

  async #read(folder: string): Promise<{ readonly isDone: boolean; readonly last: Claim | undefined; readonly count: number }> {
    let count = 0;
    let isDone = false;
    for await (const { path } of this.#backend.list(folder)) {
      if (path.endsWith(`/${DONE}`)) isDone = true;
      else count = Math.max(count, Number(path.slice(folder.length)) + 1);
    }
    const text = count === 0 || isDone ? undefined : await this.#textOf(this.#pathOf(folder, count - 1));
    return { isDone, last: text === undefined ? undefined : (JSON.parse(text) as Claim), count };
  }

  async #textOf(path: string): Promise<string | undefined> {
    try {
      return await (await this.#backend.read(path)).text();
    } catch (error) {
      // Swept meanwhile.
      if (OmniError.is(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }

  #create(folder: string, number: number, claim: Claim): Promise<boolean> {
    return this.#put(this.#pathOf(folder, number), JSON.stringify(claim));
  }

  async #put(path: string, text: string): Promise<boolean> {
    try {
      await this.#backend.write(path, text, { ifNoneMatch: "*" });
      return true;
    } catch (error) {
      if (OmniError.is(error, "ALREADY_EXISTS")) return false;
      throw error;
    }
  }

  // Of one width, so that the order of names is the order of numbers.
  #pathOf(folder: string, number: number): string {
    return `${folder}${String(number).padStart(8, "0")}`;
  }
}
