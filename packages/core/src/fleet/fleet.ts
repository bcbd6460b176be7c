import type { Backend } from "../backend.ts";
import { type Clock, delay, systemClock } from "../clock.ts";
import { OmniError } from "../error.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { LifeWatch, waitForOthers } from "./barrier.ts";
import { LivingMembership, type Membership } from "./membership.ts";
import { FleetRecords, type FleetState, type Registration } from "./records.ts";

/** What a fleet is made of. */
export interface FleetOptions {
  /** Where states and registrations are kept: any backend with conditional create that all instances share. */
  readonly backend: Backend;
  /** What the instances have in common: letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** The states in their order; the fleet moves one step at a time, forth or back. The last one is not left again. */
  readonly states: readonly string[];
  /** Name of this instance, for people. @default a random one */
  readonly instance?: string | undefined;
  /** How long an instance may work without word from the backend, in milliseconds. @default 30000 */
  readonly leaseMs?: number | undefined;
  /**
   * What is waited beyond a lease before its instance is taken for dead, in milliseconds: the time for it to break off what it has under way, and for
   * clocks that run unlike. @default 5000
   */
  readonly skewMs?: number | undefined;
  /** @default none */
  readonly logger?: Logger | undefined;
  /** The machine's clock. @default the system's */
  readonly clock?: Clock | undefined;
  /** A clock that nobody sets, in milliseconds. @default `performance.now` */
  readonly monotonic?: (() => number) | undefined;
}

/** How a fleet is moved. */
export interface MoveOptions {
  /** Moves at once, without waiting for any instance, and out of the last state: the promise is void, and the record says why. */
  readonly force?: string | undefined;
  /** Told which instances are waited for, at each look. */
  readonly onWaiting?: ((instances: readonly Registration[]) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Instances of one application that go through states together: two of them are never more than one state apart. */
export interface Fleet {
  /** The newest state. */
  state(signal?: AbortSignal): Promise<FleetState>;
  /** Every state there was, the oldest first. */
  history(signal?: AbortSignal): Promise<readonly FleetState[]>;
  /** Waits until every living instance runs the newest state, and gives that. */
  settled(options?: Pick<MoveOptions, "onWaiting" | "signal">): Promise<FleetState>;
  /**
   * Watches one life: each call of what is returned looks once, and answers whether the life is over, so that nothing works under it any more. A life
   * that was not seen leaving is over when its lease and `skewMs` have passed since the first look.
   */
  watchLife(life: string): (signal?: AbortSignal) => Promise<boolean>;
  /** Registers this instance. */
  join(): Promise<Membership>;
  /** The registrations that are there, those of dead instances too until they are waited out. */
  instances(signal?: AbortSignal): Promise<readonly Registration[]>;
  /**
   * Moves the fleet one state on or back, when every instance runs the present one and the leases of dead ones are over.
   *
   * @throws OmniError INVALID_ARGUMENT when the state is unknown, not a neighbour of the present one, or the present one is the last;
   * PRECONDITION_FAILED when somebody else moved it meanwhile
   */
  move(to: string, options?: MoveOptions): Promise<FleetState>;
}

/**
 * Opens a fleet.
 *
 * @throws OmniError INVALID_ARGUMENT; NOT_SUPPORTED when the backend has no conditional create
 */
export function fleet(options: FleetOptions): Fleet {
  const { states, clock = systemClock, monotonic = () => performance.now(), logger = silentLogger } = options;
  const { leaseMs = 30_000, skewMs = 5_000, instance = crypto.randomUUID() } = options;
  checkOptions(options, leaseMs, skewMs, instance);
  const records = new FleetRecords(options.backend, options.name);
  const watch = (): LifeWatch => new LifeWatch(records, skewMs, monotonic);

  async function head(signal?: AbortSignal): Promise<FleetState> {
    const found = await records.head(signal);
    if (!found) {
      const first = { epoch: 0, state: states[0] as string, at: clock.now(), by: instance };
      return (await records.append(first, signal)) ? first : head(signal);
    }
    if (!states.includes(found.state)) throw unknownState(found.state, "the fleet is in", states);
    return found;
  }

  function wait(epoch: number, onWaiting: MoveOptions["onWaiting"], signal?: AbortSignal): Promise<readonly Registration[]> {
    return waitForOthers({ watch: watch(), epoch, onWaiting }, (ms) => delay(ms, clock, signal), signal);
  }

  async function move(to: string, { force, onWaiting, signal }: MoveOptions = {}): Promise<FleetState> {
    if (!states.includes(to)) throw unknownState(to, "the fleet was to be moved to", states);
    const from = await head(signal);
    if (from.state === to) return from;
    if (force === undefined) checkStep(from.state, to, states);
    const dead = force === undefined ? await wait(from.epoch, onWaiting, signal) : [];
    const next = {
      epoch: from.epoch + 1,
      state: to,
      at: clock.now(),
      by: instance,
      ...(force === undefined ? {} : { forced: force }),
    };
    if (!(await records.append(next, signal))) {
      const reason = `somebody else moved it from "${from.state}" meanwhile; look at state() and decide again`;
      throw new OmniError("PRECONDITION_FAILED", { operation: "fleet move", reason, outcome: "not-applied" });
    }
    logger.info({ from: from.state, to, epoch: next.epoch, forced: force }, "the fleet was moved");
    for (const { life } of dead) await records.remove(life, signal);
    return next;
  }

  return {
    state: head,
    async settled({ onWaiting, signal } = {}) {
      const now = await head(signal);
      await wait(now.epoch, onWaiting, signal);
      return now;
    },
    watchLife(life) {
      const lives = watch();
      return async (signal) => !(await lives.look(signal)).living.some((registration) => registration.life === life);
    },
    history: (signal) => records.history(signal),
    instances: (signal) => records.registrations(signal),
    move,
    async join() {
      const membership = new LivingMembership({ records, instance, leaseMs, clock, monotonic, logger, head });
      await membership.join();
      return membership;
    },
  };
}

function checkOptions({ name, states }: FleetOptions, leaseMs: number, skewMs: number, instance: string): void {
  const invalid = (what: string, value: unknown, expected: string): OmniError =>
    new OmniError("INVALID_ARGUMENT", {
      operation: "fleet",
      reason: `${what} is ${JSON.stringify(value)}, it has to be ${expected}`,
    });
  for (const [what, value] of [["name", name] as const, ["instance", instance] as const])
    if (!/^[\w.-]{1,100}$/.test(value) || /^\.+$/.test(value)) throw invalid(what, value, "1 to 100 letters, digits, -, _ and .");
  if (states.length < 2 || new Set(states).size < states.length) throw invalid("states", states, "two or more different names");
  if (!(leaseMs >= 1)) throw invalid("leaseMs", leaseMs, "1 or more milliseconds");
  if (!(skewMs >= 0)) throw invalid("skewMs", skewMs, "0 or more milliseconds");
}

function checkStep(from: string, to: string, states: readonly string[]): void {
  const reason =
    from === states.at(-1)
      ? `"${from}" is the last state, there is no way back; \`force\` moves nevertheless and voids the promise`
      : `from "${from}" it goes to ${neighbours(from, states)} and not to "${to}": one step at a time`;
  const distance = Math.abs(states.indexOf(from) - states.indexOf(to));
  if (from === states.at(-1) || distance !== 1) throw new OmniError("INVALID_ARGUMENT", { operation: "fleet move", reason });
}

function neighbours(from: string, states: readonly string[]): string {
  const at = states.indexOf(from);
  const names = [states[at - 1], states[at + 1]].filter((name) => name !== undefined);
  return names.map((name) => `"${name}"`).join(" or ");
}

function unknownState(state: string, what: string, states: readonly string[]): OmniError {
  const reason = `${what} "${state}", which is none of the states of this program: ${states.join(", ")}`;
  return new OmniError("INVALID_ARGUMENT", { operation: "fleet", reason });
}
