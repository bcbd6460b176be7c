import { AssertionError } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { type ErrorCode, OmniError } from "../error.ts";

/** The part of jest's and vitest's `expect` that the kits use. */
export type Expect = (actual: unknown) => {
  /** Fails unless both have the same fields. */
  toEqual(expected: unknown): unknown;
};

/** What a case says of what it sees. Every check names its subject, so that a failure reads without the source. */
export interface Checks {
  /** Plain data is deeply equal. */
  same(what: string, actual: unknown, expected: unknown): void;
  ok(what: string, truth: boolean): void;
  /** Two runs of bytes are equal; a failure shows where they part, not megabytes. */
  bytes(what: string, actual: Uint8Array, expected: Uint8Array | string): void;
  /** The work rejects (or throws) with an OmniError of one of the codes. */
  fails(what: string, work: Work, ...codes: readonly ErrorCode[]): Promise<OmniError>;
  /** The work rejects with this very value. */
  rejectsWith(what: string, work: Work, reason: unknown): Promise<void>;
}

/** Something that is expected to fail. */
export type Work = PromiseLike<unknown> | (() => unknown);

/**
 * Makes the checks of a kit: over the framework's `expect` for its way of showing differences, or without one (node:test has none).
 */
export function makeChecks(expect?: Expect): Checks {
  const same: Checks["same"] = (what, actual, expected) => {
    // The subject becomes a key: `expect` itself takes no message in jest.
    if (expect) expect({ [what]: actual }).toEqual({ [what]: expected });
    else if (!isDeepStrictEqual(actual, expected))
      throw new AssertionError({ message: `${what}: ${show(actual)}, not ${show(expected)}`, actual, expected });
  };
  return {
    same,
    ok: (what, truth) => same(what, truth, true),
    bytes: (what, actual, expected) => same(what, describeBytes(actual, toBuffer(expected)), "equal"),
    async fails(what, work, ...codes) {
      const error = await failureOf(work);
      const seen = error === NOTHING ? "no error" : OmniError.is(error) ? error.code : `${String(error)}, which is no OmniError`;
      same(what, OmniError.is(error) && codes.includes(error.code) ? codes.join(" or ") : seen, codes.join(" or "));
      return error as OmniError;
    },
    async rejectsWith(what, work, reason) {
      const error = await failureOf(work);
      same(what, error === reason ? "the reason itself" : error === NOTHING ? "no error" : String(error), "the reason itself");
    },
  };
}

const NOTHING = Symbol("no error");

async function failureOf(work: Work): Promise<unknown> {
  try {
    await (typeof work === "function" ? work() : work);
    return NOTHING;
  } catch (error) {
    return error;
  }
}

function toBuffer(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === "string" ? Buffer.from(bytes) : bytes;
}

function describeBytes(actual: Uint8Array, expected: Uint8Array): string {
  if (Buffer.compare(actual, expected) === 0) return "equal";
  if (expected.byteLength <= 64 && actual.byteLength <= 64)
    return `${show(Buffer.from(actual).toString())}, not ${show(Buffer.from(expected).toString())}`;
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  return `${actual.byteLength} bytes, not ${expected.byteLength}; they part at ${at < 0 ? actual.byteLength : at}`;
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
