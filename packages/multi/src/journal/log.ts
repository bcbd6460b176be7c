import { createHash } from "node:crypto";
import { type Backend, backoffMs, type Clock, comparePaths, delay, type Logger, layer, OmniError, systemClock } from "@omni/core";
import type { MultiSettings } from "../options.ts";
import { isNotApplied } from "../outcome.ts";
import { type Head, isOpen, type OpenHead, removableBelow, type Settled, standing } from "./protocol.ts";

/** Where a group's records are in the journal, under the reserved prefix, so that they may live on a member too. */
export const JOURNAL_PREFIX = ".omni/multi/";
const HEADS = `${JOURNAL_PREFIX}heads/`;

/** How often a record whose answer was lost is tried again: the same record, so that it does not matter which try made it. */
const TRIES = 5;
/** Records of a path that are always kept, beside the first. */
const KEPT = 8;
const CACHED = 1_000;

type LogSettings = Pick<MultiSettings, "clock" | "memberTimeoutMs" | "logger">;

/** What became of a record that was added. */
export type Added = "stands" | "lost" | Settled["outcome"];

/**
 * The heads of all paths: records created only where nothing is, `heads/<hash of the path>/<number>`, the highest number counts. That is the one
 * condition which every store has, and it is free of ABA.
 *
 * Old records are removed, the highest and the first never. So the first cannot be made twice, and of any other one a look for a higher one tells
 * whether it was made again by somebody who slept ({@link standing}).
 *
 * A record's length is odd when an intent is open in it, even when not: a listing finds the open ones.
 */
export class HeadLog {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #logger: Logger | undefined;
  // Records never change: one that a listing names again need not be read again.
  readonly #cache = new Map<string, Head>();

  constructor(journal: Backend, { clock = systemClock, memberTimeoutMs, logger }: LogSettings) {
    this.#backend = layer(journal, () => ({}), { reserved: true });
    this.#clock = clock;
    this.#timeoutMs = memberTimeoutMs;
    this.#logger = logger;
  }

  /** The head of a path; `undefined` where nothing was ever decided. */
  async head(path: string, signal?: AbortSignal): Promise<Head | undefined> {
    return this.#headIn(folderOf(path), signal);
  }

  /**
   * Adds a record after the head.
   *
   * @param record made by `decide`, `retoken` or `close`
   * @param verifies whether to look if it stands; needless only for who knows what became of the change without it
   * @throws OmniError what the journal says, `outcome: "not-applied"` when the record is certainly not there; IN_DOUBT when that cannot be known
   */
  async add(record: Head, verifies = true): Promise<Added> {
    const folder = folderOf(record.path);
    const added = await this.#create(folder, record);
    if (added === "lost") return "lost";
    // Taken for the head only where a listing shows no higher one.
    this.#remember(folder, record);
    if (record.seq === 1) return "stands";
    const fate = verifies ? standing(record, await this.#newest(folder, record)) : "stands";
    if (fate === "unknown") throw inDoubt(record, undefined);
    const below = fate === "stands" ? removableBelow(record.seq, KEPT) : undefined;
    if (below !== undefined) await this.#compact(folder, below);
    return fate;
  }

  /** Heads with an open intent. Reads only what a listing shows to be open. */
  async *open(signal?: AbortSignal): AsyncGenerator<OpenHead, void> {
    const { sortedList } = this.#backend.features;
    const newest = new Map<string, { readonly seq: number; readonly isOpen: boolean }>();
    for await (const { path, size } of this.#backend.list(HEADS, { signal, timeoutMs: this.#timeoutMs })) {
      const folder = path.slice(0, path.lastIndexOf("/") + 1);
      const seq = Number(path.slice(folder.length));
      if (sortedList && !newest.has(folder)) yield* this.#openIn(newest, signal);
      if (seq > (newest.get(folder)?.seq ?? 0)) newest.set(folder, { seq, isOpen: size % 2 === 1 });
    }
    yield* this.#openIn(newest, signal);
  }

  async *#openIn(
    newest: Map<string, { readonly isOpen: boolean }>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<OpenHead, void> {
    for (const [folder, { isOpen: shownOpen }] of newest) {
      const head = shownOpen ? await this.#headIn(folder, signal) : undefined;
      if (isOpen(head)) yield head;
    }
    newest.clear();
  }

  async #headIn(folder: string, signal: AbortSignal | undefined): Promise<Head | undefined> {
    while (true) {
      const seq = Math.max(0, ...(await this.#numbers(folder, signal)));
      if (seq === 0) return undefined;
      const known = this.#cache.get(folder);
      if (known?.seq === seq) return known;
      const head = await this.#read(folder, seq, signal);
      // Removed meanwhile: there is a higher one.
      if (head === undefined) continue;
      this.#remember(folder, head);
      return head;
    }
  }

  async #numbers(folder: string, signal: AbortSignal | undefined): Promise<number[]> {
    const numbers: number[] = [];
    for await (const { path } of this.#backend.list(folder, { signal, timeoutMs: this.#timeoutMs }))
      numbers.push(Number(path.slice(folder.length)));
    return numbers;
  }

  async #read(folder: string, seq: number, signal?: AbortSignal): Promise<Head | undefined> {
    try {
      const reader = await this.#backend.read(nameOf(folder, seq), { signal, timeoutMs: this.#timeoutMs });
      return parse(await reader.text(), nameOf(folder, seq));
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }

  async #create(folder: string, record: Head): Promise<"created" | "lost"> {
    const text = encode(record);
    let doubt: unknown;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#backend.write(nameOf(folder, record.seq), text, { ifNoneMatch: "*", timeoutMs: this.#timeoutMs });
        return "created";
      } catch (error) {
        if (OmniError.is(error, "ALREADY_EXISTS")) {
          const there = await this.#asked(record, doubt, () => this.#read(folder, record.seq));
          // Gone again already: the look for a higher one will tell whose it was.
          return there === undefined || there.nonce === record.nonce ? "created" : "lost";
        }
        if (doubt === undefined && isNotApplied(error)) throw error;
        doubt = error;
        if (attempt === TRIES) throw inDoubt(record, error);
        await delay(backoffMs(attempt, { baseMs: 50 }), this.#clock);
      }
    }
  }

  /** The head after a record was added; whoever cannot ask does not know what became of it. */
  async #newest(folder: string, record: Head): Promise<Head | undefined> {
    return this.#asked(record, undefined, () => this.#headIn(folder, undefined));
  }

  async #asked<T>(record: Head, doubt: unknown, ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask();
      } catch (error) {
        if (attempt === TRIES) throw inDoubt(record, doubt ?? error);
        await delay(backoffMs(attempt, { baseMs: 50 }), this.#clock);
      }
    }
  }

  async #compact(folder: string, below: number): Promise<void> {
    try {
      const names = (await this.#numbers(folder, undefined))
        .filter((seq) => seq > 1 && seq < below)
        .map((seq) => nameOf(folder, seq))
        .sort(comparePaths);
      await this.#backend.deleteMany(names, { timeoutMs: this.#timeoutMs });
    } catch (error) {
      // The change itself is done, and what is left here is removed the next time.
      this.#logger?.debug({ folder, error }, "old records of the journal could not be removed");
    }
  }

  #remember(folder: string, head: Head): void {
    this.#cache.delete(folder);
    this.#cache.set(folder, head);
    if (this.#cache.size <= CACHED) return;
    const [oldest] = this.#cache.keys();
    this.#cache.delete(oldest as string);
  }
}

function inDoubt({ path, open }: Head, cause: unknown): OmniError {
  const what = open ? `whether intent ${open.id} was decided` : "whether the end of the intent was recorded";
  const reason = `the journal does not say ${what}; recover() finishes it if it was`;
  return new OmniError("IN_DOUBT", { backend: "multi", operation: "journal", path, reason, outcome: "unknown", cause });
}

function folderOf(path: string): string {
  return `${HEADS}${createHash("sha256").update(path).digest("hex").slice(0, 40)}/`;
}

// Of one width, so that the order of names is the order of numbers.
function nameOf(folder: string, seq: number): string {
  return `${folder}${String(seq).padStart(10, "0")}`;
}

function encode(record: Head): string {
  const text = JSON.stringify(record);
  const isOdd = Buffer.byteLength(text) % 2 === 1;
  return isOdd === isOpen(record) ? text : `${text} `;
}

function parse(text: string, name: string): Head {
  const head = JSON.parse(text) as Head;
  if (head.v === 1) return head;
  const reason = `the journal's record ${name} has version ${head.v}, this package knows version 1: use the newer one`;
  throw new OmniError("NOT_SUPPORTED", { backend: "multi", operation: "journal", reason });
}
