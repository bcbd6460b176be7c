import {
  type DriverListOptions,
  type DriverRead,
  type DriverReadOptions,
  type ObjectInfo,
  OmniError,
  type WriteStamp,
} from "@omni/core";
import { type Group, groupInfo } from "./group.ts";
import { inquire, messageOf, notFound, unavailable } from "./inquiry.ts";
import { listInTurn, listOfQuorum } from "./listing.ts";
import { GroupBody, type OpenedAt, patience } from "./member-body.ts";
import type { Member } from "./members.ts";
import { lookAtQuorum, type QuorumSight } from "./quorum-read.ts";
import type { ReadRepair } from "./read-repair.ts";
import { tombstoneOf } from "./repair-notes.ts";
import { compareVersions } from "./versions.ts";

/** Milliseconds until a second member is asked while nothing is known of the first. */
const FIRST_HEDGE_MS = 100;
/** How often a quorum read looks again when what it saw was replaced before it could be opened. */
const LOOKS = 3;

/** Reads of a group, as its policy says. */
export class Reads {
  readonly #group: Group;
  readonly #repair: ReadRepair | undefined;
  #turn = 0;

  /** @param repair what is done about members that are behind; `undefined` for nothing */
  constructor(group: Group, repair?: ReadRepair) {
    this.#group = group;
    this.#repair = repair;
  }

  /** How many members must say NOT_FOUND before it is believed, and how many a quorum read asks: one of them took part in every write that resolved. */
  get notFoundNeeds(): number {
    const { members, settings } = this.#group;
    return Math.min(members.length, members.length - settings.needed + 1);
  }

  async read(path: string, { signal, ifMatch, ...range }: DriverReadOptions): Promise<DriverRead> {
    const opened = await this.#open(path, ifMatch, range, signal);
    const order = this.#group.members;
    const body = new GroupBody(this.#group, order, path, opened, range, signal);
    const reopen = order.length > 1 ? (received: number) => body.reopen(received) : undefined;
    return { info: groupInfo(opened.reader.info, opened.member), body: body.bytesOf(opened), reopen };
  }

  async stat(path: string, signal: AbortSignal | undefined): Promise<ObjectInfo> {
    if (this.#group.settings.readPolicy === "quorum") {
      const [held] = (await this.#look("stat", path, signal)).holders;
      return groupInfo(held?.info as ObjectInfo, held?.member);
    }
    return inquire(this.#group, this.#order(), {
      operation: "stat",
      path,
      signal,
      notFoundNeeds: this.notFoundNeeds,
      hedgeMs: this.#hedgeMs(),
      ask: async (member, own, timeoutMs) => groupInfo(await member.backend.stat(path, { signal: own, timeoutMs }), member),
    });
  }

  list(prefix: string, options: DriverListOptions): AsyncIterable<ObjectInfo> {
    return this.#group.settings.readPolicy === "quorum"
      ? listOfQuorum(this.#group, prefix, this.notFoundNeeds, options)
      : listInTurn(this.#group, this.#order(), prefix, options);
  }

  async #open(
    path: string,
    ifMatch: string | undefined,
    range: DriverReadOptions,
    signal: AbortSignal | undefined,
  ): Promise<OpenedAt> {
    if (this.#group.settings.readPolicy === "quorum") return this.#openHighest(path, ifMatch, range, signal);
    return inquire(this.#group, this.#order(), {
      operation: "read",
      path,
      signal,
      notFoundNeeds: this.notFoundNeeds,
      hedgeMs: this.#hedgeMs(),
      ask: (member, own, timeoutMs) =>
        this.#openAt(member, path, range, own, timeoutMs, ({ stamp }) => ifMatch === undefined || stamp?.id === ifMatch),
      letGo: ({ reader }) => reader.close(),
    });
  }

  /** Opens what a quorum read saw. A version that was replaced by a higher one between the look and the read is as good. */
  async #openHighest(
    path: string,
    ifMatch: string | undefined,
    range: DriverReadOptions,
    signal: AbortSignal | undefined,
  ): Promise<OpenedAt> {
    for (let look = 1; ; look++) {
      const { holders } = await this.#look("read", path, signal);
      const seen = holders[0]?.info as ObjectInfo;
      if (ifMatch !== undefined && seen.stamp?.id !== ifMatch) throw otherVersion(seen, ifMatch);
      const fits = ({ stamp }: ObjectInfo): boolean =>
        compareVersions(stamp, seen.stamp) >= 0 && (!ifMatch || stamp?.id === ifMatch);
      try {
        return await inquire(
          this.#group,
          holders.map(({ member }) => member),
          {
            operation: "read",
            path,
            signal,
            notFoundNeeds: Number.POSITIVE_INFINITY,
            ask: (member, own, timeoutMs) => this.#openAt(member, path, range, own, timeoutMs, fits),
          },
        );
      } catch (error) {
        if (signal?.aborted || look === LOOKS || !OmniError.is(error, "PRECONDITION_FAILED", "NOT_FOUND", "UNAVAILABLE"))
          throw error;
      }
    }
  }

  async #look(operation: string, path: string, signal: AbortSignal | undefined): Promise<QuorumSight> {
    const deleted = this.#deleted(operation, path);
    const seen = await lookAtQuorum(this.#group, operation, path, this.notFoundNeeds, signal);
    const isStale = seen.stale.length > 0;
    const tombstone = await deleted(isStale);
    if (compareVersions(seen.holders[0]?.info.stamp, tombstone) < 0) throw notFound(operation, path, undefined);
    if (!isStale) return seen;
    this.#group.events.emit("stale", { path, members: seen.stale.map(({ name }) => name) });
    this.#repair?.begin(path, seen.stale);
    return seen;
  }

  /**
   * Asks the journal, beside the members, whether the path was deleted: what they hold may have been written by a request that came late, or by a
   * writer beside the delete.
   *
   * @returns to be called when the members have answered, with whether some hold nothing, or something older: without the journal only members that agree
   * are believed
   */
  #deleted(operation: string, path: string): (isNeeded: boolean) => Promise<WriteStamp | undefined> {
    const { notes, settings } = this.#group;
    const asked = notes?.decided(path).then(
      (decided) => ({ stamp: tombstoneOf(decided) }),
      (error: unknown) => ({ error }),
    );
    return async (isNeeded) => {
      const answer = await asked;
      if (!answer || !("error" in answer)) return answer?.stamp;
      if (isNeeded) {
        const reason = `members differ, and the journal does not say whether it was deleted: ${messageOf(answer.error)}`;
        throw unavailable(operation, path, reason, answer.error);
      }
      settings.logger?.warn({ path, error: answer.error }, "the journal does not say whether it was deleted; the members agree");
      return undefined;
    };
  }

  /** Opens at one member what fits, and nothing else. */
  async #openAt(
    member: Member,
    path: string,
    range: DriverReadOptions,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    fits: (info: ObjectInfo) => boolean,
  ): Promise<OpenedAt> {
    const watched = this.#group.members.length > 1 ? patience(timeoutMs) : {};
    const reader = await member.backend.read(path, { ...range, signal, timeoutMs, ...watched });
    if (fits(reader.info)) return { member, reader };
    await reader.close();
    throw otherVersion(reader.info, "the one asked for");
  }

  /** The members as the policy asks them; one that failed a moment ago comes last. */
  #order(): readonly Member[] {
    const { members, settings, health } = this.#group;
    let order = members;
    if (settings.readPolicy === "round-robin") {
      const start = this.#turn++ % members.length;
      order = [...members.slice(start), ...members.slice(0, start)];
    } else if (settings.readPolicy === "fastest") {
      // One of which nothing is known comes first: so it becomes known.
      const typical = (member: Member): number => health.of(member).latency(0.5) ?? 0;
      order = [...members].sort((a, b) => typical(a) - typical(b));
    }
    const suspect = order.filter((member) => health.of(member).isSuspect);
    return suspect.length === 0 ? order : [...order.filter((member) => !suspect.includes(member)), ...suspect];
  }

  /** When a second member is asked: later than the first one's answers usually come. */
  #hedgeMs(): number | undefined {
    const { members, settings, health } = this.#group;
    if (settings.readPolicy !== "fastest" || members.length === 1) return undefined;
    const usual = members.flatMap((member) => health.of(member).latency(0.95) ?? []);
    return usual.length === 0 ? FIRST_HEDGE_MS : Math.max(1, Math.min(...usual));
  }
}

function otherVersion(info: ObjectInfo, wanted: string): OmniError {
  return new OmniError("PRECONDITION_FAILED", {
    reason: `precondition failed: the object has write id ${info.stamp?.id ?? "none"}, not ${wanted}`,
  });
}
