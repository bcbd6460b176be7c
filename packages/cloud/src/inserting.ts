import { type Backend, createHasher, MultiError, OmniError } from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import { normaliseFilename } from "./filename.ts";
import { choose } from "./routing.ts";
import { placesOf, staysWithin } from "./rules.ts";
import type { Slot } from "./slot.ts";
import type { UploadSource } from "./source.ts";
import type { StoredObject } from "./stored-object.ts";
import { type InsertOptions, openUpload, type Upload } from "./upload.ts";

/**
 * Stores a file.
 *
 * @param only the cloud that the caller named; `undefined` = by route
 * @throws OmniError what the source or the last cloud said; MultiError when several clouds were tried
 */
export async function insert(set: CloudSet, source: UploadSource, options: InsertOptions, only?: string): Promise<StoredObject> {
  const upload = await openUpload(set, source, options);
  try {
    // An object that was loaded from where it had to stay does not leave by being inserted elsewhere.
    const kept = residencyOfSource(source);
    const choice =
      only === undefined ? await choose(set, upload.facts) : { slots: [set.slot("insert", only)], residency: undefined };
    const residency = narrowed(choice.residency, kept);
    const slots = choice.slots.filter((slot) => staysWithin(set.placesOf(slot), residency));
    if (slots.length === 0) throw leavesResidency(set, "insert", choice.slots, residency);
    const object = await tryInTurn(set, slots, upload, options, residency);
    if (set.catalogue) await catalogued(set, object);
    return object;
  } finally {
    await upload.replay.close();
  }
}

function residencyOfSource(source: UploadSource): readonly string[] | undefined {
  return typeof source === "object" && "residency" in source ? (source.residency as readonly string[] | undefined) : undefined;
}

/** What both allow. */
export function narrowed(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  return a && b ? a.filter((place) => b.includes(place)) : (a ?? b);
}

/** The error for a place where a file must not go. */
export function leavesResidency(
  set: CloudSet,
  operation: string,
  slots: readonly Slot[],
  residency: readonly string[] | undefined,
): OmniError {
  const clouds = slots.map((slot) => `${slot.name} is in ${placesOf(set.placesOf(slot))}`).join(", ");
  return new OmniError("INVALID_ARGUMENT", {
    backend: "cloud",
    operation,
    reason: `the file must stay in ${residency?.join(", ") || "places that exclude each other"}; ${clouds}`,
    outcome: "not-applied",
  });
}

async function tryInTurn(
  set: CloudSet,
  slots: readonly Slot[],
  upload: Upload,
  options: InsertOptions,
  residency: readonly string[] | undefined,
): Promise<StoredObject> {
  const outcomes: { member: string; state: "failed"; error: Error }[] = [];
  for (const slot of slots) {
    if (outcomes.length > 0 && !(await upload.replay.restart())) break;
    try {
      return await watched(set, slot, upload, () => store(set, slot, upload, options, residency));
    } catch (error) {
      if (!mayGoOn(error, upload, options)) throw error;
      const failure = error as OmniError;
      set.family.logger?.warn(
        { cloud: slot.name, id: upload.id, code: failure.code, outcome: failure.outcome },
        "insert failed at a cloud",
      );
      outcomes.push({ member: slot.name, state: "failed", error: failure });
    }
  }
  if (outcomes.length === 1) throw (outcomes[0] as (typeof outcomes)[number]).error;
  throw new MultiError("PARTIAL_FAILURE", outcomes, { backend: "cloud", operation: "insert" });
}

/** Whether the next cloud is tried: this one failed by itself, and nobody has given up. */
function mayGoOn(error: unknown, { replay }: Upload, { signal }: InsertOptions): boolean {
  return !replay.failure && !signal?.aborted && isOutage(error);
}

/** Whether an error says that a cloud does not work just now, and not that the call was wrong. */
function isOutage(error: unknown): boolean {
  return OmniError.is(error) && (error.retryable || OmniError.is(error, "IN_DOUBT", "QUORUM_FAILED", "PARTIAL_FAILURE"));
}

/** Tells the cloud's breaker how it went, and how long it took. */
async function watched<T>({ family }: CloudSet, slot: Slot, { replay }: Upload, work: () => Promise<T>): Promise<T> {
  // Asked so that a trial is one; a cloud that rests is only here when nobody else is left.
  slot.breaker.allows();
  const begun = family.clock.now();
  try {
    const result = await work();
    slot.breaker.record("success");
    slot.took(family.clock.now() - begun);
    return result;
  } catch (error) {
    slot.breaker.record(!replay.failure && isOutage(error) ? "failure" : "neutral");
    throw error;
  }
}

async function store(
  set: CloudSet,
  slot: Slot,
  { id, facts, metadata, replay }: Upload,
  options: InsertOptions,
  residency: readonly string[] | undefined,
): Promise<StoredObject> {
  const backend = await slot.backend();
  const path = pathOf(slot, facts.prefix, id, facts.filename);
  const tally = new Tally();
  const { contentHeaders, customMetadata } = backend.features;
  const info = await backend.write(path, tally.count(replay.body()), {
    ...(contentHeaders
      ? { contentType: facts.contentType, cacheControl: options.cacheControl, contentDisposition: options.contentDisposition }
      : {}),
    // A store that keeps none would refuse it; the object and its row have it.
    ...(customMetadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...(facts.size === undefined ? {} : { sizeBytes: facts.size }),
    ...(options.id !== undefined && backend.features.conditional.create ? { ifNoneMatch: "*" as const } : {}),
    onProgress: options.onProgress,
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? slot.definition.timeoutMs,
  });
  if (info.hashes?.sha256 !== undefined && info.hashes.sha256 !== tally.digest) {
    await withdraw(set, { cloud: slot.name, path });
    throw wrongDigest(backend, path, tally.digest, info.hashes.sha256);
  }
  const now = new Date(set.family.clock.now()).toISOString();
  return {
    id,
    filename: facts.filename,
    path,
    cloud: slot.name,
    contentType: facts.contentType,
    size: tally.bytes,
    region: slot.definition.region ?? facts.region ?? null,
    digest: `sha256:${tally.digest}`,
    metadata,
    createdAt: now,
    updatedAt: now,
    ...(residency ? { residency } : {}),
  };
}

/** `<the cloud's prefix>/<the upload's prefix>/<id>/<normalised filename>`. */
export function pathOf(slot: Slot, prefix: string | undefined, id: string, filename: string): string {
  const own = slot.definition.prefix?.replace(/^\/+|\/+$/g, "");
  return [own, prefix, id, normaliseFilename(filename)].filter((part) => part).join("/");
}

/** Counts and digests bytes on their way. */
export class Tally {
  readonly #hasher = createHasher("sha256");
  #digest: string | undefined;
  bytes = 0;

  async *count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of source) {
      this.#hasher.update(chunk);
      this.bytes += chunk.byteLength;
      yield chunk;
    }
    this.#digest = this.#hasher.digest();
  }

  /** Lower-case hexadecimal, of what has passed; asked for when all of it has. */
  get digest(): string {
    this.#digest ??= this.#hasher.digest();
    return this.#digest;
  }
}

function wrongDigest(backend: Backend, path: string, sent: string, stated: string): OmniError {
  return new OmniError("CHECKSUM_MISMATCH", {
    backend: backend.driver.scheme,
    operation: "insert",
    path,
    reason: `the store states sha256 ${stated}, ${sent} was sent`,
    outcome: "not-applied",
  });
}

/** Adds the row; an object whose row cannot be added is withdrawn, for nobody would find it. */
async function catalogued(set: CloudSet, object: StoredObject): Promise<void> {
  try {
    await set.catalogue?.insert(object);
  } catch (error) {
    await withdraw(set, object);
    throw error;
  }
}

/** Deletes an object that this process just made; when that fails too, `reconcile` finds it. */
export async function withdraw(set: CloudSet, object: Pick<StoredObject, "cloud" | "path">): Promise<void> {
  try {
    await (await set.slot("insert", object.cloud).backend()).delete(object.path);
  } catch (error) {
    set.family.logger?.warn(
      { cloud: object.cloud, path: object.path, error },
      "an object without a row was left; reconcile finds it",
    );
  }
}
