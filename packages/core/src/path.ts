import { OmniError } from "./error.ts";

/** The prefix at a backend's root that holds temporaries and records: hidden from `list`, closed to users. */
export const RESERVED_PREFIX = ".omni/";

/** Longest path in bytes of UTF-8 where a driver states no limit of its own. */
export const DEFAULT_MAX_PATH_BYTES = 1024;

/**
 * Checks the path of an object: `/`-separated UTF-8, relative, no empty, `.` or `..` segment, no NUL, not under `.omni/`.
 *
 * @param path what the caller gave
 * @param maxBytes longest path, in bytes of UTF-8
 * @param reserved whether paths under `.omni/` are allowed (for Omni's own records)
 * @throws OmniError INVALID_PATH that says what is wrong and what to do
 */
export function checkPath(path: unknown, maxBytes: number = DEFAULT_MAX_PATH_BYTES, reserved = false): asserts path is string {
  if (typeof path !== "string") throw invalid(String(path), `a path is a string, not ${typeName(path)}`);
  if (path === "") throw invalid(path, 'the path is empty; name an object, such as "data/file.json"');
  if (path.length > 1 && path.endsWith("/")) throw invalid(path, 'a path ends in the name of an object; drop the "/" at its end');
  checkShape(path, path, maxBytes, reserved);
}

/** Checks a plain string prefix: as a path, but it may be empty, end anywhere, also in `/`. */
export function checkPrefix(
  prefix: unknown,
  maxBytes: number = DEFAULT_MAX_PATH_BYTES,
  reserved = false,
): asserts prefix is string {
  if (typeof prefix !== "string") throw invalid(String(prefix), `a prefix is a string, not ${typeName(prefix)}`);
  if (prefix !== "") checkShape(prefix, prefix.endsWith("/") ? prefix.slice(0, -1) : prefix, maxBytes, reserved);
}

/** Checks the path of a directory: as a path, with or without `/` at its end; returned without. */
export function checkDirectory(path: unknown, maxBytes: number = DEFAULT_MAX_PATH_BYTES): string {
  const trimmed = typeof path === "string" && path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  checkPath(trimmed, maxBytes);
  return trimmed;
}

// Finds what a good path never has; most paths are good and cost one scan.
const SUSPICIOUS = /(?:^|\/)\.{0,2}(?:\/|$)|\0|^\.omni(?:\/|$)|[\uD800-\uDFFF]/;

function checkShape(shown: string, path: string, maxBytes: number, reserved: boolean): void {
  // A UTF-16 unit is at most three bytes of UTF-8.
  if (path.length * 3 > maxBytes && Buffer.byteLength(path) > maxBytes)
    throw invalid(shown, `the path has ${Buffer.byteLength(path)} bytes, the most here is ${maxBytes}; shorten it`);
  if (!SUSPICIOUS.test(path)) return;
  if (path.includes("\0")) throw invalid(shown, "a path has no NUL character");
  if (!path.isWellFormed()) throw invalid(shown, "the path is not well-formed Unicode: it has a lone surrogate");
  if (path.startsWith("/")) throw invalid(shown, 'a path is relative; drop the "/" at its start');
  for (const segment of path.split("/")) {
    if (segment === "") throw invalid(shown, 'the path has an empty segment; use a single "/" between names');
    if (segment === "." || segment === "..") throw invalid(shown, `the path has a "${segment}" segment; give the path without it`);
  }
  if (!reserved && (path === ".omni" || path.startsWith(RESERVED_PREFIX)))
    throw invalid(shown, `"${RESERVED_PREFIX}" is reserved for Omni's own records; choose another name`);
}

function invalid(path: string, reason: string): OmniError {
  return new OmniError("INVALID_PATH", { path, reason, outcome: "not-applied" });
}

/** The type of a value in the words of an error message. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? `an object (${value.constructor?.name ?? "no prototype"})` : typeof value;
}

/**
 * Compares two paths in byte order of their UTF-8, the order of `list`. JavaScript's `<` compares UTF-16 units, which differs above U+FFFF.
 *
 * @returns below 0, 0 or above 0
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

// Surrogates stand for code points above U+FFFF: they sort after U+E000..U+FFFF.
function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
