import type { Backend, Clock, ErrorCode } from "@omni/core";
import type { SyncOptions } from "@omni/sync";
import type { Leaf, Tree } from "../trees.ts";

export type CaseOptions = Omit<SyncOptions, "from" | "to" | "compareDest">;

/** One named case: two trees, a verb and its options, and what is there afterwards. */
export interface SyncCase {
  readonly name: string;
  /** @default "sync" */
  readonly verb?: "sync" | "copy" | "move" | "check" | "verify" | "diff";
  readonly from?: Tree;
  readonly to?: Tree;
  /** A third place that `compareDest` names. */
  readonly other?: Tree;
  /** Both ends in one store, which holds `from`; prefixes are in the options. */
  readonly oneStore?: boolean;
  readonly options?: CaseOptions;
  /** What the destination holds afterwards, as text. @default what it held before */
  readonly after?: Readonly<Record<string, string>>;
  /** What the source holds afterwards. @default what it held before */
  readonly left?: Readonly<Record<string, string>>;
  /** The report's lines, without the summary; `undefined` = not looked at. */
  readonly lines?: readonly string[];
  /** The codes of the failures, in the order of the report. @default none */
  readonly fails?: readonly ErrorCode[];
  /** The run is refused with this code before anything is done. */
  readonly refused?: ErrorCode;
  /** Rclone's flags for the same. `OTHER` stands for the third folder, `BESIDE/x` for a folder of the destination's store, `FILES` for the list of `filesFrom`. */
  readonly rclone?: readonly string[];
  /** Why rclone is not asked: what it does, or cannot do. What is refused, or disturbed while it runs, needs no reason. */
  readonly withoutRclone?: string;
  /** Changes what the run is given, for instance so that an object changes while it is copied. */
  readonly disturb?: (ends: { readonly from: Backend; readonly to: Backend }) => {
    readonly from: Backend;
    readonly to: Backend;
    /** What the run takes for time. @default the machine's */
    readonly clock?: Clock;
  };
  /** More to look at afterwards. */
  readonly also?: (ends: { readonly from: Backend; readonly to: Backend }) => Promise<void>;
}

/** Text of a time: so many seconds after the tests' moment. */
export function t(text: string, at: number): Leaf {
  return { text, at };
}
