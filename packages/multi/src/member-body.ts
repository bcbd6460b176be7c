import { commonHash, type DriverRead, type ObjectInfo, type ObjectReader, OmniError } from "@omni/core";
import type { Group } from "./group.ts";
import { inquire, messageOf } from "./inquiry.ts";
import type { Member } from "./members.ts";

/** An object opened at one member. */
export interface OpenedAt {
  readonly member: Member;
  readonly reader: ObjectReader;
}

/** The part of an object that is read. */
export interface ReadRange {
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
}

/**
 * The bytes of an object, from one member after another: where one breaks off, the next goes on at the same byte, under the same write id or an
 * equal digest of the whole object, pinned to that version by If-Match. Nothing is ever spliced of two versions.
 */
export class GroupBody {
  readonly #group: Group;
  readonly #path: string;
  readonly #info: ObjectInfo;
  readonly #range: ReadRange;
  readonly #signal: AbortSignal | undefined;
  readonly #order: readonly Member[];
  #member: Member;
  /** Members that broke off since the last byte came. */
  #broken: Set<Member> = new Set();

  constructor(
    group: Group,
    order: readonly Member[],
    path: string,
    opened: OpenedAt,
    range: ReadRange,
    signal: AbortSignal | undefined,
  ) {
    this.#group = group;
    this.#order = order;
    this.#path = path;
    this.#info = opened.reader.info;
    this.#member = opened.member;
    this.#range = range;
    this.#signal = signal;
  }

  /** The body as it comes from one member; its failures are told to the member's breaker, and are worth going on from. */
  bytesOf({ member, reader }: OpenedAt): AsyncIterableIterator<Uint8Array> {
    const bytes = reader[Symbol.asyncIterator]();
    const body: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => body,
      next: async () => {
        try {
          const step = await bytes.next();
          if (!step.done && this.#broken.size > 0) this.#broken = new Set();
          return step;
        } catch (error) {
          if (this.#signal?.aborted) throw error;
          this.#broken.add(member);
          this.#group.health.of(member).record(error);
          const reason = `the member "${member.name}" broke off: ${messageOf(error)}`;
          throw new OmniError("UNAVAILABLE", { reason, cause: error });
        }
      },
      return: async () => {
        await reader.close();
        return { done: true, value: undefined };
      },
    };
    return body;
  }

  /**
   * Goes on at another member.
   *
   * @param received bytes that came so far
   * @throws OmniError PRECONDITION_FAILED when every member answers and none holds the version; UNAVAILABLE when one that may hold it does not answer
   */
  async reopen(received: number): Promise<DriverRead> {
    const { offset = 0, limit } = this.#range;
    const rest = { offset: offset + received, limit: limit === undefined ? undefined : limit - received };
    const from = this.#member;
    const fresh = this.#order.filter((member) => !this.#broken.has(member));
    // When all broke off without a byte between, they are asked once more, the last one last.
    const order = fresh.length > 0 ? [...fresh, ...this.#order.filter((member) => this.#broken.has(member))] : this.#order;
    const opened = await inquire(this.#group, order, {
      operation: "read",
      path: this.#path,
      signal: this.#signal,
      notFoundNeeds: Number.POSITIVE_INFINITY,
      ask: (member, signal, timeoutMs) => this.#openSame(member, rest, signal, timeoutMs),
    });
    this.#member = opened.member;
    this.#group.events.emit("failover", { path: this.#path, from: from.name, to: opened.member.name, atByte: rest.offset });
    return { info: opened.reader.info, body: this.bytesOf(opened) };
  }

  /** Opens the rest at a member that holds the very same object. */
  async #openSame(member: Member, rest: ReadRange, signal: AbortSignal | undefined, timeoutMs: number): Promise<OpenedAt> {
    const call = { signal, timeoutMs };
    const there = await member.backend.stat(this.#path, call).catch(asReplaced);
    if (!isSameObject(this.#info, there)) throw replaced(this.#info, there);
    const pin = there.etag === undefined ? {} : { ifMatch: there.etag };
    const reader = await member.backend.read(this.#path, { ...rest, ...pin, ...call, ...patience(timeoutMs) });
    if (isSameObject(this.#info, { ...reader.info, hashes: there.etag === undefined ? undefined : there.hashes }))
      return { member, reader };
    await reader.close();
    throw replaced(this.#info, reader.info);
  }
}

/** A member's body neither stands still nor goes on by itself: the group goes on elsewhere. */
export function patience(timeoutMs: number): { readonly idleTimeoutMs: number; readonly resumeAttempts: number } {
  return { idleTimeoutMs: timeoutMs, resumeAttempts: 0 };
}

/** Whether two members show one and the same object: the same write, or the same digest of the whole. */
function isSameObject(a: ObjectInfo, b: ObjectInfo): boolean {
  if (a.size !== b.size) return false;
  if (a.stamp !== undefined && a.stamp.id === b.stamp?.id) return true;
  const hash = commonHash(a.hashes, b.hashes);
  return hash !== undefined && a.hashes?.[hash] === b.hashes?.[hash];
}

/** A member that says NOT_FOUND holds another version: none. */
function asReplaced(error: unknown): never {
  if (OmniError.is(error, "NOT_FOUND")) throw replaced(undefined, undefined);
  throw error;
}

function replaced(expected: ObjectInfo | undefined, found: ObjectInfo | undefined): OmniError {
  const reason = expected
    ? `precondition failed: the object has write id ${found?.stamp?.id ?? "none"}, not ${expected.stamp?.id ?? "none"}`
    : "precondition failed: the object is gone";
  return new OmniError("PRECONDITION_FAILED", { backend: "multi", operation: "read", reason });
}
