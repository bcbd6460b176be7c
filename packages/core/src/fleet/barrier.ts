import type { FleetRecords, Registration } from "./records.ts";

type Registrations = Pick<FleetRecords, "registrations">;

/**
 * Tells which lives are over: their refresh number stood still for their lease and the skew, counted on our own clock. No two machines' clocks are
 * compared.
 */
export class LifeWatch {
  readonly #records: Registrations;
  readonly #skewMs: number;
  readonly #monotonic: () => number;
  readonly #seen = new Map<string, { readonly refresh: number; readonly since: number }>();

  constructor(records: Registrations, skewMs: number, monotonic: () => number) {
    this.#records = records;
    this.#skewMs = skewMs;
    this.#monotonic = monotonic;
  }

  /** Looks at all registrations, and parts them. A life that has none is over, too. */
  async look(signal?: AbortSignal): Promise<{ readonly living: readonly Registration[]; readonly dead: readonly Registration[] }> {
    // What is read was true at some moment between these two: a life is first seen at the latter, and still unchanged only at the former.
    const asked = this.#monotonic();
    const registrations = await this.#records.registrations(signal);
    const answered = this.#monotonic();
    const living: Registration[] = [];
    const dead: Registration[] = [];
    for (const registration of registrations) {
      const { life, refresh, leaseMs } = registration;
      const before = this.#seen.get(life);
      if (before?.refresh !== refresh) this.#seen.set(life, { refresh, since: answered });
      const isOver = before?.refresh === refresh && asked - before.since > leaseMs + this.#skewMs;
      (isOver ? dead : living).push(registration);
    }
    return { living, dead };
  }
}

interface Waiting {
  readonly watch: LifeWatch;
  readonly epoch: number;
  readonly onWaiting?: ((instances: readonly Registration[]) => void) | undefined;
}

/**
 * Waits until every living instance runs the epoch.
 *
 * @returns the dead
 */
export async function waitForOthers(
  { watch, epoch, onWaiting }: Waiting,
  pause: (ms: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<readonly Registration[]> {
  for (;;) {
    const { living, dead } = await watch.look(signal);
    const behind = living.filter((registration) => registration.epoch < epoch);
    if (behind.length === 0) return dead;
    onWaiting?.(behind);
    await pause(Math.min(1_000, Math.max(1, ...behind.map(({ leaseMs }) => leaseMs / 10))));
  }
}
