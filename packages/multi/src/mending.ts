import { commonHash, type ObjectInfo, OmniError, type WriteOptions } from "@omni/core";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import { type Decided, tombstoneOf } from "./repair-notes.ts";
import type { RepairPlan } from "./repair-plan.ts";
import type { Held, MemberSight } from "./sights.ts";
import { compareVersions, conditionsOver } from "./versions.ts";

/** What a repair is to do at a path, and what it goes by. */
export interface Mending {
  readonly plan: RepairPlan;
  /** What every member was seen to hold. */
  readonly sights: readonly MemberSight[];
  /** What the journal knew of the path after that. */
  readonly decided: Decided | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A member that was to be changed. */
export interface Mended {
  readonly member: Member;
  readonly action: "write" | "delete";
  readonly bytes: number;
  /** Why it could not be changed. */
  readonly error?: unknown;
}

/** Changes members as a repair planned it. Throws only the reason of its signal. */
export type Mend = (path: string, mending: Mending) => Promise<readonly Mended[]>;

/** Changes one member after the other where no journal decides: over what it was seen to hold, and over nothing else. */
export function mendDirectly(group: Group): Mend {
  return (path, { plan: { source, write, remove }, signal }) => {
    const attempt = async (member: Member, action: Mended["action"], work: () => Promise<number>): Promise<Mended> => {
      try {
        return { member, action, bytes: await work() };
      } catch (error) {
        if (signal?.aborted) throw error;
        return { member, action, bytes: 0, error };
      }
    };
    return Promise.all([
      ...(source ? write.map((at) => attempt(at.member, "write", () => copy(group, path, source, at, signal))) : []),
      ...remove.map((at) => attempt(at.member, "delete", () => removeAt(group, path, at, signal))),
    ]);
  };
}

/** Copies the version that won over what the member held when it was looked at. */
async function copy(
  group: Group,
  path: string,
  source: Held,
  target: MemberSight,
  signal: AbortSignal | undefined,
): Promise<number> {
  const stalled = new Stall(group, signal);
  const pin = source.info.etag === undefined ? {} : { ifMatch: source.info.etag };
  try {
    const reader = await source.member.backend.read(path, { ...pin, signal: stalled.signal });
    try {
      const { info } = reader;
      if (info.stamp?.id !== source.info.stamp?.id) throw new OmniError("PRECONDITION_FAILED", { reason: "the source changed" });
      const options = { ...keptAt(target.member, info), ...conditionsOver(target.member, target.info), signal: stalled.signal };
      const made = await target.member.backend.write(path, reader, { ...options, onProgress: () => stalled.moved() });
      if (target.info === undefined) await confirm(group, path, source, { member: target.member, info: made });
      return info.size;
    } finally {
      await reader.close();
    }
  } finally {
    stalled.end();
  }
}

/**
 * Takes back what was made where nothing was, if it was deleted meanwhile: no condition says so. A tombstone is kept before anything is deleted, and
 * stays: one that is not there yet belongs to a delete that finds what was made. Without a journal nothing tells.
 *
 * A copy of which that is not known is left: its writer may count it, and by its version it is known for deleted.
 */
async function confirm(group: Group, path: string, source: Held, made: Held): Promise<void> {
  const tombstone = tombstoneOf(await group.notes?.decided(path));
  if (!tombstone || compareVersions(source.info.stamp, tombstone) > 0) return;
  await removeAt(group, path, made, undefined);
  throw new OmniError("PRECONDITION_FAILED", { backend: "multi", operation: "repair", path, reason: "it was deleted meanwhile" });
}

async function removeAt(group: Group, path: string, { member, info }: Held, signal: AbortSignal | undefined): Promise<number> {
  const { etag } = info;
  const fence = member.backend.features.conditional.delete && etag !== undefined ? { ifMatch: etag } : {};
  await member.backend.delete(path, { ...fence, signal, timeoutMs: group.settings.memberTimeoutMs });
  return 0;
}

/** Ends a copy in which nothing moves for as long as a member may owe an answer. */
class Stall {
  readonly #controller = new AbortController();
  readonly #group: Group;
  readonly #user: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#user?.reason);
  #timer: unknown;

  constructor(group: Group, user: AbortSignal | undefined) {
    this.#group = group;
    this.#user = user;
    user?.addEventListener("abort", this.#onAbort, { once: true });
    this.moved();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  moved(): void {
    const { clock, settings } = this.#group;
    clock.clearTimeout(this.#timer);
    const reason = `nothing moved for ${settings.memberTimeoutMs} ms`;
    this.#timer = clock.setTimeout(
      () => this.#controller.abort(new OmniError("TIMEOUT", { backend: "multi", operation: "repair", reason })),
      settings.memberTimeoutMs,
    );
  }

  end(): void {
    this.#group.clock.clearTimeout(this.#timer);
    this.#user?.removeEventListener("abort", this.#onAbort);
  }
}

/** What of an object a member keeps; its digest is checked on the way where the source states one. */
function keptAt({ backend: { features } }: Member, info: ObjectInfo): WriteOptions {
  const { contentType, cacheControl, contentEncoding, contentDisposition } = info;
  const algorithm = commonHash(info.hashes, info.hashes);
  return {
    sizeBytes: info.size,
    ...(algorithm ? { checksum: { algorithm, value: info.hashes?.[algorithm] as string } } : {}),
    ...(features.stamps && info.stamp ? { stamp: info.stamp } : {}),
    ...(features.contentHeaders ? { contentType, cacheControl, contentEncoding, contentDisposition } : {}),
    ...(features.customMetadata && info.metadata ? { metadata: info.metadata } : {}),
    ...(features.setModTime && info.modifiedAt ? { modifiedAt: info.modifiedAt } : {}),
  };
}
