import type { Backend, ErrorCode } from "@omni/core";
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
  /** Rclone's flags for the same; absent: it has no such thing, or means another thing by it. `OTHER` and `BACKUP` stand for folders. */
  readonly rclone?: readonly string[];
  /** Changes what the run is given, for instance so that an object changes while it is copied. */
  readonly disturb?: (ends: { readonly from: Backend; readonly to: Backend }) => { readonly from: Backend; readonly to: Backend };
  /** More to look at afterwards. */
  readonly also?: (ends: { readonly from: Backend; readonly to: Backend }) => Promise<void>;
}

/** Text of a time: so many seconds after the tests' moment. */
export function t(text: string, at: number): Leaf {
  return { text, at };
}
