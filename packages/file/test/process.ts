import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const running = new Set<ChildProcess>();

/** A process that runs a file of this directory; lines of its output can be awaited. */
export class TestProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown[]>;
  #trouble = "";

  /**
   * @param script file name in this directory
   * @param args strings that it is given
   */
  constructor(script: string, ...args: readonly string[]) {
    const flags = ["--experimental-strip-types", "--no-warnings", "--conditions=@omni/source"];
    const file = fileURLToPath(new URL(script, import.meta.url));
    this.#child = spawn(process.execPath, [...flags, file, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    running.add(this.#child);
    this.#ended = once(this.#child, "exit").finally(() => running.delete(this.#child));
    this.#child.stderr?.on("data", (text) => {
      this.#trouble += text;
    });
    this.#lines = createInterface({ input: this.#child.stdout as Readable })[Symbol.asyncIterator]();
  }

  /** The next line. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the process ended without a line: ${this.#trouble}`);
    return value;
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits for a good end. */
  async end(): Promise<void> {
    const [code, signal] = await this.#ended;
    if (code !== 0) throw new Error(`the process ended with ${code ?? signal}: ${this.#trouble}`);
  }

  async kill(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" = "SIGKILL"): Promise<void> {
    this.#child.kill(signal);
    if (signal === "SIGKILL") await this.#ended;
  }
}

/** Ends what a failed test left. */
export function endProcesses(): void {
  for (const child of running) child.kill("SIGKILL");
}
