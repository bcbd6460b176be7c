import { createInterface } from "node:readline/promises";
import { Declined } from "../command.ts";
import type { Output, OutputStream } from "./output.ts";

export interface QuestionOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: OutputStream;
  readonly out: Output;
  readonly signal: AbortSignal;
  /** Called at Ctrl-C, which a terminal in raw mode does not make a signal of. */
  interrupt(): void;
}

/**
 * Asks on the terminal whether something is to be done; no is the default.
 *
 * @throws Declined when it is not, or no terminal is there to ask on
 */
export async function ask(question: string, { stdin, stderr, out, signal, interrupt }: QuestionOptions): Promise<void> {
  if (!stdin.isTTY || !stderr.isTTY)
    throw new Declined(`this would ${question}; nobody can be asked here: give --yes, or look first with --dry-run`);
  const terminal = createInterface({ input: stdin, output: stderr });
  terminal.on("SIGINT", interrupt);
  try {
    const answer = await terminal.question(`${out.name(question[0]?.toUpperCase() + question.slice(1))}? [y/N] `, { signal });
    if (!/^\s*y(?:es)?\s*$/i.test(answer)) throw new Declined("nothing was changed");
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}
