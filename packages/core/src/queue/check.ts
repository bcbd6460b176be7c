import { nearest } from "../call-options.ts";
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

/** Every option of `T` by its name: one that is left out, or made up, does not compile. */
export type OptionNames<T> = { readonly [K in keyof Required<T>]: true };

/**
 * Refuses an option that there is not: a misspelt one would be ignored in silence.
 *
 * @param what has the options, as the error names it: `natsQueue`
 * @param options what was given
 * @param known the names that there are
 * @throws OmniError INVALID_ARGUMENT that names the one that was probably meant, or else all
 */
export function checkOptionNames(what: string, options: object, known: Readonly<Record<string, true>>): void {
  for (const name in options) {
    if (Object.hasOwn(known, name)) continue;
    const names = Object.keys(known);
    const meant = nearest(name, names);
    const hint = meant === undefined ? `; it has ${names.join(", ")}` : `: did you mean ${meant}?`;
    throw new OmniError("INVALID_ARGUMENT", { reason: `${what} has no option "${name}"${hint}`, outcome: "not-applied" });
  }
}
