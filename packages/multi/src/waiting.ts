import { OmniError } from "@omni/core";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import type { WritePhase } from "./outcome.ts";

/** What a small change that a member still owes counts against its window at least: a request and its buffers. */
const LATE_BYTES = 4096;

/**
 * How long a change waits for members when enough others have taken it: `laggardMs`, and not at all for one that is late already or whose breaker is
 * not closed.
 */
export class Waiting {
  readonly #group: Group;
  /** Nobody is waited for any more. */
  readonly over: Promise<void>;
  #end!: () => void;
  #isOver = false;
  #grace: unknown;

  constructor(group: Group) {
    this.#group = group;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @param enough whether enough members have taken the change @param owed those that have not said how they fared */
  look(enough: boolean, owed: readonly Member[]): void {
    const { health, clock, settings } = this.#group;
    if (this.#isOver || (owed.length > 0 && !enough)) return;
    if (owed.every((member) => !health.of(member).isTrusted)) this.end();
    else this.#grace ??= clock.setTimeout(() => this.end(), settings.laggardMs);
  }

  end(): void {
    this.#isOver = true;
    this.#group.clock.clearTimeout(this.#grace);
    this.#end();
  }
}

/**
 * A change resolves without a member that may still take it: until it settles the member is not trusted, and what it owes counts against its window.
 *
 * @returns to be called when it settles, before its health is told how
 */
export function owe(group: Group, member: Member, path: string, operation: string, phase: WritePhase, bytes: number): () => void {
  const standing = group.health.of(member);
  const counted = Math.max(LATE_BYTES, bytes);
  const reason = "enough others took it before";
  standing.lateWrites += 1;
  standing.lateBytes += counted;
  standing.record(new OmniError("TIMEOUT", { backend: member.name, operation, path, reason }));
  group.events.emit("laggard", { path, member: member.name, phase, reason });
  return () => {
    standing.lateWrites -= 1;
    standing.lateBytes -= counted;
  };
}

/** Why a member is not asked: its breaker is open, or it owes more than its window. */
export function refusalOf({ health, settings }: Group, member: Member, operation: string, path: string): OmniError | undefined {
  const standing = health.of(member);
  if (standing.lateBytes < (member.windowBytes ?? settings.windowBytes))
    return standing.admits() ? undefined : standing.refusal(operation, path);
  const reason = `skipped: it owes ${standing.lateWrites} changes that others took, which fills its window`;
  return new OmniError("UNAVAILABLE", { backend: member.name, operation, path, reason, outcome: "not-applied" });
}

/** Lets work go on after the call that began it resolved. */
export function inBackground({ background, settings }: Group, path: string, work: Promise<void>): void {
  const watched = work
    .catch((error) => settings.logger?.error({ path, error }, "what members missed could not be noted for a repair"))
    .finally(() => background.delete(watched));
  background.add(watched);
}
