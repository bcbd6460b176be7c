// What a check is. Every check of the repository stands in one table (table.ts); everything else here runs, times and reports them.

/** `test`: what `npm test` runs. `push`: what CI runs. `full`: the counts that the promises were made with; run before a release. */
export const tiers = ["test", "push", "full"] as const;

/** One of {@link tiers}. */
export type Tier = (typeof tiers)[number];

/** One row of the table. */
export interface Check {
  /** Unique, kebab-case; also the name of its log file and, in the full tier, of its result in docs/verification. */
  readonly name: string;
  /** What it proves, in a few words, for the list. */
  readonly about: string;
  readonly tiers: readonly Tier[];
  /** Over its budget a check of the push tier fails; at twice the budget it is stopped in any tier. */
  readonly budgetSeconds: number;
  /** Full tier: what the result depends on, as git pathspecs. A result is stale when one of these files has changed. */
  readonly inputs?: readonly string[];
  readonly run: (context: CheckContext) => Promise<CheckOutcome>;
}

/** What a check is given. */
export interface CheckContext {
  readonly root: string;
  /** The folder that outlives the clone: tools, servers. */
  readonly cache: string;
  readonly tier: Tier;
  /** Words after the command line's own, for checks that can be narrowed. */
  readonly args: readonly string[];
  /** Where the check may leave files; emptied before each run. */
  readonly scratch: string;
  /** Fires when the budget is spent twice over or the run is interrupted. */
  readonly signal: AbortSignal;
  /** Environment for processes of the check. */
  readonly env: NodeJS.ProcessEnv;
  /** Writes a line into the check's log. */
  readonly log: (line: string) => void;
  /** Runs a program into the check's log; throws {@link CheckFailure} unless it ends with 0. */
  readonly run: (command: string, args: readonly string[], options?: RunOptions) => Promise<string>;
}

/** How a check's program is run. */
export interface RunOptions {
  /** @default the root of the repository */
  readonly cwd?: string;
  /** Added to the check's environment; undefined removes. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The whole environment instead of the check's. */
  readonly bareEnv?: Readonly<Record<string, string>>;
  /**
   * Shows the output at the terminal as well as in the log.
   * @default false
   */
  readonly live?: boolean;
  /**
   * Ends that are not a failure.
   * @default [0]
   */
  readonly okCodes?: readonly number[];
  /** Words after which the program has ten seconds to end; a program that hangs after its work is stopped early, and has failed. */
  readonly lastWords?: string;
}

/** How a check ended. Counts are cases where the check knows them; a check without cases counts as one. */
export interface CheckOutcome {
  readonly passed?: number;
  readonly failed?: number;
  readonly skipped?: number;
  /** The check could not be made at all: why, and how to get it. */
  readonly skip?: string;
  /** One line beside the check's result. */
  readonly note?: string;
  /** Full tier: what goes into docs/verification as `counts`. */
  readonly counts?: Readonly<Record<string, unknown>>;
}

/** A failed check, with the words for the person who reads it. */
export class CheckFailure extends Error {
  override readonly name = "CheckFailure";
  readonly outcome: CheckOutcome;

  constructor(message: string, outcome: CheckOutcome = {}) {
    super(message);
    this.outcome = outcome;
  }
}
