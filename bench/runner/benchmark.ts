/** What crosses the border between the runner and the process of a subject. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One case of a benchmark: sizes, counts, algorithms. Recorded with the result. */
export type Params = { readonly [key: string]: Json };

/** What a subject is given before its first round. */
export interface SubjectContext<P extends Params = Params, F extends Json = Json> {
  readonly params: P;
  /** What the benchmark's `setup` returned. */
  readonly fixture: F;
  /** An empty folder of this subject's own, removed after the run. */
  readonly folder: string;
}

/** What a round spent outside of the subject's own process, where it drives another program. */
export interface OutsideCost {
  /** Highest resident set of that program, added to the subject's own peak. */
  readonly peakRssBytes: number;
}

/** A subject that is ready: everything here except `run` happens outside of the measured time. */
export interface Session {
  /** One round: the whole `work` of the case. Only this is measured. */
  run(): void | OutsideCost | Promise<void> | Promise<OutsideCost>;
  /** Of the last `run` what neither time nor memory says, by name and unit: `P95 ms`. The medians over the rounds stand below the table. */
  figures?(): Readonly<Record<string, number>>;
  /** Brings things back to how `run` found them; called after every round. */
  tidy?(): void | Promise<void>;
  /** A digest of what the last `run` did. All subjects of a case must give the same, else the run fails. */
  proof?(): string | Promise<string>;
  close?(): void | Promise<void>;
}

/** Something that can be measured. It lives in a process of its own. */
export interface Subject<P extends Params = Params, F extends Json = Json> {
  /** Shown in the table, e.g. `Omni createWriter`. */
  readonly label: string;
  /** Imports what it needs and makes it ready. Imports belong here, so that nobody pays for another's modules. */
  start(context: SubjectContext<P, F>): Session | Promise<Session>;
}

/** What a peer needs on the machine, and where it comes from when it is absent. */
export type Need = { readonly package: string; readonly how: string } | { readonly program: string; readonly how: string };

/** When a ratio counts as reached: by the better end of its interval, or by an interval that holds the value. */
export type Target = { readonly atLeast: number } | { readonly atMost: number } | { readonly includes: number };

/** A subject that ours is compared with. */
export interface Peer<P extends Params = Params, F extends Json = Json> extends Subject<P, F> {
  /** Short and unique within the benchmark; stands in the raw results. */
  readonly name: string;
  /** Absent: always there. */
  readonly needs?: Need;
  /** False where the peer cannot do this case; it is then left out of the case without a word. @default always true */
  takes?(params: P): boolean;
  /** What the ratio against this peer should reach; absent, or in a paced case: the ratio is stated, not judged. */
  readonly target?: Target;
}

/** One benchmark: the default export of a file in this folder. */
export interface Benchmark<P extends Params = Params, F extends Json = Json> {
  /** The same as the file's name without `.ts`. */
  readonly name: string;
  readonly title: string;
  /** What is counted, in the singular: `MiB`, `chunk`, `object`. */
  readonly unit: string;
  /**
   * How a ratio is formed. `speed`: the peer's time by ours, above 1 is ours faster. `time`: our time by the peer's, below 1 is
   * ours faster.
   */
  readonly compare: "speed" | "time";
  /** The cases: one table each. `quick` ones are small enough for a smoke run. */
  readonly params: { readonly full: readonly P[]; readonly quick: readonly P[] };
  /**
   * Rounds of a full run, and the fewest it may have, where a round lasts minutes. The warm-up is one round then, or none where each
   * round is a process of its own, which nothing warms.
   *
   * @default 15 and 15, with two rounds of warm-up
   */
  readonly rounds?: { readonly usual: number; readonly fewest: number; readonly warmUp?: 0 };
  /** How many units one round of a case handles. */
  work(params: P): number;
  /**
   * Whether a case gives all subjects the same pace. Their wall time is the same then, so that ratios are of CPU time, and stated: a target
   * asks for speed. What the case is run for stands in `figures`.
   *
   * @default no case does
   */
  isPaced?(params: P): boolean;
  /** Makes what all subjects share (input files, a server) once per case, in the runner's process. */
  setup?(params: P, folder: string): F | Promise<F>;
  teardown?(fixture: F): void | Promise<void>;
  /** Highest peak RSS above idle allowed to ours, in MiB; passing it fails the run, in a smoke run too. None for a case too small to reach it. */
  memoryCeilingMiB?(params: P): number | undefined;
  readonly subjects: { readonly ours: Subject<P, F>; readonly peers: readonly Peer<P, F>[] };
}

/** Checks a benchmark's types where it is written; the runner takes it as any benchmark. */
export function defineBenchmark<P extends Params, F extends Json = null>(benchmark: Benchmark<P, F>): Benchmark {
  return benchmark;
}

/** The name under which our own subject stands in the results. */
export const ours = "ours";
