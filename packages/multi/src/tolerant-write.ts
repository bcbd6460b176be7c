import { randomUUID } from "node:crypto";
import { type DriverBody, type DriverWriteOptions, type Lane, type MultiError, spread, type WriteStamp } from "@omni/core";
import { groupError, missed } from "./errors.ts";
import { type Group, groupInfo, keptBy } from "./group.ts";
import { Laggards, laggardError, type WriteLane } from "./laggards.ts";
import { MemberWrite, Watch } from "./member-write.ts";
import type { Member } from "./members.ts";
import { asError, type MultiObjectInfo, type WriteOutcome } from "./outcome.ts";
import { type Base, type NextVersion, nextVersion } from "./versions.ts";
import { inBackground, owe, refusalOf, Waiting } from "./waiting.ts";

/**
 * Writes one body in mode `quorum` or `best-effort`. Every member stages; as soon as enough have, those commit, and the others as they come. Resolves
 * when enough hold it and the others are settled or too late; what is late goes on until its deadline, and what is missed then is noted for a repair.
 */
export async function tolerantWrite(
  group: Group,
  path: string,
  body: DriverBody,
  { signal, ...options }: DriverWriteOptions,
): Promise<MultiObjectInfo> {
  const refused = new Map(group.members.map((member) => [member, refusalOf(group, member, "write", path)]));
  const asked = group.members.filter((member) => !refused.get(member));
  const version = await versionOf(group, asked, path, options.stamp, signal).catch((error) => {
    for (const member of asked) group.health.of(member).forget();
    throw error;
  });
  const stamped = { ...options, stamp: version.stamp };
  const held = body instanceof Uint8Array && body.byteLength <= group.settings.stageAboveBytes;
  const writes = group.members.map((member) => {
    const isHeld = held && member.backend.features.stagedWrite !== "none";
    const write = new MemberWrite(member, path, keptBy(member, stamped), isHeld);
    const refusal = refused.get(member);
    const silent = version.silent.get(member);
    if (silent !== undefined) group.health.of(member).record(silent);
    if (refusal ?? silent) write.skip(asError(refusal ?? silent));
    return write;
  });
  return new TolerantWrite(group, writes, path, version, signal).run(body);
}

/** A stamp that the caller chose is kept, and nothing is looked at. */
async function versionOf(
  { members, settings, notes }: Group,
  asked: readonly Member[],
  path: string,
  given: WriteStamp | undefined,
  signal: AbortSignal | undefined,
): Promise<NextVersion> {
  if (given) return { stamp: given, isGiven: true, bases: new Map(), silent: new Map() };
  const majority = Math.floor(members.length / 2) + 1;
  const [next, decided] = await Promise.all([
    nextVersion(asked, path, randomUUID(), majority, settings.memberTimeoutMs, signal),
    notes?.decided(path),
  ]);
  // After a delete that some missed, the counter goes on from the tombstone's: they may still hold what was deleted.
  const counter = Math.max(next.stamp.counter ?? 0, (decided?.stamp.counter ?? 0) + 1);
  return { ...next, stamp: { ...next.stamp, counter } };
}

class TolerantWrite {
  readonly #group: Group;
  readonly #writes: readonly MemberWrite[];
  readonly #asked: readonly MemberWrite[];
  readonly #path: string;
  readonly #version: NextVersion;
  readonly #signal: AbortSignal | undefined;
  #sourceError: { readonly error: unknown } | undefined;
  readonly #sourceFailed = (error: unknown): void => {
    this.#sourceError = { error };
  };
  #decision: "open" | "commit" | "discard" = "open";
  #decide!: () => void;
  readonly #decided: Promise<void>;
  readonly #waiting: Waiting;

  constructor(group: Group, writes: readonly MemberWrite[], path: string, version: NextVersion, signal: AbortSignal | undefined) {
    this.#group = group;
    this.#writes = writes;
    this.#asked = writes.filter(({ isPossible }) => isPossible);
    this.#path = path;
    this.#version = version;
    this.#signal = signal;
    this.#decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
    this.#waiting = new Waiting(group);
  }

  async run(body: DriverBody): Promise<MultiObjectInfo> {
    const bytes = body instanceof Uint8Array ? body.byteLength : 0;
    const all = this.#stageAll(body);
    this.#progress();
    await this.#waiting.over;
    const owed = this.#decision === "commit" ? this.#asked.filter(({ isSettled }) => !isSettled) : [];
    const late = owed.map((write) => {
      const { phase } = write.outcome;
      return [write, owe(this.#group, write.member, this.#path, "write", phase, bytes)] as const;
    });
    inBackground(this.#group, this.#path, this.#settleLate(all, late));
    try {
      const result = await this.#result();
      this.#group.events.emit("write", { path: this.#path, outcomes: result.outcomes });
      return result;
    } catch (error) {
      this.#group.events.emit("write", { path: this.#path, outcomes: this.#outcomes(), error });
      throw error;
    } finally {
      for (const write of this.#asked) if (!owed.includes(write)) this.#tellHealth(write);
    }
  }

  async #stageAll(body: DriverBody): Promise<void> {
    const { clock, settings } = this.#group;
    const watch = new Watch(clock, settings.memberTimeoutMs, () => this.#progress());
    if (body instanceof Uint8Array) {
      watch.sourceDone();
      await Promise.all(this.#asked.map((write) => this.#take(write, body, undefined, watch)));
      return;
    }
    let laggards: Laggards | undefined;
    const windowBytes = this.#asked.map(({ member }) => member.windowBytes ?? settings.windowBytes);
    const lanes = spread(watch.observe(body, this.#sourceFailed), this.#asked.length, {
      windowBytes,
      onFull: () => laggards?.full(),
      onRoom: () => laggards?.room(),
    });
    const pairs = this.#asked.map((write, at): WriteLane => ({ write, lane: lanes[at] as Lane }));
    laggards = new Laggards(this.#group, pairs, (each, reason) => this.#putOut(each, reason));
    await Promise.all(pairs.map(({ write, lane }) => this.#take(write, lane, lane, watch))).finally(() => laggards?.end());
  }

  /** One member's way: staged, then committed as soon as it is decided. Never rejects. */
  async #take(write: MemberWrite, body: DriverBody, lane: Lane | undefined, watch: Watch): Promise<void> {
    const base = this.#version.bases.get(write.member) ?? Promise.resolve<Base>(undefined);
    if (write.staging === "held" && body instanceof Uint8Array) write.hold(body);
    else await write.stage(body, lane, watch, this.#version.isGiven ? undefined : base);
    this.#progress();
    await this.#decided;
    if (!write.isStaged || this.#decision === "discard") return;
    const { member } = write;
    const { clock, settings } = this.#group;
    const timeoutMs = member.timeoutMs ?? settings.memberTimeoutMs;
    // Who chose the stamp orders the writes, and means this one to stand.
    if (this.#version.isGiven) await write.commit(timeoutMs);
    else await write.commitOver(base, timeoutMs, clock);
    this.#progress();
  }

  /** Looks whether it can be decided, given up, or resolved. */
  #progress(): void {
    const { needed } = this.#group.settings;
    if (this.#waiting.isOver) return;
    if (this.#decision === "open") {
      const staged = this.#writes.filter((write) => write.isStaged || write.isCommitted).length;
      const possible = this.#writes.filter((write) => write.isPossible).length;
      if (this.#sourceError || this.#signal?.aborted || possible < needed) this.#end("discard");
      else if (staged >= needed) this.#end("commit");
      if (this.#decision === "open") return;
    }
    const owed = this.#asked.filter(({ isSettled }) => !isSettled).map(({ member }) => member);
    this.#waiting.look(this.#writes.filter((write) => write.isCommitted).length >= needed, owed);
  }

  #end(decision: "commit" | "discard"): void {
    this.#decision = decision;
    if (decision === "commit") for (const write of this.#asked) write.decide();
    this.#decide();
    if (decision === "discard") this.#waiting.end();
  }

  async #result(): Promise<MultiObjectInfo> {
    const { settings, notes } = this.#group;
    if (this.#decision !== "commit") {
      const failure = this.#failure();
      await Promise.all(
        this.#asked.map((write) => write.discard(asError(this.#sourceError?.error ?? failure), settings.memberTimeoutMs)),
      );
      if (this.#sourceError) throw this.#sourceError.error;
      this.#signal?.throwIfAborted();
      throw this.#failure();
    }
    await this.#noteMissed(this.#writes.filter(({ isSettled, isCommitted }) => isSettled && !isCommitted));
    if (this.#sourceError) throw this.#sourceError.error;
    const committed = this.#writes.filter((write) => write.isCommitted);
    if (committed.length < settings.needed) throw this.#failure();
    const outcomes = this.#outcomes();
    const lacking = outcomes.some(({ state }) => state !== "committed" && state !== "pending");
    const failures = lacking ? missed("write", this.#path, outcomes) : undefined;
    if (failures && settings.partial === "throw") throw failures;
    if (failures) settings.logger?.warn({ path: this.#path, outcomes, noted: notes !== undefined }, "a write missed members");
    const info = committed.find(({ outcome }) => !outcome.superseded)?.info ?? {
      path: this.#path,
      size: 0,
      stamp: this.#version.stamp,
    };
    return { ...groupInfo(info), outcomes, ...(failures ? { failures } : {}) };
  }

  /** What some hold and others do not is for a repair. */
  async #noteMissed(writes: readonly MemberWrite[]): Promise<void> {
    const changed = this.#writes.some((write) => write.isCommitted || write.outcome.state === "unknown");
    if (writes.length === 0 || !changed) return;
    const members = writes.map(({ member }) => member.name);
    const unsure = this.#writes.some((write) => write.isCommitted) ? {} : ({ isUnsure: true } as const);
    const change = { operation: "write", path: this.#path, members, stamp: this.#version.stamp, ...unsure } as const;
    this.#group.events.emit("missed", change);
    await this.#group.notes?.add(change);
  }

  #putOut(each: WriteLane, reason: string): void {
    const error = laggardError(each, this.#path, reason);
    each.write.giveUp(error);
    const { member, outcome } = each.write;
    this.#group.events.emit("laggard", { path: this.#path, member: member.name, phase: outcome.phase, reason });
    this.#progress();
  }

  /** What is late goes on until its deadline. */
  async #settleLate(all: Promise<void>, owed: readonly (readonly [MemberWrite, () => void])[]): Promise<void> {
    await all;
    for (const [write, settled] of owed) {
      settled();
      this.#tellHealth(write);
      this.#group.events.emit("late", { path: this.#path, outcome: write.outcome });
    }
    await this.#noteMissed(owed.map(([write]) => write).filter(({ isCommitted }) => !isCommitted));
  }

  #tellHealth({ member, outcome }: MemberWrite): void {
    const standing = this.#group.health.of(member);
    if (outcome.state === "committed") standing.record();
    else if (outcome.error && outcome.state !== "discarded" && !this.#sourceError && !this.#signal?.aborted)
      standing.record(outcome.error);
    else standing.forget();
  }

  #outcomes(): readonly WriteOutcome[] {
    return this.#writes.map((write) => write.outcome);
  }

  #failure(): MultiError<WriteOutcome> {
    return groupError("write", this.#path, this.#outcomes(), this.#group.settings);
  }
}
