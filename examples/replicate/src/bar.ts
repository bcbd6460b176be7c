import { SingleBar } from "cli-progress";

/** A progress bar on a terminal, a line per phase elsewhere. */
export class Bar {
  readonly #files: number;
  readonly #bar: SingleBar | undefined;
  #phase: string | undefined;

  constructor(files: number) {
    this.#files = files;
    if (process.stderr.isTTY)
      this.#bar = new SingleBar({
        format: "{phase} {bar} {value}/{total} {file}",
        hideCursor: true,
        clearOnComplete: true,
        etaBuffer: 50,
      });
  }

  step(phase: "copy" | "verify", path: string): void {
    if (phase !== this.#phase) this.#begin(phase);
    this.#bar?.increment(1, { phase, file: path.slice(-60) });
  }

  end(): void {
    this.#bar?.stop();
  }

  #begin(phase: string): void {
    this.#bar?.stop();
    this.#phase = phase;
    if (this.#bar) this.#bar.start(this.#files, 0, { phase, file: "" });
    else console.error(`${phase}: ${this.#files} files`);
  }
}
