import type { FleetRecords, Registration } from "./records.ts";

interface Waiting {
  readonly records: Pick<FleetRecords, "registrations">;
  readonly epoch: number;
  readonly skewMs: number;
  readonly monotonic: () => number;
  readonly onWaiting?: ((instances: readonly Registration[]) => void) | undefined;
}

/**
 * Waits until every registered instance runs the epoch, or is dead: its refresh number has not changed for its lease and the skew, counted on our own
 * clock from when we first saw it. No two machines' clocks are compared.
 *
 * @returns the dead
 */
export async function waitForOthers(
  { records, epoch, skewMs, monotonic, onWaiting }: Waiting,
  pause: (ms: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<readonly Registration[]> {
  const seen = new Map<string, { readonly refresh: number; readonly since: number }>();
  for (;;) {
    // What is read was true at some moment between these two: a life is first seen at the latter, and still unchanged only at the former.
    const asked = monotonic();
    const registrations = await records.registrations(signal);
    const answered = monotonic();
    const behind: Registration[] = [];
    const dead: Registration[] = [];
    for (const registration of registrations) {
      if (registration.epoch >= epoch) continue;
      const { life, refresh, leaseMs } = registration;
      const before = seen.get(life);
      if (before?.refresh !== refresh) seen.set(life, { refresh, since: answered });
      else if (asked - before.since > leaseMs + skewMs) dead.push(registration);
      if (dead.at(-1) !== registration) behind.push(registration);
    }
    if (behind.length === 0) return dead;
    onWaiting?.(behind);
    await pause(Math.min(1_000, Math.max(1, ...behind.map(({ leaseMs }) => leaseMs / 10))));
  }
}
