import { createHash } from "node:crypto";
import {
  type Backend,
  backoffMs,
  type CallOptions,
  type Clock,
  comparePaths,
  createHasher,
  delay,
  type ObjectInfo,
  OmniError,
} from "@omni/core";
import { type Listing, sortOnDisk } from "@omni/core/merge";
import type { Side } from "./side.ts";
import { Stall } from "./stall.ts";

/** That an object was carried over: what the source showed, and what the destination shows since. */
export interface Completion {
  readonly path: string;
  /** The source's version, see {@link versionOf}; empty = the path is gone. */
  readonly source: string;
  readonly destination: string;
}

/** Where a run keeps its records. */
export interface LedgerPlace {
  /** A handle that may write at `prefix`. */
  readonly backend: Backend;
  /** Ends in `/`. */
  readonly prefix: string;
}

// A crash forgets at most so many completions, or those of so many milliseconds: what was copied and not recorded is looked at again.
const SEGMENT_RECORDS = 200;
const SEGMENT_MS = 500;
const SEQUENCE_DIGITS = 12;
const ATTEMPTS = 4;
// Crashes leave many small segments: more than so many are joined before they are read run after run.
const MANY_SEGMENTS = 16;
const READ_AHEAD = 8;
const SMALL_BYTES = 256 * 1024;
const JOIN_STALL_MS = 60_000;
// Each such request has a time limit of its own.
const DELETED_AT_ONCE = 500;

interface Segment {
  readonly path: string;
  readonly size: number;
}

/**
 * What a listing shows of an object's version. Where listings show the kept modification time it is that time and the size; elsewhere the etag.
 * `undefined` where a listing shows neither.
 */
export function versionOf({ backend: { features } }: Pick<Side, "backend">, info: ObjectInfo): string | undefined {
  if (features.setModTime && !features.listsUploadTime && info.modifiedAt)
    return `t${info.modifiedAt.getTime().toString(36)}.${info.size.toString(36)}`;
  return info.etag === undefined ? undefined : `e${info.etag}`;
}

/** One name for "from here to there". */
export function ledgerName(from: Side, to: Side): string {
  const nameOf = ({ backend: { driver }, prefix }: Side): string => `${driver.identity ?? driver.scheme}\n${prefix}`;
  return createHash("sha256")
    .update(`${nameOf(from)}\n${nameOf(to)}`)
    .digest("hex")
    .slice(0, 32);
}

/**
 * Completions on any backend that can create conditionally: numbered segments, each created once and never changed. A later segment's word on a path
 * counts. When a run ends well its segments are joined into one.
 */
export class Ledger {
  readonly #place: LedgerPlace;
  readonly #call: CallOptions;
  readonly #clock: Clock;
  #segments: Segment[] = [];
  #next = 1;
  #buffer: Completion[] = [];
  #timer: unknown;
  #writing: Promise<void> = Promise.resolve();
  #failed: { readonly error: unknown } | undefined;

  private constructor(place: LedgerPlace, call: CallOptions, clock: Clock) {
    this.#place = place;
    this.#call = call;
    this.#clock = clock;
  }

  /** @param writes whether what many crashes left may be tidied up */
  static async open(place: LedgerPlace, call: CallOptions, clock: Clock, writes: boolean): Promise<Ledger> {
    if (!place.backend.features.conditional.create)
      throw new OmniError("NOT_SUPPORTED", {
        backend: place.backend.driver.scheme,
        reason: "a journal needs a store that creates conditionally (features.conditional.create); name another store for it",
      });
    const ledger = new Ledger(place, call, clock);
    for await (const { path, size } of place.backend.list(place.prefix, call))
      if (/^\d+$/.test(path.slice(place.prefix.length))) ledger.#segments.push({ path, size });
    ledger.#segments.sort((a, b) => comparePaths(a.path, b.path));
    ledger.#next = Number(ledger.#segments.at(-1)?.path.slice(place.prefix.length) ?? "0") + 1;
    if (writes && ledger.#segments.length > MANY_SEGMENTS) await ledger.#join();
    return ledger;
  }

  /** Everything recorded before this run, one completion a path, for the merge. */
  listing(): Listing<Completion> {
    // A list of its own: segments that this run writes while it reads are not among what was recorded before.
    return { items: latest(this.#records([...this.#segments])), name: "the journal" };
  }

  /** Records a completion, soon; a failure to do so is thrown by {@link close}. */
  add(completion: Completion): void {
    this.#buffer.push(completion);
    if (this.#buffer.length >= SEGMENT_RECORDS) this.#flush();
    else this.#timer ??= this.#clock.setTimeout(() => this.#flush(), SEGMENT_MS);
  }

  /**
   * Writes what waits. With `join` all segments become one, and paths that are gone are forgotten.
   *
   * @throws what the journal's store said
   */
  async close(join: boolean): Promise<void> {
    this.#flush();
    await this.#writing;
    if (this.#failed) throw this.#failed.error;
    if (join && this.#segments.length > 1) await this.#join();
  }

  #flush(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    const records = this.#buffer;
    if (records.length === 0) return;
    this.#buffer = [];
    this.#writing = this.#writing
      .then(() => this.#create(records.map(lineOf).join("")))
      .catch((error: unknown) => {
        this.#failed ??= { error };
      });
  }

  /** Creates the next segment; a number that another run took is passed over. */
  async #create(body: string | AsyncIterable<string>, limit: CallOptions = { timeoutMs: this.#call.timeoutMs }): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const path = `${this.#place.prefix}${String(this.#next++).padStart(SEQUENCE_DIGITS, "0")}`;
      try {
        const { size } = await this.#place.backend.write(path, body, { ifNoneMatch: "*", ...limit });
        this.#segments.push({ path, size });
        return;
      } catch (error) {
        // A stream was perhaps taken; only text can be written again. Written twice does no harm: the records are the same.
        if (typeof body !== "string" || !OmniError.is(error)) throw error;
        if (error.code === "ALREADY_EXISTS") continue;
        if (!error.retryable || attempt >= ATTEMPTS) throw error;
        await delay(backoffMs(attempt), this.#clock);
      }
    }
  }

  async #join(): Promise<void> {
    const old = [...this.#segments];
    // A million records take their time: what counts is that they move.
    const { timeoutMs = JOIN_STALL_MS, signal } = this.#call;
    const stall = new Stall(timeoutMs, this.#clock, signal);
    const rows = latest(this.#records(old, () => stall.moved()));
    async function* lines(): AsyncGenerator<string, void> {
      for await (const row of rows) {
        stall.moved();
        if (row.source !== "") yield lineOf(row);
      }
    }
    try {
      await this.#create(lines(), { signal: stall.signal });
    } finally {
      stall.release();
    }
    const paths = old.map(({ path }) => path);
    for (let at = 0; at < paths.length; at += DELETED_AT_ONCE)
      await this.#place.backend.deleteMany(paths.slice(at, at + DELETED_AT_ONCE), this.#call);
    this.#segments = this.#segments.slice(-1);
  }

  /** @param onSegment told of every segment that was read */
  #records(segments: readonly Segment[], onSegment: () => void = () => {}): AsyncIterable<Completion> {
    const { backend } = this.#place;
    const call = this.#call;
    async function* all(): AsyncGenerator<Completion, void> {
      const ahead: Promise<AsyncIterable<Uint8Array>>[] = [];
      for (let at = 0; at < segments.length; at++) {
        for (let next = at + ahead.length; next < Math.min(at + READ_AHEAD, segments.length); next++)
          ahead.push(bodyOf(backend, segments[next] as Segment, call));
        yield* parsed(await (ahead.shift() as Promise<AsyncIterable<Uint8Array>>));
        onSegment();
      }
    }
    return segments.length === 1 ? all() : sortOnDisk(all());
  }
}

/** A segment's bytes: of a small one all, so that several are read at once; of a large one as they come. */
function bodyOf(backend: Backend, { path, size }: Segment, call: CallOptions): Promise<AsyncIterable<Uint8Array>> {
  if (size > SMALL_BYTES) return Promise.resolve(whenAsked(backend, path, call));
  const body = backend.read(path, call).then(async (reader) => inOne(await reader.bytes()));
  // Its error is thrown where its turn comes; until then nobody looks at it.
  body.catch(() => {});
  return body;
}

async function* whenAsked(backend: Backend, path: string, call: CallOptions): AsyncGenerator<Uint8Array, void> {
  yield* await backend.read(path, call);
}

async function* inOne(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

function lineOf({ path, source, destination }: Completion): string {
  const text = JSON.stringify([path, source, destination]);
  return `${text} ${crcOf(text)}\n`;
}

function crcOf(text: string): string {
  const hasher = createHasher("crc32c");
  hasher.update(Buffer.from(text));
  return hasher.digest();
}

/** A record, if it is whole. One that is not is as good as none: what it said is looked at again. */
function recordOf(line: string): Completion | undefined {
  const end = line.lastIndexOf(" ");
  const text = line.slice(0, end);
  if (end < 0 || crcOf(text) !== line.slice(end + 1)) return undefined;
  const [path, source, destination] = JSON.parse(text) as [string, string, string];
  return { path, source, destination };
}

async function* parsed(body: AsyncIterable<Uint8Array>): AsyncGenerator<Completion, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) {
      const record = recordOf(line);
      if (record) yield record;
    }
  }
}

/** Of each path the last word. */
async function* latest(rows: AsyncIterable<Completion>): AsyncGenerator<Completion, void> {
  let last: Completion | undefined;
  for await (const row of rows) {
    if (last && last.path !== row.path) yield last;
    last = row;
  }
  if (last) yield last;
}
