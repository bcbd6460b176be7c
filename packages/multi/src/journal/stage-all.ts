import { createHash } from "node:crypto";
import { type DriverBody, type Lane, type StagedWrite, spread, systemClock, type WriteOptions } from "@omni/core";
import { groupError } from "../errors.ts";
import type { Group } from "../group.ts";
import { MemberWrite, Watch } from "../member-write.ts";
import type { Member } from "../members.ts";
import { asError, type WriteOutcome } from "../outcome.ts";

/** Bytes staged at every member. */
export interface StagedEverywhere {
  readonly handles: ReadonlyMap<string, StagedWrite>;
  readonly size: number;
  /** SHA-256 of the bytes. */
  readonly digest: string;
}

/**
 * Takes a body to every member at once, invisible. What is staged outlives this process, so also a small body that could be held here is sent.
 *
 * @throws MultiError PARTIAL_FAILURE with everything withdrawn; the source's own error
 */
export async function stageEverywhere(
  group: Group,
  path: string,
  body: DriverBody,
  options: WriteOptions,
): Promise<StagedEverywhere> {
  const { members, settings, health } = group;
  const writes = members.map((member) => new MemberWrite(member, path, options, false));
  for (const write of writes) if (!health.of(write.member).admits()) write.skip(health.of(write.member).refusal("write", path));
  const source = new Source(body);
  const watch = new Watch(settings.clock ?? systemClock, settings.memberTimeoutMs);
  const lanes =
    body instanceof Uint8Array
      ? undefined
      : spread(
          source.observed(() => watch.sourceDone()),
          writes.length,
          settings,
        );
  if (!lanes) watch.sourceDone();
  const hasFailed = (): boolean => writes.some(({ outcome }) => outcome.state === "failed");
  const discard = (reason: unknown): Promise<unknown> =>
    Promise.all(writes.map((write) => write.discard(asError(reason), settings.memberTimeoutMs)));
  const stageOne = async (write: MemberWrite, lane: Lane | undefined): Promise<void> => {
    if (write.outcome.state === "failed") lane?.drop(write.outcome.error);
    else await write.stage(lane ?? body, lane, watch);
    if (hasFailed()) await discard(write.outcome.error ?? new Error("another member failed"));
  };
  await Promise.all(writes.map((write, at) => stageOne(write, lanes?.[at])));
  if (source.failure) {
    await discard(source.failure.error);
    throw source.failure.error;
  }
  const outcomes = writes.map(({ outcome }) => outcome);
  if (hasFailed()) {
    await discard(undefined);
    noteHealth(group, outcomes);
    throw groupError("write", path, outcomes, settings);
  }
  for (const { member } of writes) health.of(member).record();
  return {
    handles: new Map(writes.map(({ member, staged }) => [member.name, staged as StagedWrite])),
    size: source.bytes,
    digest: source.digest(),
  };
}

function noteHealth({ members, health }: Group, outcomes: readonly WriteOutcome[]): void {
  for (const [at, { state, error }] of outcomes.entries()) {
    const of = health.of(members[at] as Member);
    if (state === "failed" && error) of.record(error);
    else of.forget();
  }
}

/** The bytes as they come, counted and digested; an error of the source is told from one of a member. */
class Source {
  failure: { readonly error: unknown } | undefined;
  bytes = 0;
  readonly #body: DriverBody;
  readonly #hash = createHash("sha256");

  constructor(body: DriverBody) {
    this.#body = body;
    if (body instanceof Uint8Array) this.#take(body);
  }

  async *observed(done: () => void): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of this.#body as AsyncIterable<Uint8Array>) {
        this.#take(chunk);
        yield chunk;
      }
    } catch (error) {
      this.failure = { error };
      throw error;
    }
    done();
  }

  digest(): string {
    return this.#hash.digest("hex");
  }

  #take(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.bytes += chunk.byteLength;
  }
}
