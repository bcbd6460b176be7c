import { createHash } from "node:crypto";
import {
  backoffMs,
  type DriverBody,
  type DriverOptions,
  type DriverWriteOptions,
  delay,
  type ObjectInfo,
  OmniError,
  RESERVED_PREFIX,
  type StagedWrite,
  type WriteConditions,
} from "@omni/core";
import { deleteKey, patch, rewrite } from "./copying.ts";
import { isTransient, statusOf } from "./errors.ts";
import { decodeMetadata } from "./metadata.ts";
import { type Context, descriptionOfCopy, draft, generationOf, infoOf, isFrom, lostCondition, type Resource } from "./objects.ts";
import { isMissing, lookUp, outcomeOf, withOutcome } from "./reading.ts";
import { upload } from "./uploading.ts";

/*
 * A staged write is a temporary object under the reserved prefix. A commit
 *   1. looks at the path; shows it the write's nonce, the write is committed;
 *   2. marks the temporary object with the generation that it is about to replace, under the object's metageneration;
 *   3. rewrites it to the path, under the generation and metageneration of the source and the generation at the path;
 *   4. deletes it.
 * The mark makes the token good for a single use although a process may end between 3 and 4: who finds another generation at the path than the
 * mark says cannot know whether 3 happened and was overwritten since, and leaves the path alone. A new mark changes the metageneration, so that the
 * rewrite of whoever marked before fails, however late it comes.
 */

/** Where temporary objects are, below the backend's root. */
export const STAGE_PREFIX: string = `${RESERVED_PREFIX}stage/`;

/** How often a commit that meets others begins again. */
const ROUNDS = 12;

/** A temporary object and where it is to go. */
interface Staged {
  readonly path: string;
  readonly nonce: string;
  /** Generation of the temporary object. */
  readonly generation: string;
}

/** Takes a body to the store as a temporary object. */
export async function stage(context: Context, path: string, body: DriverBody, options: DriverWriteOptions): Promise<StagedWrite> {
  const named = draft("", options, "0");
  const made = { ...named, key: temporaryKey(context, named.nonce) };
  let resource: Resource;
  try {
    resource = await upload(context, made, body, options);
  } catch (error) {
    if (outcomeOf(error) !== "not-applied") await dropTemporary(context, made.nonce, undefined);
    // Whatever became of the temporary object, nothing shows at the path.
    throw withOutcome(error, "not-applied", options.signal);
  }
  return new Handle(context, { path, nonce: made.nonce, generation: resource.generation }, "staged", options, { resource });
}

/** Finds a staged write again, in whatever state it is. */
export async function resumeStage(context: Context, path: string, token: string, { signal }: DriverOptions): Promise<StagedWrite> {
  const staged = readToken(path, token);
  const resource = await temporaryOf(context, staged, signal);
  // In this order: what was committed meanwhile shows at the path.
  const shown = await lookUp(context, context.key(path), signal);
  if (shown !== undefined && isFrom(shown, staged.nonce))
    return new Handle(context, staged, "committed", {}, { info: infoOf(path, shown) });
  const isOpen = resource !== undefined && !isOvertaken(resource, shown, undefined);
  return new Handle(context, staged, isOpen ? "staged" : "gone", {}, {});
}

class Handle implements StagedWrite {
  readonly token: string;
  readonly state: StagedWrite["state"];
  readonly #context: Context;
  readonly #staged: Staged;
  readonly #conditions: WriteConditions;
  #resource: Resource | undefined;
  #published: ObjectInfo | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    context: Context,
    staged: Staged,
    state: StagedWrite["state"],
    { ifMatch, ifNoneMatch }: WriteConditions,
    known: { readonly resource?: Resource; readonly info?: ObjectInfo },
  ) {
    this.#context = context;
    this.#staged = staged;
    this.#conditions = { ifMatch, ifNoneMatch };
    this.token = writeToken(staged);
    this.state = state;
    this.#resource = known.resource;
    this.#published = known.info;
  }

  readonly commit: StagedWrite["commit"] = (options = {}) => {
    const conditions = (options.ifNoneMatch ?? options.ifMatch) === undefined ? this.#conditions : options;
    const work = async (): Promise<ObjectInfo> => {
      if (this.#published !== undefined) return this.#published;
      const known = this.#resource;
      this.#resource = undefined;
      const resource = await commit(this.#context, this.#staged, known, conditions, options.signal);
      this.#published = infoOf(this.#staged.path, resource);
      return this.#published;
    };
    // One at a time: two commits of one handle would only fence each other off.
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => {
      // Whoever asked hears of it.
    });
    return result;
  };

  readonly discard: StagedWrite["discard"] = async ({ signal } = {}) => {
    const { nonce, generation } = this.#staged;
    try {
      await deleteKey(this.#context, temporaryKey(this.#context, nonce), generation, signal);
    } catch (error) {
      if (!isMissing(error) && statusOf(error) !== 412) throw error;
    }
  };
}

/** Publishes a staged write; an error says what is known of it. */
async function commit(
  context: Context,
  staged: Staged,
  known: Resource | undefined,
  conditions: WriteConditions,
  signal: AbortSignal | undefined,
): Promise<Resource> {
  const progress: Progress = { temporary: known, refused: undefined, inDoubt: false };
  try {
    const wanted = generationOf(conditions);
    for (let round = 1; round <= ROUNDS; round++) {
      if (round > 1) await delay(backoffMs(round - 1, { baseMs: 20 }), undefined, signal);
      const resource = await commitOnce(context, staged, progress, wanted, signal);
      if (resource === undefined) continue;
      await dropTemporary(context, staged.nonce, staged.generation);
      return resource;
    }
  } catch (error) {
    throw withOutcome(error, progress.inDoubt ? "unknown" : "not-applied", signal);
  }
  const reason = `the path was changed by others ${ROUNDS} times while the write was committed: try again`;
  throw new OmniError("UNAVAILABLE", { reason, outcome: progress.inDoubt ? "unknown" : "not-applied" });
}

/** What the rounds of a commit know. */
interface Progress {
  /** The temporary object as it was seen last. */
  temporary: Resource | undefined;
  /** Metageneration of a mark of ours whose rewrite was certainly refused. */
  refused: string | undefined;
  /** Whether a rewrite may have taken effect. */
  inDoubt: boolean;
}

/** One round; `undefined` where others were at the path or at the temporary object meanwhile. */
async function commitOnce(
  context: Context,
  staged: Staged,
  progress: Progress,
  wanted: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Resource | undefined> {
  const temporary = progress.temporary ?? (await temporaryOf(context, staged, signal));
  progress.temporary = undefined;
  // After the temporary object: who removed it made the object before.
  const shown = await lookUp(context, context.key(staged.path), signal);
  if (shown !== undefined && isFrom(shown, staged.nonce)) return shown;
  if (temporary === undefined) throw gone(false);
  if (isOvertaken(temporary, shown, progress.refused)) {
    // Whoever marked it may have made its object.
    progress.inDoubt = true;
    throw gone(true);
  }
  const base = shown?.generation ?? "0";
  if (wanted !== undefined && wanted !== base) throw lostCondition(wanted, progress.inDoubt ? "unknown" : "not-applied", undefined);
  const marked = await mark(context, temporary, base, signal);
  if (marked === undefined) return undefined;
  const { name, generation, metageneration } = marked;
  const made = {
    key: context.key(staged.path),
    nonce: staged.nonce,
    description: descriptionOfCopy(marked, staged.nonce),
    over: base,
  };
  try {
    return await rewrite(context, { key: name, generation, metageneration }, made, signal);
  } catch (error) {
    const isInDoubt = outcomeOf(error) !== "not-applied";
    progress.inDoubt ||= isInDoubt;
    const isRefused = OmniError.is(error, "ALREADY_EXISTS", "PRECONDITION_FAILED");
    if (signal?.aborted || !(isRefused || isMissing(error))) throw error;
    if (isRefused && !isInDoubt) Object.assign(progress, { temporary: marked, refused: metageneration });
    return undefined;
  }
}

/** Marks a temporary object; `undefined` where it changed meanwhile, or may have. */
async function mark(
  context: Context,
  temporary: Resource,
  base: string,
  signal: AbortSignal | undefined,
): Promise<Resource | undefined> {
  try {
    return await patch(context, temporary, { metadata: { "omni-base": base } }, signal);
  } catch (error) {
    const canGoOn = statusOf(error) === 412 || isMissing(error) || isTransient(error);
    if (signal?.aborted || !canGoOn) throw withOutcome(error, "not-applied", signal);
    return undefined;
  }
}

/** Whether another generation stands at the path than a commit that began would have replaced. */
function isOvertaken(temporary: Resource, shown: Resource | undefined, refused: string | undefined): boolean {
  const { base } = decodeMetadata(temporary.metadata);
  return base !== undefined && base !== (shown?.generation ?? "0") && temporary.metageneration !== refused;
}

function gone(isLeft: boolean): OmniError {
  const reason = isLeft
    ? "the staged write was being committed when its process ended, and the path was written since: what was there is not known, and it is left alone"
    : "the staged write is gone: it was discarded or swept, or another write replaced it after its commit";
  return new OmniError("NOT_FOUND", { reason });
}

async function temporaryOf(
  context: Context,
  { nonce, generation }: Staged,
  signal: AbortSignal | undefined,
): Promise<Resource | undefined> {
  const found = await lookUp(context, temporaryKey(context, nonce), signal);
  return found?.generation === generation ? found : undefined;
}

async function dropTemporary(context: Context, nonce: string, generation: string | undefined): Promise<void> {
  try {
    await deleteKey(context, temporaryKey(context, nonce), generation, AbortSignal.timeout(context.settings.socketTimeoutMs));
  } catch {
    // It is of no use any more: its mark keeps it from being published, and sweepStale() finds it later.
  }
}

function temporaryKey(context: Context, nonce: string): string {
  return context.key(STAGE_PREFIX + nonce);
}

/** A token: version, nonce, generation of the temporary object, and a mark of the path. */
function writeToken({ path, nonce, generation }: Staged): string {
  return ["1", nonce, BigInt(generation).toString(36), pathMark(path)].join(".");
}

/** The nonce in a token of a staged write; `undefined` for anything else. */
export function nonceOfToken(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

const TOKEN = /^1\.([0-9a-f-]{36})\.([0-9a-z]{1,13})\.([\w-]{8})$/;

function readToken(path: string, token: string): Staged {
  const [, nonce, generation, mark] = TOKEN.exec(token) ?? [];
  if (nonce === undefined || generation === undefined)
    throw new OmniError("INVALID_ARGUMENT", {
      reason: "this is no token of a staged write at Google Cloud Storage; give the string that stage() gave",
      outcome: "not-applied",
    });
  if (mark !== pathMark(path))
    throw new OmniError("INVALID_ARGUMENT", {
      reason: "the token belongs to another path; give the path that stage() was given",
      outcome: "not-applied",
    });
  let number = 0n;
  for (const digit of generation) number = number * 36n + BigInt(Number.parseInt(digit, 36));
  return { path, nonce, generation: String(number) };
}

function pathMark(path: string): string {
  return createHash("sha256").update(path).digest("base64url").slice(0, 8);
}
