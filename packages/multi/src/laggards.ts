import { type Lane, OmniError } from "@omni/core";
import type { Group } from "./group.ts";
import type { MemberWrite } from "./member-write.ts";

/** A member and the part of the source that waits for it. */
export interface WriteLane {
  readonly write: MemberWrite;
  readonly lane: Lane;
}

/**
 * Puts members out that hold up a stream which enough others could go on with: their window is full for `laggardMs`, or they take less than
 * `minBytesPerSecond` for as long. A member that is late already gets no time.
 */
export class Laggards {
  readonly #group: Group;
  readonly #lanes: readonly WriteLane[];
  readonly #out: (lane: WriteLane, reason: string) => void;
  #full: unknown;
  #pace: unknown;
  #over = false;

  /** @param out puts a member out */
  constructor(group: Group, lanes: readonly WriteLane[], out: (lane: WriteLane, reason: string) => void) {
    this.#group = group;
    this.#lanes = lanes;
    this.#out = out;
    this.#watchPace();
  }

  /** The source stopped because windows are full. */
  full(): void {
    const { settings, clock } = this.#group;
    if (this.#drop((each) => !this.#trusts(each))) return;
    if (settings.laggardMs === 0) this.#drop(() => true);
    else this.#full = clock.setTimeout(() => this.#stillFull(), settings.laggardMs);
  }

  /** The source goes on. */
  room(): void {
    this.#group.clock.clearTimeout(this.#full);
  }

  end(): void {
    this.#over = true;
    this.room();
    this.#group.clock.clearTimeout(this.#pace);
  }

  #stillFull(): void {
    // Where nobody is far behind enough others, all are slow, and the source goes at their pace.
    if (!this.#drop(() => true) && !this.#over)
      this.#full = this.#group.clock.setTimeout(() => this.#stillFull(), this.#group.settings.laggardMs);
  }

  /** Puts those out whose window is in use while enough others are ahead of it. */
  #drop(concerns: (lane: WriteLane) => boolean): boolean {
    const taken = this.#alive().map(({ lane }) => lane.bytes);
    const ahead = taken.sort((a, b) => b - a)[this.#group.settings.needed - 1] ?? Number.POSITIVE_INFINITY;
    const behind = this.#alive().filter(
      (each) => each.lane.waitingBytes > each.lane.windowBytes / 2 && this.#isBehind(each, ahead) && concerns(each),
    );
    for (const each of behind)
      this.#out(each, `its window of ${each.lane.windowBytes} bytes was full while enough others could go on`);
    return behind.length > 0;
  }

  #isBehind({ lane }: WriteLane, ahead: number): boolean {
    return ahead === Number.POSITIVE_INFINITY || ahead - lane.bytes > lane.windowBytes / 2;
  }

  #alive(): readonly WriteLane[] {
    return this.#lanes.filter(({ write }) => write.isPossible);
  }

  #trusts({ write }: WriteLane): boolean {
    return this.#group.health.of(write.member).isTrusted;
  }

  #leastOf({ write }: WriteLane): number {
    return write.member.minBytesPerSecond ?? this.#group.settings.minBytesPerSecond;
  }

  #watchPace(): void {
    if (!this.#lanes.some((each) => this.#leastOf(each) > 0)) return;
    const everyMs = Math.max(1, this.#group.settings.laggardMs);
    let before = this.#lanes.map(({ lane }) => ({ bytes: lane.bytes, waiting: lane.waitingBytes }));
    const look = (): void => {
      const seen = before;
      before = this.#lanes.map(({ lane }) => ({ bytes: lane.bytes, waiting: lane.waitingBytes }));
      this.#dropSlow(seen, everyMs);
      if (!this.#over) this.#pace = this.#group.clock.setTimeout(look, everyMs);
    };
    this.#pace = this.#group.clock.setTimeout(look, everyMs);
  }

  /** Only who had bytes waiting can be too slow; the slowest go first, as long as enough are left. */
  #dropSlow(before: readonly { readonly bytes: number; readonly waiting: number }[], everyMs: number): void {
    const alive = this.#alive();
    const slow = this.#lanes.flatMap((each, at) => {
      const { bytes, waiting } = before[at] as { bytes: number; waiting: number };
      const perSecond = ((each.lane.bytes - bytes) * 1_000) / everyMs;
      const owed = waiting > 0 && each.lane.waitingBytes > 0;
      return alive.includes(each) && owed && perSecond < this.#leastOf(each) ? [{ each, perSecond }] : [];
    });
    slow.sort((a, b) => a.perSecond - b.perSecond);
    for (const { each, perSecond } of slow.slice(0, Math.max(0, alive.length - this.#group.settings.needed)))
      this.#out(each, `it took ${Math.round(perSecond)} bytes a second, the least is ${this.#leastOf(each)}`);
  }
}

/** The error of a member that is no longer waited for. */
export function laggardError({ write }: WriteLane, path: string, reason: string): OmniError {
  return new OmniError("TIMEOUT", { backend: write.member.name, operation: "stage", path, reason, outcome: "not-applied" });
}
