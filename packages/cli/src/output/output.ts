import { once } from "node:events";
import { styleText } from "node:util";
import type { Live, LiveDisplay } from "./live.ts";

type Style = Parameters<typeof styleText>[0];

/** The part of a terminal or pipe that output needs. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface OutputOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly json: boolean;
  readonly quiet: boolean;
  /** `auto`: where the stream is a terminal, and as NO_COLOR and FORCE_COLOR say. */
  readonly color: "auto" | "always" | "never";
}

// Lines are gathered to so many characters, so that a listing of a million objects is not a million system calls.
const GATHERED = 16_384;

/** Results on stdout, messages on stderr, and what moves in between on terminals. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #color: OutputOptions["color"];
  #gathered = "";
  #scheduled: NodeJS.Immediate | undefined;
  #display: LiveDisplay | undefined;

  constructor({ stdout, stderr, json, quiet, color }: OutputOptions) {
    this.json = json;
    this.quiet = quiet;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#color = color;
  }

  /** Whether stdout is a terminal, on which names are made harmless. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Whether messages go to a terminal, so that something may move there. */
  get isInteractive(): boolean {
    return this.#stderr.isTTY === true;
  }

  /** One result: a line of text, or with `--json` the object in one line. Resolves when more may be printed. */
  async result(data: Readonly<Record<string, unknown>>, text: string | (() => string)): Promise<void> {
    if (!this.resultNow(data, text)) await once(this.#stdout, "drain");
  }

  /** The same without waiting. @returns whether more may be printed */
  resultNow(data: Readonly<Record<string, unknown>>, text: string | (() => string)): boolean {
    return this.#print(`${this.json ? JSON.stringify(data) : typeof text === "string" ? text : text()}\n`);
  }

  /** A line for people; nothing with `--json`. */
  async line(text: string): Promise<void> {
    if (!this.json && !this.#print(`${text}\n`)) await once(this.#stdout, "drain");
  }

  /** A table for people; nothing with `--json`. The first row is the head. */
  async table(rows: readonly (readonly string[])[]): Promise<void> {
    if (this.json) return;
    const { formatTable } = await import("./table.ts");
    this.#print(`${formatTable(rows.map((row) => row.map((cell) => this.name(cell))))}\n`);
  }

  /** Bytes of an object, as they are. */
  async data(chunk: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#flush();
    if (!this.#stdout.write(chunk as never)) await once(this.#stdout, "drain", signal && { signal });
  }

  /** A message that `--quiet` leaves out. */
  note(text: string): void {
    if (!this.quiet) this.warn(text);
  }

  /** A message. */
  warn(text: string): void {
    this.#flush();
    this.#beside(() => this.#stderr.write(`${text}\n`));
  }

  /** A name as it may be shown: on a terminal control characters are escaped, since they could move the cursor or worse. */
  name(text: string): string {
    return this.isTerminal || this.isInteractive ? escapeControls(text) : text;
  }

  /** Text in a colour, where colours are allowed on stdout. */
  paint(style: Style, text: string, stream: "stdout" | "stderr" = "stdout"): string {
    if (this.#color === "never") return text;
    if (this.#color === "always") return styleText(style, text, { validateStream: false });
    return styleText(style, text, { stream: (stream === "stdout" ? this.#stdout : this.#stderr) as never });
  }

  /**
   * Shows lines that change at the end of the terminal until `done()`; elsewhere, and with `--quiet`, shows nothing.
   *
   * @param render makes the lines, several times a second; each is cut at the terminal's width
   */
  async live(render: (columns: number) => readonly string[]): Promise<Live> {
    if (!this.isInteractive || this.quiet) return { done: () => {} };
    const { LiveDisplay } = await import("./live.ts");
    this.#flush();
    const display = new LiveDisplay(this.#stderr, render);
    this.#display = display;
    return {
      done: () => {
        display.stop();
        if (this.#display === display) this.#display = undefined;
      },
    };
  }

  /** Takes away what moves and waits until everything is written. */
  async end(): Promise<void> {
    this.#display?.stop();
    this.#display = undefined;
    this.#flush();
    for (const stream of [this.#stdout, this.#stderr])
      if (stream.writable) await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }

  #print(text: string): boolean {
    this.#gathered += text;
    if (this.#gathered.length >= GATHERED) return this.#flush();
    this.#scheduled ??= setImmediate(() => this.#flush());
    return true;
  }

  #flush(): boolean {
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#gathered === "") return true;
    const text = this.#gathered;
    this.#gathered = "";
    let flowing = true;
    const print = (): void => {
      flowing = this.#stdout.write(text);
    };
    if (this.isTerminal) this.#beside(print);
    else print();
    return flowing;
  }

  #beside(print: () => void): void {
    if (this.#display) this.#display.above(print);
    else print();
  }
}

/** Control characters, and those that turn the direction of writing, as escapes. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (c) => {
    const code = c.codePointAt(0) as number;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
