import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Attributes, type Counter, type Gauge, type Meter, metrics, trace } from "@opentelemetry/api";

/** What the metrics and span events of groups carry. */
export interface MultiInstrumentationOptions {
  /** @default the global meter provider's, named `@omni/otel` */
  readonly meter?: Meter | undefined;
  /** Whether span events carry the object's path. Turn it off where paths tell something about people. @default true */
  readonly paths?: boolean | undefined;
}

interface Outcome {
  readonly member: string;
  readonly state: string;
}

interface Change {
  readonly path: string;
  readonly outcomes: readonly Outcome[];
  readonly error?: unknown;
}

/** What is read of an event of `@omni/multi`, which this package does not need to be installed. */
export type GroupEvent =
  | ({ readonly type: "write" } & Change)
  | ({ readonly type: "delete" } & Change)
  | { readonly type: "laggard"; readonly path: string; readonly member: string; readonly phase: string }
  | { readonly type: "late"; readonly path: string; readonly outcome: Outcome }
  | { readonly type: "missed"; readonly path: string; readonly operation: string; readonly members: readonly string[] }
  | { readonly type: "breaker"; readonly member: string; readonly state: string }
  | { readonly type: "failover"; readonly path: string; readonly from: string; readonly to: string; readonly atByte: number }
  | { readonly type: "hedge"; readonly path: string; readonly member: string; readonly afterMs: number }
  | { readonly type: "stale"; readonly path: string; readonly members: readonly string[] }
  | { readonly type: "heal"; readonly path: string; readonly members: readonly string[]; readonly complete: boolean }
  | { readonly type: "repair"; readonly path: string; readonly member: string; readonly action: string; readonly bytes: number };

type Handlers = { readonly [T in GroupEvent["type"]]: (event: Extract<GroupEvent, { readonly type: T }>) => void };

const CHANNEL = "omni:multi";
const BREAKER_STATES = ["closed", "open", "half-open"] as const;

/**
 * Makes metrics of what happens in every group of `@omni/multi` in this process, and span events of what is out of the ordinary.
 *
 * Counters: `omni.multi.changes`, `omni.multi.outcomes`, `omni.multi.laggards`, `omni.multi.missed`, `omni.multi.repairs`, `omni.multi.repaired` (bytes),
 * `omni.multi.failovers`, `omni.multi.hedges`, `omni.multi.stale_reads`, `omni.multi.heals`; the gauge `omni.multi.breaker` is 1 at the state that a
 * member's breaker is in. Span events `omni.multi <what>` go to the span that is active where it happens.
 *
 * @returns stops it
 */
export function instrumentMulti(options: MultiInstrumentationOptions = {}): () => void {
  const instruments = new GroupInstruments(options);
  const listener = (event: unknown): void => instruments.take(event as GroupEvent);
  subscribe(CHANNEL, listener);
  return () => {
    unsubscribe(CHANNEL, listener);
  };
}

const COUNTERS = {
  changes: ["Writes and deletes of groups that ended", "{change}"],
  outcomes: ["How members fared in writes and deletes", "{outcome}"],
  laggards: ["Members that were no longer waited for", "{member}"],
  missed: ["Changes that members missed", "{change}"],
  repairs: ["Objects that repairs wrote to members or removed from them", "{object}"],
  repaired: ["Bytes that repairs wrote", "By"],
  failovers: ["Reads that went on at another member", "{read}"],
  hedges: ["Reads for which a second member was asked", "{read}"],
  stale_reads: ["Quorum reads that found members behind", "{read}"],
  heals: ["Repairs that such reads began", "{repair}"],
} as const;

class GroupInstruments {
  readonly #paths: boolean;
  readonly #counters: Readonly<Record<keyof typeof COUNTERS, Counter>>;
  readonly #breaker: Gauge;

  readonly #handlers: Handlers = {
    write: (event) => this.#changed(event),
    delete: (event) => this.#changed(event),
    late: ({ outcome: { member, state } }) => this.#count("outcomes", { "omni.outcome": state, "omni.late": true }, member),
    laggard: ({ phase, member, path }) => this.#count("laggards", { "omni.phase": phase }, member, path),
    missed: ({ operation, members, path }) => {
      for (const member of members) this.#count("missed", { "omni.operation": operation }, member, path);
    },
    breaker: ({ member, state }) => this.#breakerChanged(member, state),
    failover: ({ from, to, atByte, path }) => {
      this.#counters.failovers.add(1, { "omni.from": from, "omni.to": to });
      this.#note("failover", { "omni.from": from, "omni.to": to, "omni.at_byte": atByte }, path);
    },
    hedge: ({ member, path }) => this.#count("hedges", {}, member, path),
    stale: ({ members, path }) => {
      this.#counters.stale_reads.add(1);
      this.#note("stale", { "omni.members": [...members] }, path);
    },
    heal: ({ complete }) => this.#counters.heals.add(1, { "omni.complete": complete }),
    repair: ({ member, action, bytes }) => {
      this.#counters.repaired.add(bytes, { "omni.member": member });
      this.#count("repairs", { "omni.action": action }, member);
    },
  };

  constructor({ meter = metrics.getMeter("@omni/otel"), paths = true }: MultiInstrumentationOptions) {
    this.#paths = paths;
    this.#counters = Object.fromEntries(
      Object.entries(COUNTERS).map(([name, [description, unit]]) => [
        name,
        meter.createCounter(`omni.multi.${name}`, { description, unit }),
      ]),
    ) as unknown as Record<keyof typeof COUNTERS, Counter>;
    this.#breaker = meter.createGauge("omni.multi.breaker", { description: "1 at the state that a member's breaker is in" });
  }

  take(event: GroupEvent): void {
    // A later version of the group may send more.
    (this.#handlers[event.type] as ((event: GroupEvent) => void) | undefined)?.(event);
  }

  #changed({ type, path, outcomes, error }: Change & { readonly type: string }): void {
    const operation = { "omni.operation": type };
    this.#counters.changes.add(1, error === undefined ? operation : { ...operation, "error.type": codeOf(error) });
    for (const { member, state } of outcomes) {
      const attributes = { ...operation, "omni.member": member, "omni.outcome": state };
      this.#counters.outcomes.add(1, attributes);
      if (state !== "committed") this.#note("outcome", attributes, path);
    }
  }

  #breakerChanged(member: string, state: string): void {
    for (const each of BREAKER_STATES)
      this.#breaker.record(each === state ? 1 : 0, { "omni.member": member, "omni.breaker": each });
    this.#note("breaker", { "omni.member": member, "omni.breaker": state });
  }

  /** Counts something at a member; with a path it is out of the ordinary, and noted at the active span. */
  #count(counter: keyof typeof COUNTERS, more: Attributes, member: string, path?: string): void {
    const attributes = { ...more, "omni.member": member };
    this.#counters[counter].add(1, attributes);
    if (path !== undefined) this.#note(NOTED[counter] ?? counter, attributes, path);
  }

  #note(what: string, attributes: Attributes, path?: string): void {
    const at = this.#paths && path !== undefined ? { "omni.path": path } : {};
    trace.getActiveSpan()?.addEvent(`omni.multi ${what}`, { ...attributes, ...at });
  }
}

/** How one of what a counter counts is called. */
const NOTED: Partial<Record<keyof typeof COUNTERS, string>> = { laggards: "laggard", hedges: "hedge" };

/** A code of Omni, else the error's class. */
function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "_OTHER";
}
