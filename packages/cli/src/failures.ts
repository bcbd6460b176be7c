import { inspect } from "node:util";
import { type ErrorCode, MultiError, OmniError, redact } from "@omni/core";
import { Declined, UsageError } from "./command.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import { inFlags } from "./flag-words.ts";
import type { Output } from "./output/output.ts";

/** A signal ended the command. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super("interrupted");
    this.signal = signal;
  }
}

/** Whoever read stdout went away, as `omni ls | head` does. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

const CODES: Partial<Record<ErrorCode, ExitCode>> = {
  NOT_FOUND: EXIT_CODES.NOT_FOUND,
  INVALID_ARGUMENT: EXIT_CODES.USAGE,
  INVALID_PATH: EXIT_CODES.USAGE,
  UNKNOWN_BACKEND: EXIT_CODES.USAGE,
  NOT_INSTALLED: EXIT_CODES.USAGE,
  IN_DOUBT: EXIT_CODES.PENDING,
};

/** What to do about errors whose message does not say it itself. */
const REMEDIES: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: "check the credentials; `omni doctor` says where they come from",
  PERMISSION_DENIED: "these credentials may not do this; `omni doctor` says what they may",
  UNAVAILABLE: "check the endpoint and the network, then try again; `omni doctor` looks at both",
  TIMEOUT: "try again; a higher --timeout waits longer where the command has one",
  RATE_LIMITED: "try again later, or with a lower --tpslimit",
};

/** The exit code of what was thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return error.signal === "SIGINT" ? EXIT_CODES.INTERRUPTED : EXIT_CODES.TERMINATED;
  if (error instanceof OutputClosed) return EXIT_CODES.OUTPUT_CLOSED;
  if (error instanceof Declined) return EXIT_CODES.DECLINED;
  if (error instanceof UsageError) return EXIT_CODES.USAGE;
  return (OmniError.is(error) ? CODES[error.code] : undefined) ?? EXIT_CODES.FAILED;
}

/** Says on stderr what went wrong and what to do; with `--json` as an object. */
export function printError(out: Output, error: unknown, debug: boolean, advice: string | undefined): void {
  if (error instanceof OutputClosed) return;
  const remedy = error instanceof Interrupted ? advice : OmniError.is(error) ? REMEDIES[error.code] : undefined;
  if (out.json) {
    const fields = OmniError.is(error) ? error.toJSON() : { name: (error as Error).name, message: messageOf(error) };
    out.warn(JSON.stringify({ error: fields, ...(remedy === undefined ? {} : { remedy }) }));
  } else {
    out.warn(`${out.paint("red", "omni:", "stderr")} ${out.name(messageOf(error))}`);
    for (const line of membersOf(error)) out.warn(`  ${out.name(line)}`);
    if (remedy !== undefined) out.warn(`  ${remedy}`);
  }
  if (debug) out.warn(redact(inspect(error, { depth: 4 })));
}

function messageOf(error: unknown): string {
  return inFlags(redact(error instanceof Error ? error.message : String(error)));
}

/** How each member of a group fared. */
function membersOf(error: unknown): string[] {
  if (!MultiError.is(error)) return [];
  return error.outcomes.map(({ member, state, error: cause }) => `${member}: ${state}${cause ? `: ${messageOf(cause)}` : ""}`);
}
