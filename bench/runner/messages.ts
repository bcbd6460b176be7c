import type { Json, Params } from "./benchmark.ts";
import type { PeakMethod } from "./memory.ts";

/** What one round cost its subject. */
export interface Sample {
  /** Wall time of `run` alone, in nanoseconds. */
  readonly wallNanos: number;
  /** User and system time of the process, all its threads and the programs it waited for, in microseconds. */
  readonly cpuMicros: number;
  /** Highest resident set during the round, in bytes. */
  readonly peakRssBytes: number;
  /** What the subject itself counts, by name and unit. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** What the runner asks of a subject's process. One question at a time; each has one answer. */
export type Question =
  | {
      readonly kind: "start";
      readonly file: string;
      readonly subject: string;
      readonly params: Params;
      readonly fixture: Json;
      readonly folder: string;
    }
  | { readonly kind: "round" }
  | { readonly kind: "proof" }
  | { readonly kind: "finish" };

/** What the subject's process answers. */
export type Answer =
  | { readonly kind: "started"; readonly idleRssBytes: number; readonly peakMethod: PeakMethod }
  | { readonly kind: "measured"; readonly sample: Sample }
  | { readonly kind: "proven"; readonly proof: string | null }
  | { readonly kind: "finished" }
  | { readonly kind: "failed"; readonly error: string };
