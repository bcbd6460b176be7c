import { type ObjectInfo, OmniError } from "@omni/core";
import { listingOf, type MergedRow, mergeListings } from "@omni/core/merge";
import type { Group } from "./group.ts";
import { inOrder } from "./ordered.ts";
import {
  areOrdered,
  type ContentCheck,
  compareObjects,
  type Held,
  isSurelyMissed,
  lookAtAll,
  type MemberSight,
  PROOFS,
  type Proof,
  referenceOf,
} from "./sights.ts";

/** Objects looked at side by side. */
const SIDE_BY_SIDE = 16;

/** What `verify` compares, and how closely. */
export interface VerifyOptions {
  /** Only paths that start with it. @default all */
  readonly prefix?: string | undefined;
  /**
   * `digest`: the digests that the stores state, else the write ids, else both are read. `size`: what the listings say; nothing is read.
   * @default "digest"
   */
  readonly content?: ContentCheck | undefined;
  /** Goes on after this path: the `cursor` of an earlier verification. */
  readonly cursor?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was found at one path. */
export interface ObjectVerdict {
  readonly path: string;
  /** Every member holds the same, or, after a delete that is known of, nothing. */
  readonly equal: boolean;
  /** The weakest of the proofs that were used. */
  readonly proof: Proof;
  /** Bytes of the object that stands for the path. */
  readonly bytes: number;
  /** Members that hold nothing. */
  readonly missingOn: readonly string[];
  /** Members that hold something else than the highest version, or than the first member that holds something. */
  readonly differsOn: readonly string[];
  /** Members that hold an object that was deleted. Without a journal nobody knows of deletes. */
  readonly extraOn: readonly string[];
  /** Members that did not answer. */
  readonly silentOn: readonly string[];
  /** Nothing says which member is right; `repair` leaves it alone unless told. */
  readonly ambiguous: boolean;
}

/** The sum of a verification. */
export interface VerifySummary {
  readonly objects: number;
  readonly bytes: number;
  readonly equal: number;
  /** Objects that some member misses. */
  readonly missing: number;
  readonly differs: number;
  readonly extra: number;
  /** Objects at which some member did not answer. */
  readonly silent: number;
  readonly ambiguous: number;
  /** How often each proof was the weakest. */
  readonly proofs: Readonly<Record<Proof, number>>;
  /** Every object was looked at and is equal on every member. */
  readonly clean: boolean;
  /** Where to go on, when it was stopped. */
  readonly cursor: string | undefined;
}

/**
 * Compares what the members hold, path by path in byte order, in constant memory. Iterate it for every object, or ask for the `summary()`; once.
 */
export class Verification implements AsyncIterable<ObjectVerdict> {
  readonly #verdicts: AsyncGenerator<ObjectVerdict, void>;
  readonly #counts: {
    -readonly [K in "objects" | "bytes" | "equal" | "missing" | "differs" | "extra" | "silent" | "ambiguous"]: number;
  } = { objects: 0, bytes: 0, equal: 0, missing: 0, differs: 0, extra: 0, silent: 0, ambiguous: 0 };
  readonly #proofs: Record<Proof, number> = { read: 0, digest: 0, "write id": 0, size: 0 };
  #cursor: string | undefined;
  #complete = false;

  constructor(group: Group, options: VerifyOptions) {
    this.#cursor = options.cursor;
    this.#verdicts = this.#count(verdicts(group, options));
  }

  /** Compares, and gives a verdict on each object. */
  [Symbol.asyncIterator](): AsyncIterator<ObjectVerdict> {
    return this.#verdicts;
  }

  /** The last path that was given: a later verification goes on after it. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Counts of what was looked at so far. */
  get counts(): VerifySummary {
    const { objects, equal } = this.#counts;
    const clean = this.#complete && equal === objects;
    return { ...this.#counts, proofs: { ...this.#proofs }, clean, cursor: this.#complete ? undefined : this.#cursor };
  }

  /** Goes through to the end. */
  async summary(): Promise<VerifySummary> {
    for await (const _ of this.#verdicts);
    return this.counts;
  }

  /** Every object that is not equal, and the summary at the end, as lines of JSON. */
  async *json(): AsyncGenerator<string, void> {
    for await (const verdict of this.#verdicts) if (!verdict.equal) yield `${JSON.stringify(verdict)}\n`;
    yield `${JSON.stringify({ summary: this.counts })}\n`;
  }

  /** Every object that is not equal, and the summary at the end, as lines to be read. */
  async *text(): AsyncGenerator<string, void> {
    for await (const verdict of this.#verdicts) if (!verdict.equal) yield `${describe(verdict)}\n`;
    const { objects, bytes, equal, missing, differs, extra, silent, ambiguous, proofs } = this.counts;
    const used = PROOFS.flatMap((proof) => (proofs[proof] > 0 ? [`${proof} ${proofs[proof]}`] : []));
    yield `${objects} objects, ${bytes} bytes: ${equal} equal, ${missing} missing, ${differs} differ, ${extra} extra, ${silent} unanswered, ${ambiguous} ambiguous (by ${used.join(", ") || "nothing"})\n`;
  }

  async *#count(source: AsyncIterable<ObjectVerdict>): AsyncGenerator<ObjectVerdict, void> {
    const counts = this.#counts;
    for await (const verdict of source) {
      counts.objects += 1;
      counts.bytes += verdict.bytes;
      if (verdict.equal) counts.equal += 1;
      if (verdict.missingOn.length > 0) counts.missing += 1;
      if (verdict.differsOn.length > 0) counts.differs += 1;
      if (verdict.extraOn.length > 0) counts.extra += 1;
      if (verdict.silentOn.length > 0) counts.silent += 1;
      if (verdict.ambiguous) counts.ambiguous += 1;
      this.#proofs[verdict.proof] += 1;
      this.#cursor = verdict.path;
      yield verdict;
    }
    this.#complete = true;
  }
}

/** What all members list, path by path. A member that does not list ends it: a report that looks whole and is not would be worse. */
export async function* rowsOf(
  group: Group,
  { prefix = "", cursor, signal }: Pick<VerifyOptions, "prefix" | "cursor" | "signal">,
): AsyncGenerator<MergedRow, void> {
  const timeoutMs = group.settings.memberTimeoutMs;
  const listings = group.members.map(({ name, backend }) => ({
    ...listingOf(backend, prefix, { startAfter: cursor, timeoutMs, signal }),
    name,
  }));
  for await (const row of mergeListings(listings, { signal }))
    if (row.entries.some((entry) => entry !== undefined && !entry.isDirectory)) yield row;
}

async function* verdicts(group: Group, options: VerifyOptions): AsyncGenerator<ObjectVerdict, void> {
  const { content = "digest", signal } = options;
  if (content !== "digest" && content !== "size")
    throw new OmniError("INVALID_ARGUMENT", {
      backend: "multi",
      operation: "verify",
      reason: `content is "digest" or "size", not ${JSON.stringify(content)}`,
    });
  yield* inOrder(rowsOf(group, options), SIDE_BY_SIDE, async (row) => {
    const listed = group.members.map((member, at): MemberSight => ({ member, info: row.entries[at] }));
    // What a listing leaves out only the object itself says.
    const sights = content === "size" || isTold(row) ? listed : await lookAtAll(group, row.path, signal);
    const first = await judge(group, row.path, sights, content, signal);
    // It may have changed while the listings were under way.
    return first.equal ? first : judge(group, row.path, await lookAtAll(group, row.path, signal), content, signal);
  });
}

/** Whether the listings say enough of every object: a write id, and a digest where the store has one. */
function isTold({ entries }: MergedRow): boolean {
  return entries.every((entry) => entry?.stamp !== undefined && entry.hashes !== undefined);
}

async function judge(
  group: Group,
  path: string,
  sights: readonly MemberSight[],
  content: ContentCheck,
  signal: AbortSignal | undefined,
): Promise<ObjectVerdict> {
  const held = sights.filter((sight): sight is MemberSight & { readonly info: ObjectInfo } => sight.info !== undefined);
  const silent = sights.filter(({ error }) => error !== undefined);
  const missing = sights.filter(({ info, error }) => info === undefined && error === undefined);
  const decided = held.length > 0 && missing.length > 0 ? await group.notes?.decided(path) : undefined;
  const reference = referenceOf(held);
  const { differing, proof } = await compareAll(group, held, reference, content, signal);
  const isDeleted = decided?.state === "deleted";
  const unordered = differing.some(({ info }) => !areOrdered(info, (reference as Held).info));
  const unexplained = missing.length > 0 && held.length > 0 && !decided && !isSurelyMissed(group, held.length);
  const names = (list: readonly MemberSight[]): readonly string[] => list.map(({ member }) => member.name);
  return {
    path,
    equal: silent.length === 0 && differing.length === 0 && (missing.length === 0 || held.length === 0),
    proof,
    bytes: reference?.info.size ?? 0,
    missingOn: isDeleted || held.length === 0 ? [] : names(missing),
    differsOn: names(differing),
    extraOn: isDeleted ? names(held) : [],
    silentOn: names(silent),
    ambiguous: unordered || unexplained,
  };
}

async function compareAll(
  group: Group,
  held: readonly Held[],
  reference: Held | undefined,
  content: ContentCheck,
  signal: AbortSignal | undefined,
): Promise<{ readonly differing: readonly Held[]; readonly proof: Proof }> {
  const call = { signal, timeoutMs: group.settings.memberTimeoutMs };
  const others = held.filter((each) => each !== reference);
  const compared = await Promise.all(
    others.map(async (each) => ({ each, ...(await compareObjects(reference as Held, each, content, call)) })),
  );
  const weakest = Math.max(-1, ...compared.map(({ proof }) => PROOFS.indexOf(proof)));
  return {
    differing: compared.filter(({ equal }) => !equal).map(({ each }) => each),
    // Of one object alone only its presence is known.
    proof: PROOFS[weakest] ?? "size",
  };
}

function describe({ path, missingOn, differsOn, extraOn, silentOn, ambiguous, proof }: ObjectVerdict): string {
  const parts = [
    ["missing on", missingOn],
    ["differs on", differsOn],
    ["extra on", extraOn],
    ["no answer from", silentOn],
  ] as const;
  const found = parts.flatMap(([words, names]) => (names.length > 0 ? [`${words} ${names.join(", ")}`] : []));
  return `${JSON.stringify(path)}: ${found.join("; ")} (by ${proof}${ambiguous ? ", ambiguous" : ""})`;
}
