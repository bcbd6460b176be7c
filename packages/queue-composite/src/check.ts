import { OmniError } from "@omni/core";

/** @throws OmniError INVALID_ARGUMENT unless the value is a whole number, `least` or more */
export function count(name: string, value: unknown, least = 1): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least) return value;
  throw invalidOption(name, value, `a whole number, ${least} or more`);
}

/** @throws OmniError INVALID_ARGUMENT unless the value is a positive number of milliseconds */
export function milliseconds(name: string, value: unknown): number {
  if (typeof value === "number" && value > 0) return value;
  throw invalidOption(name, value, "a positive number of milliseconds");
}

/** @throws OmniError INVALID_ARGUMENT unless the value is one of those allowed */
export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw invalidOption(name, value, `one of ${allowed.join(", ")}`);
}

export function invalidOption(name: string, value: unknown, expected: string): OmniError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return invalid(`${name} is ${shown}, it has to be ${expected}`);
}

export function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { backend: "composite", operation: "compositeQueue", reason, outcome: "not-applied" });
}
