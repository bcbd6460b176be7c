import { randomUUID } from "node:crypto";
import { type Backend, OmniError } from "@omni/core";
import type { Fault, FaultProxy } from "@omni/fault-proxy";
import { faultsOf, type Refusals } from "./faults.ts";
import { random } from "./random.ts";
import { digest, OLD, OLD_DIGEST, type Seen, STEPS, type Step } from "./steps.ts";

/** What a run counts. Everything but `runs`, `succeeded`, `notApplied` and `unknown` must be 0. */
export interface Tally {
  runs: number;
  succeeded: number;
  notApplied: number;
  unknown: number;
  /** Objects that are neither whole old nor whole new. */
  torn: number;
  /** What a failed write left behind, after a sweep. */
  orphans: number;
  /** Operations without an end within their deadline. */
  hangs: number;
  /** Errors that are no OmniError with an outcome. */
  untyped: number;
  /** Results and outcomes that the store does not bear out. */
  untrue: number;
  readonly complaints: string[];
}

type Complaint = "torn" | "orphans" | "hangs" | "untyped" | "untrue";

/** One lane's way to the store: with the proxy between, and without. */
export interface FaultLane {
  readonly proxy: FaultProxy;
  readonly store: Backend;
  readonly direct: Backend;
  /** Sweeps what writes to these paths left, then gives what is still there, asked of the store without the driver. */
  leftovers(paths: readonly string[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** What is to be run. */
export interface FaultOrder {
  readonly seed: number;
  /** Operations in all. */
  readonly runs: number;
  /** @default 8 */
  readonly lanes?: number;
  readonly refusals: Refusals;
  /** Length in bytes of a body that goes in several requests. */
  readonly largeBytes: number;
  /** The most requests in a row that a fault strikes. */
  readonly mostRepeats: number;
  /** Opens a lane under a prefix of its own. */
  open(): Promise<FaultLane>;
}

/** The deadline of every operation; core gives a change a second more to say what became of it. */
const TIMEOUT_MS = 2_000;
const HANG_MS = TIMEOUT_MS + 4_000;
const SMALL = 2_000;

/** Runs operations under random faults in several lanes at once, each judged by what the store shows without the proxy. */
export async function faultLanes(order: FaultOrder): Promise<Tally> {
  const counts = { runs: 0, succeeded: 0, notApplied: 0, unknown: 0, torn: 0, orphans: 0, hangs: 0, untyped: 0, untrue: 0 };
  const tally: Tally = { ...counts, complaints: [] };
  const faults = faultsOf(order.refusals);
  const run = async (number: number): Promise<void> => {
    const lane = await order.open();
    const next = random(order.seed + number);
    while (tally.runs < order.runs) await faultRun(lane, order, faults, next, tally);
    await lane.close();
  };
  await Promise.all(Array.from({ length: order.lanes ?? 8 }, (_, number) => run(number)));
  return tally;
}

async function faultRun(
  { proxy, store, direct, leftovers }: FaultLane,
  { largeBytes, mostRepeats }: FaultOrder,
  faults: readonly Fault[],
  next: () => number,
  tally: Tally,
): Promise<void> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const [name, step] = pick(STEPS);
  const fault = pick(faults);
  const first = Math.floor(next() * 3);
  const repeats = 1 + Math.floor(next() * mostRepeats);
  const isLarge = step.large === "always" || (step.large === "sometimes" && next() < 0.3);
  const fresh = new Uint8Array(isLarge ? largeBytes : SMALL).fill(1 + Math.floor(next() * 250));
  const path = randomUUID();
  const other = `other-${path}`;
  const { etag = "" } = await direct.write(path, OLD.slice());

  let seen = 0;
  const stop = proxy.use(() => (seen++ >= first && seen <= first + repeats ? fault : undefined));
  const result = await settle(step.run({ store, path, other, fresh: fresh.slice(), etag, timeoutMs: TIMEOUT_MS }));
  stop();
  tally.runs++;

  const complain = (kind: Complaint, detail: string): void => {
    tally[kind]++;
    tally.complaints.push(`${kind}: ${name} under ${JSON.stringify(fault)} from request ${first}, ${repeats} times: ${detail}`);
  };
  const now = [await digestAt(direct, path), await digestAt(direct, other)] as const;
  const wanted = step.after(OLD_DIGEST, digest(fresh));
  const whole = new Set<Seen>([OLD_DIGEST, digest(fresh), undefined]);
  if (!whole.has(now[0]) || !whole.has(now[1])) complain("torn", String(now));

  if (result.kind === "hung") complain("hangs", "no answer");
  else if (result.kind === "done") {
    tally.succeeded++;
    if (!same(now, wanted)) complain("untrue", `success, but ${now} and not ${wanted}`);
  } else judgeError(result.error, step, now, wanted, tally, complain);

  for (const left of await leftovers([path, other])) complain("orphans", left);
  await direct.deleteMany([path, other]);
}

function judgeError(
  error: unknown,
  step: Step,
  now: readonly [Seen, Seen],
  wanted: readonly [Seen, Seen],
  tally: Tally,
  complain: (kind: Complaint, detail: string) => void,
): void {
  const old: readonly [Seen, Seen] = [OLD_DIGEST, undefined];
  if (!OmniError.is(error) || error.code === "UNKNOWN")
    complain("untyped", error instanceof Error ? (error.stack ?? error.message) : String(error));
  else if (step.changes && error.outcome === undefined) complain("untyped", `no outcome: ${error.message}`);
  else if (error.outcome === "unknown") {
    tally.unknown++;
    // A copy may be there while its source is, too: a move that was not finished lost nothing.
    const between: readonly [Seen, Seen] = [old[0], wanted[1]];
    if (!same(now, old) && !same(now, wanted) && !same(now, between)) complain("untrue", `unknown, but ${now}: ${error.message}`);
  } else {
    tally.notApplied++;
    if (!same(now, old)) complain("untrue", `not applied, but ${now}: ${error.message}`);
  }
}

function same(a: readonly [Seen, Seen], b: readonly [Seen, Seen]): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

type Result = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: unknown } | { readonly kind: "hung" };

async function settle(work: Promise<unknown>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<Result>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "hung" }), HANG_MS);
  });
  const ended: Promise<Result> = work.then(
    () => ({ kind: "done" }),
    (error: unknown) => ({ kind: "failed", error }),
  );
  const result = await Promise.race([ended, hung]);
  clearTimeout(timer);
  return result;
}

async function digestAt(store: Backend, path: string): Promise<Seen> {
  try {
    return digest(await (await store.read(path)).bytes());
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
