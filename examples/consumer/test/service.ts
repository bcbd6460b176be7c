import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** One of the two services as a process of its own. */
export class Service {
  /** What it said on its standard output, each line parsed. */
  readonly lines: Record<string, unknown>[] = [];
  /** What it said on its standard error. */
  complaints = "";
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  readonly #changed = new Set<() => void>();

  constructor(name: "producer" | "consumer", env: Readonly<Record<string, string>>, ...args: readonly string[]) {
    const program = fileURLToPath(new URL(`../../${name}/src/index.ts`, import.meta.url));
    const flags = ["--conditions=@omni/source", "--disable-warning=ExperimentalWarning"];
    const child = spawn(process.execPath, [...flags, program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, ...env },
    });
    this.#child = child;
    this.#exit = once(child, "exit");
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.lines.push(JSON.parse(line) as Record<string, unknown>);
      this.#tell();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.complaints += text;
      this.#tell();
    });
    void this.#exit.then(() => this.#tell());
  }

  /** Values of one field, in the order in which they were said. */
  values(field: string): unknown[] {
    return this.lines.flatMap((line) => (field in line ? [line[field]] : []));
  }

  /** @throws when it ends before it is so */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the service ended:\n${this.complaints}`);
      await new Promise<void>((resolve) => this.#changed.add(resolve));
    }
  }

  /** Resolves with its exit code, or with the signal that ended it. */
  async end(signal?: NodeJS.Signals): Promise<unknown> {
    if (signal && this.#child.exitCode === null) this.#child.kill(signal);
    const [code, by] = await this.#exit;
    return code ?? by;
  }

  #tell(): void {
    for (const resolve of this.#changed) resolve();
    this.#changed.clear();
  }
}
