import { OmniError } from "../error.ts";

/** @throws OmniError INVALID_ARGUMENT unless the value is 0 or more milliseconds */
export function checkMs(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw invalidOption(name, value, "0 or more milliseconds");
}

/** @throws OmniError INVALID_ARGUMENT unless the value is a whole number, 1 or more */
export function checkCount(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  throw invalidOption(name, value, "a whole number, 1 or more");
}

export function invalidOption(name: string, value: unknown, expected: string): OmniError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new OmniError("INVALID_ARGUMENT", { reason: `${name} is ${shown}, it has to be ${expected}` });
}
