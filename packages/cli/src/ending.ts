import { Declined } from "./command.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import { exitCodeOf, Interrupted, OutputClosed, printError } from "./failures.ts";
import type { Output } from "./output/output.ts";

/** How a command ends before it is done: by a signal, or because nobody reads on. */
export class Ending {
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
