import type { ExitCode } from "./exit-codes.ts";
import type { OptionsOf, OptionTable } from "./options.ts";
import type { Output } from "./output/output.ts";
import type { Targets } from "./targets.ts";

/** What a command is given beside its arguments and options. */
export interface Context {
  /** What URLs and names mean; opened at the first call and closed by the frame. */
  targets(): Promise<Targets>;
  /** Where results and messages go. */
  readonly out: Output;
  /** Aborts at Ctrl-C and SIGTERM; a command lets what it holds go and rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /**
   * Asks before something that cannot be undone. Resolves at once with `--yes` and in a dry run.
   *
   * @param question without "?": `delete 12 objects of s3://bucket/old`
   * @throws Declined when the answer is no, or nobody can be asked
   */
  confirm(question: string): Promise<void>;
  /** `--yes` was given: `confirm` will not ask. */
  readonly isConfirmed: boolean;
  /** What was typed, to be typed again. */
  readonly commandLine: string;
  /** Said when Ctrl-C ends the command: how to go on. A function is asked at that moment. */
  onInterrupt(advice: string | (() => string)): void;
  /** Results as JSON: one object a line. */
  readonly json: boolean;
  /** Nothing but results and errors. */
  readonly quiet: boolean;
  /** Change nothing and say what would be done. */
  readonly dryRun: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** `--config`, where it was given. */
  readonly configFile: string | undefined;
}

/**
 * A command's body.
 *
 * @returns the exit code; nothing = clean
 * @throws OmniError, which the frame prints and turns into an exit code
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a body without a return statement has the type void
export type Run<O> = (context: Context, args: readonly string[], options: O) => Promise<ExitCode | void>;

/** One argument of a command: `<from>`, `[path]`, `<path...>`. */
export interface ArgumentSpec {
  readonly name: string;
  readonly about: string;
  /** What shells complete it with, in place of names and paths. */
  readonly choices?: readonly string[] | undefined;
}

/** One example of `--help`. */
export interface Example {
  /** The whole line: `omni ls s3://bucket/photos/`. */
  readonly command: string;
  readonly about: string;
}

/** A command as the table has it: light, since all of them are made for `omni --help`. Bodies are loaded when they run. */
export interface CommandSpec {
  /** What is typed after `omni`: `ls`, or `queue publish` for a command of a group. */
  readonly name: string;
  /** Heading in `omni --help`. */
  readonly heading: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** More lines for the command's own `--help`. */
  readonly description?: string | undefined;
  /** Only the last one may be repeated. */
  readonly arguments: readonly ArgumentSpec[];
  /** How `--help` shows options and arguments. @default made of the arguments */
  readonly usage?: string | undefined;
  readonly options: OptionTable;
  readonly examples: readonly Example[];
  /** Adds `--dry-run`. @default false */
  readonly changes?: boolean | undefined;
  /** Adds `--yes`. @default false */
  readonly asks?: boolean | undefined;
  load(): Promise<{ readonly run: Run<never> }>;
}

/** Checks that a command's body takes what its table of options gives. */
export function defineCommand<T extends OptionTable>(
  spec: Omit<CommandSpec, "options" | "load"> & {
    readonly options: T;
    load(): Promise<{ readonly run: Run<OptionsOf<T>> }>;
  },
): CommandSpec {
  return spec;
}

/** The answer to a question was no, or nobody could be asked. */
export class Declined extends Error {
  override readonly name = "Declined";
}

/** The command line makes no sense; printed with the command's usage. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
