import { randomUUID } from "node:crypto";
import { type DriverBody, type DriverWriteOptions, type Lane, MultiError, spread, systemClock } from "@omni/core";
import { groupError, missed } from "./errors.ts";
import { type Group, groupInfo, keptBy } from "./group.ts";
import type { MemberHealth } from "./health.ts";
import { MemberWrite, Watch } from "./member-write.ts";
import type { MultiSettings } from "./options.ts";
import { asError, type MultiObjectInfo, type WriteOutcome } from "./outcome.ts";
import { tolerantWrite } from "./tolerant-write.ts";

/**
 * Writes one body to every member: staged everywhere, decided once, committed. Resolves when enough members hold the whole object; a failure before
 * the first commit leaves every member as it was.
 */
export async function fanOut(group: Group, path: string, body: DriverBody, options: DriverWriteOptions): Promise<MultiObjectInfo> {
  const { members, settings } = group;
  if (settings.mode !== "all") return tolerantWrite(group, path, body, options);
  const { signal, ...rest } = options;
  const stamp = rest.stamp ?? { id: randomUUID() };
  const held = body instanceof Uint8Array && body.byteLength <= settings.stageAboveBytes;
  const writes = members.map(
    (member) =>
      new MemberWrite(member, path, keptBy(member, { ...rest, stamp }), held && member.backend.features.stagedWrite !== "none"),
  );
  return watched(group, path, writes, async () => {
    const attempt = new Attempt(writes, path, settings);
    await attempt.stage(body, held);
    signal?.throwIfAborted();
    await attempt.commit();
    return attempt.result();
  });
}

/** Leaves members out whose breaker is open, and tells breakers and listeners how it ended. */
async function watched(
  { health, events }: Group,
  path: string,
  writes: readonly MemberWrite[],
  work: () => Promise<MultiObjectInfo>,
): Promise<MultiObjectInfo> {
  const asked = writes.filter((write) => {
    const admitted = health.of(write.member).admits();
    if (!admitted) write.skip(health.of(write.member).refusal("write", path));
    return admitted;
  });
  let failure: { readonly error: unknown } | undefined;
  try {
    return await work();
  } catch (error) {
    failure = { error };
    throw error;
  } finally {
    // An error of the source, or an abort, says nothing of the members.
    const isTheirs = !failure || MultiError.is(failure.error);
    for (const { member, outcome } of asked) noteOutcome(health.of(member), outcome, isTheirs);
    const outcomes = writes.map(({ outcome }) => outcome);
    events.emit("write", { path, outcomes, ...failure });
  }
}

/** Tells what an outcome says of its member. */
export function noteOutcome(health: MemberHealth, { state, error }: WriteOutcome, isTheirs: boolean): void {
  if (state === "committed") health.record();
  else if (error && isTheirs && state !== "discarded") health.record(error);
  else health.forget();
}

class Attempt {
  readonly #writes: readonly MemberWrite[];
  readonly #path: string;
  readonly #settings: MultiSettings;
  #sourceError: { readonly error: unknown } | undefined;
  readonly #sourceFailed = (error: unknown): void => {
    this.#sourceError = { error };
  };

  constructor(writes: readonly MemberWrite[], path: string, settings: MultiSettings) {
    this.#writes = writes;
    this.#path = path;
    this.#settings = settings;
  }

  /** Takes the bytes to every member. Rejects when too few are left, with everything withdrawn; with the source's own error when that failed. */
  async stage(body: DriverBody, held: boolean): Promise<void> {
    // A member that is left alone: nothing is asked of the others either.
    if (this.#possible() < this.#settings.needed) await this.#giveUp();
    const watch = new Watch(this.#settings.clock ?? systemClock, this.#settings.memberTimeoutMs);
    const lanes =
      body instanceof Uint8Array ? undefined : spread(watch.observe(body, this.#sourceFailed), this.#writes.length, this.#settings);
    if (!lanes) watch.sourceDone();
    await Promise.all(this.#writes.map((write, index) => this.#stageOne(write, body, lanes?.[index], held, watch)));
    if (this.#sourceError) {
      await this.#discard(asError(this.#sourceError.error));
      throw this.#sourceError.error;
    }
    if (this.#possible() < this.#settings.needed) await this.#giveUp();
  }

  async #stageOne(write: MemberWrite, body: DriverBody, lane: Lane | undefined, held: boolean, watch: Watch): Promise<void> {
    if (held && write.staging === "held") write.hold(body as Uint8Array);
    else await write.stage(lane ?? body, lane, watch);
    // Too few are left: the others need not go on.
    if (this.#possible() < this.#settings.needed) await this.#discard(this.#failure());
  }

  /** Publishes at every member that is staged. In mode `all` the weakest goes first and alone: if it fails, nothing was changed anywhere. */
  async commit(): Promise<void> {
    const { mode, memberTimeoutMs } = this.#settings;
    let staged = this.#writes.filter((write) => write.isStaged).sort(MemberWrite.byFirmness);
    if (mode === "all") {
      const [first, ...others] = staged;
      await first?.commit(memberTimeoutMs);
      if (first && !first.isCommitted) await this.#giveUp();
      staged = others;
    }
    await Promise.all(staged.map((write) => write.commit(memberTimeoutMs)));
  }

  result(): MultiObjectInfo {
    const { needed, partial, logger } = this.#settings;
    const committed = this.#writes.filter((write) => write.isCommitted);
    if (committed.length < needed) throw this.#failure();
    const failures = committed.length < this.#writes.length ? missed("write", this.#path, this.#outcomes()) : undefined;
    if (failures && partial === "throw") throw failures;
    if (failures) logger?.warn({ path: this.#path, outcomes: failures.outcomes }, "a write missed members");
    const info = committed[0]?.info ?? { path: this.#path, size: 0 };
    const outcomes = this.#outcomes();
    return { ...groupInfo(info), outcomes, ...(failures ? { failures } : {}) };
  }

  /** Members that hold the object or still can. */
  #possible(): number {
    return this.#writes.filter((write) => !["failed", "unknown"].includes(write.outcome.state)).length;
  }

  async #giveUp(): Promise<never> {
    const failure = this.#failure();
    await this.#discard(failure);
    throw this.#failure();
  }

  async #discard(reason: Error): Promise<void> {
    await Promise.all(this.#writes.map((write) => write.discard(reason, this.#settings.memberTimeoutMs)));
  }

  #outcomes(): readonly WriteOutcome[] {
    return this.#writes.map((write) => write.outcome);
  }

  #failure(): MultiError<WriteOutcome> {
    return groupError("write", this.#path, this.#outcomes(), this.#settings);
  }
}
