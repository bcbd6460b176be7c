/*
 * The decision protocol of a journalled group, as pure functions. Nothing here does I/O: what asks stores and what searches the protocol for holes
 * (test/journal/search.ts) both call these.
 *
 * Per path the journal has numbered records; the one with the highest number is the head. It says what all members held when it was written
 * (`last`) and what is being changed (`open`). A change is decided when its intent is set into the head. Whoever meets an open intent finishes it
 * on every member before doing anything else.
 */

/** What a member was seen to hold: `null` for nothing. */
export type Sight = { readonly id?: string | undefined; readonly etag?: string | undefined } | null;

/** What every member held when nothing was open. */
export interface Last {
  /** Id of the write, or of the delete. */
  readonly id: string;
  /** The object was deleted: a tombstone. */
  readonly deleted?: true | undefined;
  /** Milliseconds since the epoch, by the decider's clock: for people. */
  readonly at: number;
  readonly counter: number;
  readonly size?: number | undefined;
  /** SHA-256 of the bytes as they were taken. */
  readonly digest?: string | undefined;
  /** Members that were found to hold what somebody else wrote past the journal. */
  readonly foreign?: readonly string[] | undefined;
}

/** A decided change that is not yet confirmed by every member. */
export interface Intent {
  /** The write id. */
  readonly id: string;
  readonly kind: "write" | "delete";
  /**
   * A repair: members lost, past the journal, the write with this id, which was decided and closed before. They get it again from one that has it, under
   * the id that it had; `id` names the repair alone. Only they have tokens.
   */
  readonly restores?: string | undefined;
  readonly at: number;
  readonly counter: number;
  readonly size?: number | undefined;
  readonly digest?: string | undefined;
  /** Staged bytes by member. A delete has them only where the store cannot delete under a condition that never repeats. */
  readonly tokens: Readonly<Record<string, string>>;
  /** What each member held before. */
  readonly bases: Readonly<Record<string, Sight>>;
}

/** A change that was decided, and how it ended. */
export interface Settled {
  readonly id: string;
  readonly outcome: "committed" | "aborted";
}

/** A record of the journal. */
export interface Head {
  readonly v: 1;
  readonly path: string;
  /** From 1, without gaps. */
  readonly seq: number;
  /** Tells this record from another one of the same number. */
  readonly nonce: string;
  readonly last: Last | null;
  readonly open?: Intent | undefined;
  /** The last changes that ended, newest first. */
  readonly recent: readonly Settled[];
}

/** How many ended changes a head remembers. */
export const REMEMBERED = 16;

/** The record that decides an intent. @param newest the head, with nothing open */
export function decide(path: string, newest: Head | undefined, intent: Intent, nonce: string): Head {
  if (newest?.open) throw new Error(`an intent is open at ${path}: it is finished first`);
  return {
    v: 1,
    path,
    seq: (newest?.seq ?? 0) + 1,
    nonce,
    last: newest?.last ?? null,
    open: intent,
    recent: newest?.recent ?? [],
  };
}

/** The record that gives an open intent other tokens. */
export function retoken(head: OpenHead, tokens: Readonly<Record<string, string>>, nonce: string): OpenHead {
  return { ...head, seq: head.seq + 1, nonce, open: { ...head.open, tokens: { ...head.open.tokens, ...tokens } } };
}

/** The record that ends an intent. */
export function close(head: OpenHead, { outcome, foreign }: CloseStep, nonce: string, remembered: number = REMEMBERED): Head {
  const { id, kind, at, counter, size, digest, restores } = head.open;
  const { foreign: _before, ...restored } = head.last ?? { id, at, counter };
  const done: Last = {
    ...(restores === undefined ? { id, at, counter, ...(kind === "delete" ? { deleted: true } : { size, digest }) } : restored),
    ...(foreign.length > 0 ? { foreign } : {}),
  };
  const { open: _, ...rest } = head;
  return {
    ...rest,
    seq: head.seq + 1,
    nonce,
    last: outcome === "committed" ? done : head.last,
    recent: [{ id, outcome }, ...head.recent].slice(0, remembered),
  };
}

/** A head with an intent that is not finished. */
export type OpenHead = Head & { readonly open: Intent };

export function isOpen(head: Head | undefined): head is OpenHead {
  return head?.open !== undefined;
}

/**
 * What became of a record that was created. That nobody had taken its number proves nothing by itself: old records are removed, and a writer that
 * slept may create one of them again. Such a record is never the highest, and says nothing.
 *
 * @param mine what was created
 * @param newest the head, read after that
 */
export function standing(
  mine: Head,
  newest: Head | undefined,
  remembered: number = REMEMBERED,
): "stands" | "lost" | Settled["outcome"] | "unknown" {
  if (newest === undefined || newest.seq < mine.seq) return "unknown";
  if (newest.seq === mine.seq) return newest.nonce === mine.nonce ? "stands" : "lost";
  const id = mine.open?.id;
  if (id !== undefined && newest.open?.id === id) return "stands";
  const settled = newest.recent.find((each) => each.id === id);
  if (settled) return settled.outcome;
  // Every change takes two records at least: so many records later it would still be remembered, had it ever been decided.
  return newest.seq - mine.seq <= 2 * remembered ? "lost" : "unknown";
}

/**
 * The records that can go once a record was added and stands: all below the number that is given, but the first, so that it cannot be made twice.
 *
 * @param seq of the record that was added
 * @param kept how many are left at least
 * @returns `undefined` when nothing is removed now
 */
export function removableBelow(seq: number, kept: number): number | undefined {
  return seq > 2 * kept && seq % kept === 0 ? seq - kept + 1 : undefined;
}

/** The id that an object shows when the intent was carried out. */
export function shownBy({ id, restores }: Intent): string {
  return restores ?? id;
}

/** What is known of a member while an intent is finished. */
export type Known =
  /** Its token was not tried. */
  | { readonly token: "new" }
  /** Its token is consumed, `used` by us or by somebody else; or it is `gone` without that being known. */
  | { readonly token: "used" | "gone"; readonly sight?: Sight | undefined }
  /** It does not answer, or an answer was lost: anything may have happened. */
  | { readonly token: "silent" };

/** What is known of a member before anything was asked. */
export function knownAtFirst(intent: Intent, member: string): Known {
  return { token: intent.tokens[member] === undefined ? "gone" : "new" };
}

export interface CloseStep {
  readonly do: "close";
  readonly outcome: Settled["outcome"];
  readonly foreign: readonly string[];
}

/** What a finisher does next. */
export type Step =
  /** Use up the tokens of these members. */
  | { readonly do: "commit"; readonly members: readonly string[] }
  | { readonly do: "look"; readonly members: readonly string[] }
  | { readonly do: "remove"; readonly members: readonly string[] }
  /** Stage again, from one of those that hold the write (a delete needs no source), set the new tokens into the head, and only then use them. */
  | { readonly do: "restage"; readonly from: readonly string[]; readonly members: readonly string[] }
  /** Some member does not answer: the intent stays open. */
  | { readonly do: "wait"; readonly members: readonly string[] }
  | CloseStep;

/** What a member of a group needs until it has taken part in an intent. */
type Need = "commit" | "look" | "remove" | "copy" | "wait" | "done" | "foreign";

/**
 * Decides the next step of finishing an intent: the one place where that is decided, for the owner, the next writer and `recover()` alike.
 *
 * @param known every member
 */
export function nextStep(intent: Intent, known: ReadonlyMap<string, Known>): Step {
  const needs = new Map<Need, string[]>();
  for (const [member, what] of known) {
    const need = needOf(intent, member, what);
    needs.set(need, [...(needs.get(need) ?? []), member]);
  }
  for (const need of ["commit", "look", "remove"] as const) {
    const members = needs.get(need);
    if (members) return { do: need, members };
  }
  const copies = needs.get("copy");
  const from = needs.get("done") ?? [];
  if (copies && (intent.kind === "delete" || from.length > 0)) return { do: "restage", from, members: copies };
  const silent = needs.get("wait");
  if (silent) return { do: "wait", members: silent };
  const foreign = needs.get("foreign") ?? [];
  // Every token is gone, and nobody shows the write: nobody ever will.
  if (intent.kind === "write" && from.length === 0) return { do: "close", outcome: "aborted", foreign };
  return { do: "close", outcome: "committed", foreign };
}

function needOf(intent: Intent, member: string, what: Known): Need {
  if (what.token === "new") return "commit";
  if (what.token === "silent") return "wait";
  if (intent.kind === "write" && what.token === "used") return "done";
  if (what.sight === undefined) return "look";
  const { sight } = what;
  const isMine = sight !== null && sight.id === shownBy(intent);
  if (intent.kind === "write") {
    if (isMine) return "done";
    return sight === null || isBase(sight, intent.bases[member]) ? "copy" : "foreign";
  }
  if (sight === null) return "done";
  if (isMine) return "remove";
  if (!isBase(sight, intent.bases[member])) return "foreign";
  // With a token the delete first replaces the object by a mark of its own, whose name never repeats; one that is gone is made anew.
  return intent.tokens[member] === undefined ? "remove" : "copy";
}

/** Whether a member shows what it held before. A member that joined since held nothing that counts. */
function isBase(sight: NonNullable<Sight>, base: Sight | undefined): boolean {
  if (base === undefined) return true;
  if (base === null) return false;
  return base.id === undefined ? sight.id === undefined && sight.etag === base.etag : sight.id === base.id;
}

/** The condition of a change, as a member of no store can evaluate it for all. */
export interface Condition {
  readonly ifNoneMatch?: "*" | undefined;
  /** A write id. */
  readonly ifMatch?: string | undefined;
  /** The object still has no write id: it is older than the group. */
  readonly ifUnstamped?: true | undefined;
  /** A repair: this still is the last change that was decided, `null` for none, and some member holds something. */
  readonly ifLast?: string | null | undefined;
}

/**
 * Evaluates a condition in the head.
 *
 * @param held what the group holds
 * @returns the code of the error; `undefined` when the condition holds
 */
export function refusal(
  { ifNoneMatch, ifMatch, ifUnstamped, ifLast }: Condition,
  held: { readonly exists: boolean; readonly id?: string | undefined; readonly last?: string | undefined },
): "ALREADY_EXISTS" | "PRECONDITION_FAILED" | undefined {
  if (ifNoneMatch !== undefined && held.exists) return "ALREADY_EXISTS";
  if (ifMatch !== undefined && !(held.exists && held.id === ifMatch)) return "PRECONDITION_FAILED";
  if (ifLast !== undefined && !(held.exists && (held.last ?? null) === ifLast)) return "PRECONDITION_FAILED";
  if (ifUnstamped && !(held.exists && held.id === undefined)) return "PRECONDITION_FAILED";
  return undefined;
}
