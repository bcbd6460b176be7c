import { randomUUID } from "node:crypto";
import {
  type Backend,
  type DriverBody,
  type DriverDeleteOptions,
  type DriverOptions,
  type DriverWriteOptions,
  MultiError,
  type ObjectInfo,
  OmniError,
  systemClock,
} from "@omni/core";
import { type Group, groupInfo } from "../group.ts";
import type { MultiObjectInfo, WriteOutcome } from "../outcome.ts";
import { Decider, type Decision, type Handles, tokensOf, withIntent } from "./decider.ts";
import { isMark } from "./deleting.ts";
import type { Finished } from "./finish.ts";
import { type GroupRecord, openGroup } from "./group-record.ts";
import { HeadLog } from "./log.ts";
import { type Condition, decide, type Head, type Intent, isOpen, refusal, type Sight } from "./protocol.ts";
import { type Loss, restore } from "./restoring.ts";
import { stageEverywhere } from "./stage-all.ts";
import { carriedByAll } from "./stage-copy.ts";

export interface JournalOptions {
  readonly adopt: boolean;
  readonly changeMembers: boolean;
}

/** What the group holds at a path before a change. */
interface Held {
  readonly exists: boolean;
  readonly id?: string | undefined;
  /** The change that was decided last. */
  readonly last?: string | undefined;
  readonly bases: Readonly<Record<string, Sight>>;
}

/** What is to be decided: all but what depends on the head. */
type Plan = Pick<Intent, "kind" | "tokens" | "size" | "digest"> & { readonly id: string };

/** How a decided change of this process ended; `undefined` where there was nothing to change. */
type Decided = Decision | undefined;

/** Changes of a group under `all`, each decided in the journal before any member is touched, and finished on every member. */
export class Journal {
  readonly log: HeadLog;
  readonly #group: Group;
  readonly #backend: Backend;
  readonly #options: JournalOptions;
  readonly #decider: Decider;
  #opened: Promise<GroupRecord> | undefined;

  constructor(group: Group, backend: Backend, options: JournalOptions) {
    this.#group = group;
    this.#backend = backend;
    this.#options = options;
    this.log = new HeadLog(backend, group.settings);
    this.#decider = new Decider(group, this.log);
  }

  /** Writes to every member. */
  async write(path: string, body: DriverBody, options: DriverWriteOptions & Condition): Promise<MultiObjectInfo> {
    const { signal, ifMatch, ifNoneMatch, ifLast, ...rest } = options;
    const condition = { ifMatch, ifNoneMatch, ifLast };
    // Whoever cannot reach the journal must not stage.
    const before = await this.#head("write", path, signal);
    if (!isOpen(before)) this.#check("write", path, condition, await this.#held(path, before, condition));
    const stamp = rest.stamp ?? { id: randomUUID(), counter: (before?.seq ?? 0) + 1 };
    const { handles, size, digest } = await stageEverywhere(this.#group, path, body, { ...rest, stamp });
    const tokens = tokensOf(handles);
    const done = await this.#decide(
      "write",
      path,
      { id: stamp.id, kind: "write", tokens, size, digest },
      condition,
      before,
      handles,
      signal,
    );
    return this.#written(path, done as NonNullable<Decided>, size);
  }

  /** Deletes at every member; a missing object is no error. */
  async delete(path: string, { signal, ifMatch, ifUnstamped, ifLast }: DriverDeleteOptions & Condition): Promise<void> {
    const condition = { ifMatch, ifUnstamped, ifLast };
    const before = await this.#head("delete", path, signal);
    if (!isOpen(before)) {
      const held = await this.#held(path, before, condition);
      this.#check("delete", path, condition, held);
      if (!held.exists) return;
    }
    const id = randomUUID();
    const handles = await this.#decider.stageMarks(path, id, before);
    const tokens = tokensOf(handles);
    const done = await this.#decide("delete", path, { id, kind: "delete", tokens }, condition, before, handles, signal);
    if (!done) return;
    const outcomes = this.#outcomes(done.finished, 0);
    this.#group.events.emit("delete", { path, outcomes });
    if (done.finished.outcome !== "committed" || done.finished.foreign.length > 0)
      throw this.#failure("delete", path, done, outcomes);
  }

  /** Copies an object within the group: a write whose source is pinned by being read from one member under one write id. */
  async copy(from: string, to: string, { signal }: DriverOptions, read: Reading): Promise<ObjectInfo> {
    return (await this.#copied(from, to, signal, read)).info;
  }

  /** Moves an object: when the copy is closed, the source is deleted, if it still is what was copied. */
  async move(from: string, to: string, { signal }: DriverOptions, read: Reading): Promise<ObjectInfo> {
    const { info, source } = await this.#copied(from, to, signal, read);
    await this.delete(from, { signal, ...(source.etag === undefined ? { ifUnstamped: true } : { ifMatch: source.etag }) });
    return info;
  }

  async #copied(
    from: string,
    to: string,
    signal: AbortSignal | undefined,
    read: Reading,
  ): Promise<{ readonly info: ObjectInfo; readonly source: ObjectInfo }> {
    const { info: source, body } = await read(from, { signal });
    try {
      return {
        info: await this.write(to, body, { ...(carriedByAll(source, this.#group.members) as DriverWriteOptions), signal }),
        source,
      };
    } finally {
      await (body as { close?: () => Promise<void> }).close?.();
    }
  }

  /** Finishes an open intent that somebody left; {@link Finished.outcome} says how. */
  finish(head: Head, signal?: AbortSignal, rounds?: number): Promise<Finished | undefined> {
    return this.#decider.finish(head, signal, rounds);
  }

  /**
   * Brings members again to the write that was decided last, which they lost past the journal.
   *
   * @throws OmniError PRECONDITION_FAILED when something else was decided since the members were looked at
   */
  async restore(path: string, loss: Loss, signal?: AbortSignal): Promise<Finished> {
    await this.open();
    return restore(this.#group, this.log, this.#decider, path, loss, signal);
  }

  /** Probes the journal and finds its group, once. */
  open(): Promise<GroupRecord> {
    this.#opened ??= openGroup(this.#backend, this.#group.members, {
      ...this.#options,
      timeoutMs: this.#group.settings.memberTimeoutMs,
      hasOpen: async () => !(await this.log.open().next()).done,
    }).catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #head(operation: string, path: string, signal: AbortSignal | undefined): Promise<Head | undefined> {
    try {
      await this.open();
      return await this.log.head(path, signal);
    } catch (error) {
      if (signal?.aborted || OmniError.is(error, "INVALID_ARGUMENT", "NOT_SUPPORTED", "INVALID_PATH")) throw error;
      const reason = `the journal cannot be reached, and nothing is changed without it: ${error instanceof Error ? error.message : error}`;
      throw new OmniError("UNAVAILABLE", { backend: "multi", operation, path, reason, outcome: "not-applied", cause: error });
    }
  }

  /** What the head says that the group holds; where it says nothing, and for a repair, the members are asked. */
  async #held(path: string, head: Head | undefined, { ifLast }: Condition): Promise<Held> {
    const { members, settings } = this.#group;
    const { fresh } = await this.open();
    const last = head?.last ?? undefined;
    if (ifLast === undefined) {
      if (last && !last.foreign) {
        const base: Sight = last.deleted ? null : { id: last.id };
        return { exists: base !== null, id: base?.id, bases: Object.fromEntries(members.map(({ name }) => [name, base])) };
      }
      if (!last && fresh) return { exists: false, bases: Object.fromEntries(members.map(({ name }) => [name, null])) };
    }
    const sights = await Promise.all(members.map(({ backend }) => sightOf(backend, path, settings.memberTimeoutMs)));
    const bases = Object.fromEntries(members.map(({ name }, at) => [name, sights[at] as Sight]));
    const exists = sights.some((sight) => sight !== null);
    if (ifLast !== undefined) return { exists, last: last?.id, bases };
    if (last) return { exists: !last.deleted, id: last.deleted ? undefined : last.id, bases };
    const ids = new Set(sights.map((sight) => sight?.id));
    const [common] = ids.size === 1 ? ids : [];
    return { exists, id: common, bases };
  }

  #check(operation: string, path: string, condition: Condition, held: Held): void {
    const code = refusal(condition, held);
    if (code !== undefined) throw new OmniError(code, { backend: "multi", operation, path, outcome: "not-applied" });
  }

  /** Sets the intent into the head and finishes it, after whatever is open there. Before the decision a failure withdraws everything. */
  async #decide(
    operation: string,
    path: string,
    plan: Plan,
    condition: Condition,
    before: Head | undefined,
    handles: Handles,
    signal: AbortSignal | undefined,
  ): Promise<Decided> {
    let newest = before;
    try {
      while (true) {
        signal?.throwIfAborted();
        if (isOpen(newest)) {
          newest = await this.#decider.clear(operation, newest, { signal });
          continue;
        }
        const held = await this.#held(path, newest, condition);
        this.#check(operation, path, condition, held);
        if (plan.kind === "delete" && !held.exists) break;
        const { clock = systemClock } = this.#group.settings;
        const intent = { ...plan, at: clock.now(), counter: (newest?.seq ?? 0) + 1, bases: held.bases };
        const record = decide(path, newest, intent, randomUUID());
        const decision = await this.#decider.decide(operation, record, handles);
        if (decision) return decision;
        newest = await this.log.head(path, signal);
      }
    } catch (error) {
      // Where it is not known whether it was decided, what is staged may be needed.
      if (!MultiError.is(error, "IN_DOUBT")) await this.#decider.withdrawAll(handles);
      throw error;
    }
    await this.#decider.withdrawAll(handles);
    return undefined;
  }

  async #written(path: string, done: NonNullable<Decided>, size: number): Promise<MultiObjectInfo> {
    const { finished } = done;
    const outcomes = this.#outcomes(finished, size);
    const failed = finished.outcome !== "committed" || finished.foreign.length > 0;
    const error = failed ? this.#failure("write", path, done, outcomes) : undefined;
    this.#group.events.emit("write", { path, outcomes, ...(error ? { error } : {}) });
    if (error) throw error;
    const [info] = finished.infos.values();
    return { ...groupInfo(info ?? (await this.#infoOf(path, done, size))), outcomes };
  }

  /** Others finished it, so that no member told us what it holds. */
  async #infoOf(path: string, { record }: NonNullable<Decided>, size: number): Promise<ObjectInfo> {
    const stamp = record.open && { id: record.open.id, counter: record.open.counter };
    for (const { backend } of this.#group.members) {
      try {
        const info = await backend.stat(path, { timeoutMs: this.#group.settings.memberTimeoutMs });
        if (info.stamp?.id === stamp?.id) return info;
      } catch (error) {
        if (!OmniError.is(error)) throw error;
      }
    }
    return { path, size, stamp };
  }

  #outcomes({ outcome, done, foreign, errors }: Finished, bytes: number): readonly WriteOutcome[] {
    return this.#group.members.map(({ name }) => {
      const base = { member: name, phase: "commit", bytes } as const;
      if (foreign.includes(name)) return { ...base, state: "failed", error: foreignError(name) };
      if (outcome === "aborted") return { ...base, state: "failed", error: errors.get(name) ?? goneError(name) };
      if (outcome === "committed" || done.has(name)) return { ...base, state: "committed" };
      const error = errors.get(name) ?? errors.get("journal");
      return { ...base, state: "pending", ...(error ? { error } : {}) };
    });
  }

  #failure(operation: string, path: string, { record, finished }: NonNullable<Decided>, outcomes: readonly WriteOutcome[]): Error {
    const context = { backend: "multi", operation, path };
    const { id } = record.open as Intent;
    if (finished.outcome === "aborted")
      return new MultiError("PARTIAL_FAILURE", outcomes, { ...context, outcome: "not-applied", retryable: true });
    if (finished.outcome === "committed") return new MultiError("PARTIAL_FAILURE", outcomes, { ...context, outcome: "unknown" });
    const missing = outcomes.filter(({ state }) => state === "pending").map(({ member }) => member);
    const reason = `decided as intent ${id}, and not confirmed by ${missing.join(", ")}: recover() or the next change of this path finishes it`;
    return withIntent(new MultiError("IN_DOUBT", outcomes, { ...context, reason, outcome: "unknown" }), record.open as Intent);
  }
}

/** How the group reads. */
type Reading = (
  path: string,
  options: DriverOptions,
) => Promise<{ readonly info: ObjectInfo; readonly body: AsyncIterable<Uint8Array> }>;

async function sightOf(backend: Backend, path: string, timeoutMs: number): Promise<Sight> {
  try {
    const info = await backend.stat(path, { timeoutMs });
    return isMark(info) ? null : { id: info.stamp?.id, etag: info.etag };
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return null;
    throw error;
  }
}

function foreignError(backend: string): OmniError {
  const reason = "it holds what was written past the journal, which is left alone; write again, or repair()";
  return new OmniError("PRECONDITION_FAILED", { backend, operation: "commit", reason, outcome: "not-applied" });
}

function goneError(backend: string): OmniError {
  const reason = "the staged bytes are gone: they expired or were swept before they were committed";
  return new OmniError("NOT_FOUND", { backend, operation: "commit", reason, outcome: "not-applied" });
}
