import { OmniError } from "./error.ts";
import { HASH_ALGORITHMS } from "./hash.ts";
import { typeName } from "./path.ts";

type Rule = readonly [accepts: (value: never) => boolean, words: string];

const isText: Rule = [(value: unknown) => typeof value === "string" && value !== "", "a string that is not empty"];
const isHeader: Rule = [(value: unknown) => typeof value === "string" && !/[\r\n\0]/.test(value), "a string without line breaks"];
const isCount: Rule = [(value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0, "a whole number, 0 or more"];
const isPositive: Rule = [(value: unknown) => Number.isSafeInteger(value) && (value as number) > 0, "a whole number, 1 or more"];
const isMs: Rule = [
  (value: unknown) => typeof value === "number" && value > 0 && value <= 0x7fffffff,
  "milliseconds, above 0 and below 2^31",
];
const isDate: Rule = [(value: unknown) => value instanceof Date && !Number.isNaN(value.getTime()), "a valid Date"];
const isFunction: Rule = [(value: unknown) => typeof value === "function", "a function"];

/** What each option of a call must be. */
const RULES: Readonly<Record<string, Rule>> = {
  signal: [
    (value: unknown) => typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value,
    "an AbortSignal",
  ],
  timeoutMs: isMs,
  offset: isCount,
  limit: isCount,
  ifMatch: isText,
  ifNoneMatch: [(value: unknown) => value === "*", '"*"'],
  idleTimeoutMs: isMs,
  resumeAttempts: isCount,
  contentType: isHeader,
  cacheControl: isHeader,
  contentEncoding: isHeader,
  contentDisposition: isHeader,
  metadata: [isTextRecord, "an object whose values are strings"],
  modifiedAt: isDate,
  sizeBytes: isCount,
  checksum: [isChecksum, `{ algorithm: ${HASH_ALGORITHMS.join(" | ")}, value: lower-case hexadecimal }`],
  stamp: [isStamp, "{ id: string, counter?: number }"],
  partSizeBytes: isPositive,
  concurrency: isPositive,
  onProgress: isFunction,
  delimiter: isText,
  startAfter: [(value: unknown) => typeof value === "string", "a string"],
  pageSize: isPositive,
  method: [(value: unknown) => ["GET", "PUT", "POST", "DELETE"].includes(value as string), "GET, PUT, POST or DELETE"],
  expiresInSeconds: isPositive,
  minBytes: isCount,
  maxBytes: isCount,
  responseContentType: isHeader,
  responseContentDisposition: isHeader,
};

const CALL = ["signal", "timeoutMs"] as const;
const CONTENT = ["contentType", "cacheControl", "contentEncoding", "contentDisposition", "metadata", "modifiedAt"] as const;

/** The options that each operation takes. */
export const TAKES: Readonly<
  Record<"call" | "read" | "write" | "commit" | "list" | "delete" | "change" | "sign", ReadonlySet<string>>
> = {
  call: new Set<string>(CALL),
  read: new Set<string>([...CALL, "offset", "limit", "ifMatch", "idleTimeoutMs", "resumeAttempts"]),
  write: new Set<string>([
    ...CALL,
    ...CONTENT,
    "ifNoneMatch",
    "ifMatch",
    "sizeBytes",
    "checksum",
    "stamp",
    "partSizeBytes",
    "concurrency",
    "onProgress",
  ]),
  commit: new Set<string>([...CALL, "ifNoneMatch", "ifMatch"]),
  list: new Set<string>([...CALL, "delimiter", "startAfter", "pageSize"]),
  delete: new Set<string>([...CALL, "ifMatch"]),
  change: new Set<string>(CONTENT),
  sign: new Set<string>([
    ...CALL,
    "method",
    "expiresInSeconds",
    "contentType",
    "minBytes",
    "maxBytes",
    "responseContentType",
    "responseContentDisposition",
  ]),
};

/**
 * Checks the options of a call: every name known to the operation, every value of its kind.
 *
 * @throws OmniError INVALID_ARGUMENT that names the option, the value and what is allowed
 */
export function checkCallOptions(options: unknown, takes: ReadonlySet<string>): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) throw invalidArgument(`options are an object, not ${typeName(options)}`);
  for (const name in options) {
    const value = (options as Record<string, unknown>)[name];
    if (!takes.has(name)) throw unknownName("option", name, [...takes]);
    if (value === undefined) continue;
    const [accepts, words] = RULES[name] as unknown as readonly [(value: unknown) => boolean, string];
    if (!accepts(value)) throw invalidArgument(`${name} is ${words}, not ${shown(value)}`);
  }
}

/** An INVALID_ARGUMENT before any I/O. */
export function invalidArgument(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason, outcome: "not-applied" });
}

/** A NOT_SUPPORTED before any I/O. */
export function notSupported(reason: string): OmniError {
  return new OmniError("NOT_SUPPORTED", { reason, outcome: "not-applied" });
}

/** The error for a name that nobody knows: it lists the known ones and guesses the one that was meant. */
export function unknownName(kind: string, name: string, known: readonly string[]): OmniError {
  const meant = nearest(name, known);
  return invalidArgument(`unknown ${kind} "${name}"${meant ? `; did you mean "${meant}"?` : ""} Known: ${known.join(", ")}`);
}

/**
 * The known name nearest to a misspelt one, at most two edits away; case, `_` and `-` do not count.
 *
 * @returns `undefined` when none is near
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[_-]/g, "");
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(plain(name), plain(candidate));
    if (distance <= 2 && distance < candidate.length / 2 && (!best || distance < best.distance))
      best = { name: candidate, distance };
  }
  return best?.name;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (next[j - 1] as number) + 1,
        (row[j] as number) + 1,
        (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    row = next;
  }
  return row[b.length] as number;
}

function shown(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : typeName(value);
}

function isTextRecord(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === "string")
  );
}

function isChecksum(value: { algorithm?: unknown; value?: unknown } | null): boolean {
  return (
    typeof value === "object" && HASH_ALGORITHMS.includes(value?.algorithm as never) && /^[0-9a-f]+$/.test(String(value?.value))
  );
}

function isStamp(value: { id?: unknown; counter?: unknown } | null): boolean {
  return (
    typeof value?.id === "string" &&
    /^[\x21-\x7e]{1,128}$/.test(value.id) &&
    (value.counter === undefined || (Number.isSafeInteger(value.counter) && Number(value.counter) >= 0))
  );
}
