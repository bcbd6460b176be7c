import { createLogUpdate } from "log-update";
import type { OutputStream } from "./output.ts";

/** Lines that change until they are done. */
export interface Live {
  /** Takes the lines away. */
  done(): void;
}

const EVERY_MS = 100;

/** Lines at the end of a terminal that are drawn again and again. */
export class LiveDisplay {
  readonly #stream: OutputStream;
  readonly #render: (columns: number) => readonly string[];
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;

  constructor(stream: OutputStream, render: (columns: number) => readonly string[]) {
    this.#stream = stream;
    this.#render = render;
    this.#update = createLogUpdate(stream as NodeJS.WriteStream);
    this.#timer = setInterval(() => this.#draw(), EVERY_MS);
    // What it shows keeps the process alive, not the showing.
    this.#timer.unref();
    this.#draw();
  }

  /** Lets something be printed before the lines. */
  above(print: () => void): void {
    this.#update.clear();
    print();
    this.#draw();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#update.clear();
    this.#update.done();
  }

  #draw(): void {
    this.#update(this.#render(Math.max(20, (this.#stream.columns ?? 80) - 1)).join("\n"));
  }
}
