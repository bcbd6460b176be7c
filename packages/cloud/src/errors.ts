import { OmniError } from "@omni/core";

/** An INVALID_ARGUMENT before any I/O. */
export function invalid(operation: string, reason: string, path?: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { backend: "cloud", operation, path, reason, outcome: "not-applied" });
}

/** A NOT_SUPPORTED before any I/O. */
export function unsupported(operation: string, reason: string): OmniError {
  return new OmniError("NOT_SUPPORTED", { backend: "cloud", operation, reason, outcome: "not-applied" });
}

/** The error for a cloud that nobody named. */
export function unknownCloud(operation: string, name: string, known: readonly string[]): OmniError {
  return invalid(operation, `there is no cloud "${name}". Known: ${known.join(", ")}`);
}

/** The error for options that nobody knows. */
export function checkNames(operation: string, what: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given))
    if (!known.includes(name)) throw invalid(operation, `${what} has an unknown option "${name}". Known: ${known.join(", ")}`);
}
