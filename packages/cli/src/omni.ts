import { CommanderError } from "commander";
import { type Context, Declined } from "./command.ts";
import { specs } from "./commands/index.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import { exitCodeOf, Interrupted, OutputClosed, printError } from "./failures.ts";
import { ask } from "./output/confirm.ts";
import { Output } from "./output/output.ts";
import { type Invocation, makeProgram } from "./program.ts";
import type { Targets } from "./targets.ts";
import { version } from "./version.ts";

/**
 * Runs the `omni` command in this process: reads its arguments, prints, asks, obeys Ctrl-C.
 *
 * @param args what follows `omni` on the command line
 * @returns the exit code; see {@link EXIT_CODES}
 */
export async function omni(args: readonly string[]): Promise<ExitCode> {
  if (args[0] === "complete") {
    const { complete } = await import("./completion/complete.ts");
    await complete(specs, args.slice(1), () => openTargets(undefined));
    return EXIT_CODES.CLEAN;
  }
  let asked: Invocation | undefined;
  const program = makeProgram(specs, version(), (invocation) => {
    asked = invocation;
  });
  if (args.length === 0) {
    process.stderr.write(program.helpInformation());
    return EXIT_CODES.USAGE;
  }
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_CODES.CLEAN : EXIT_CODES.USAGE;
  }
  return asked ? invoke(asked) : EXIT_CODES.USAGE;
}

async function invoke({ spec, args, options, globals }: Invocation): Promise<ExitCode> {
  const { stdin, stdout, stderr } = process;
  const { json = false, quiet = false, color = "auto", dryRun = false, yes = false, debug = false } = globals;
  const out = new Output({ stdout, stderr, json, quiet, color });
  const ending = new Ending(out);
  let targets: Promise<Targets> | undefined;
  const context: Context = {
    targets: () => {
      targets ??= openTargets(globals.config);
      return targets;
    },
    out,
    signal: ending.signal,
    confirm: async (question) => {
      if (yes || dryRun) return;
      await ask(question, { stdin, stderr, out, signal: ending.signal, interrupt: () => ending.interrupt("SIGINT") });
    },
    isConfirmed: yes,
    onInterrupt: (advice) => ending.advise(advice),
    json,
    quiet,
    dryRun,
    env: process.env,
    cwd: process.cwd(),
    configFile: globals.config,
  };
  let code: ExitCode;
  try {
    const { run } = await spec.load();
    code = (await run(context, args, options as never)) ?? EXIT_CODES.CLEAN;
  } catch (error) {
    code = ending.explain(error, debug);
  }
  try {
    await (await targets)?.close();
  } catch (error) {
    if (code === EXIT_CODES.CLEAN) code = ending.explain(error, debug);
  }
  await out.end();
  ending.release();
  return code;
}

async function openTargets(configFile: string | undefined): Promise<Targets> {
  const { openTargets: openConfigured } = await import("./config/index.ts");
  return openConfigured({ env: process.env, cwd: process.cwd(), ...(configFile === undefined ? {} : { configFile }) });
}

/** How a command ends before it is done: by a signal, or because nobody reads on. */
class Ending {
  readonly #controller = new AbortController();
  readonly #out: Output;
  #advice: string | (() => string) | undefined;
  readonly #onInt = (): void => this.interrupt("SIGINT");
  readonly #onTerm = (): void => this.interrupt("SIGTERM");
  readonly #onStdoutError = (error: NodeJS.ErrnoException): void => {
    this.#controller.abort(error.code === "EPIPE" ? new OutputClosed() : error);
  };
  // Nobody can be told that nobody listens.
  readonly #onStderrError = (): void => {};

  constructor(out: Output) {
    this.#out = out;
    process.on("SIGINT", this.#onInt);
    process.on("SIGTERM", this.#onTerm);
    process.stdout.on("error", this.#onStdoutError);
    process.stderr.on("error", this.#onStderrError);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  advise(advice: string | (() => string)): void {
    this.#advice = advice;
  }

  interrupt(signal: "SIGINT" | "SIGTERM"): void {
    if (this.#controller.signal.aborted) {
      // Asked twice: the terminal gets its cursor back, and nothing else is waited for.
      process.stderr.write("\u001b[?25h".repeat(process.stderr.isTTY ? 1 : 0));
      process.exit(signal === "SIGINT" ? EXIT_CODES.INTERRUPTED : EXIT_CODES.TERMINATED);
    }
    this.#controller.abort(new Interrupted(signal));
  }

  /** Says why a command failed and gives its exit code. */
  explain(error: unknown, debug: boolean): ExitCode {
    const { signal } = this.#controller;
    const reason: unknown = signal.aborted && !(error instanceof Declined) ? signal.reason : error;
    const advice = typeof this.#advice === "function" ? this.#advice() : this.#advice;
    printError(this.#out, reason, debug, advice);
    return exitCodeOf(reason);
  }

  release(): void {
    process.off("SIGINT", this.#onInt);
    process.off("SIGTERM", this.#onTerm);
    process.stdout.off("error", this.#onStdoutError);
    process.stderr.off("error", this.#onStderrError);
  }
}
