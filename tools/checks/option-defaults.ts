// Whether a default in a table and the one that the code declares are the same, each in its own words.

const UNITS: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  day: 86_400_000,
  days: 86_400_000,
};

/**
 * Compares a default of a table with that of a `@default`: quantities by their number (`8 MiB` is 8388608, `7 days` is 604_800_000), values by their text,
 * and everything else by its words, of which one side may have more.
 */
export function sameDefault(stated: string, declared: string): boolean {
  const quantities = [quantityOf(stated), quantityOf(declared)];
  if (quantities.some((one) => one !== undefined)) return quantities[0] === quantities[1];
  const value = leadingValue(declared);
  if (value !== undefined) return value === (leadingValue(stated) ?? stated.replaceAll("`", ""));
  const [less = [], more = []] = [wordsOf(stated), wordsOf(declared)].sort((a, b) => a.length - b.length);
  return less.length > 0 && less.every((word) => more.includes(word));
}

/** The number that a text begins with, in bytes or milliseconds where a unit follows. */
function quantityOf(text: string): number | undefined {
  const [, digits, unit = ""] = /^`?(\d+(?:[ _,]\d{3})*)`?(?: ([A-Za-z]+)\b)?/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits.replace(/[ _,]/g, "")) * (UNITS[unit] ?? 1);
}

/** The value that a text begins with: a string, code, an object, true or false. */
function leadingValue(text: string): string | undefined {
  const [, code] = /^`([^`]+)`/.exec(text) ?? [];
  const start = code ?? text;
  const [, string] = /^"([^"]*)"/.exec(start) ?? [];
  if (string !== undefined) return string;
  const [object] = /^\{[^}]*\}/.exec(start) ?? [];
  if (object !== undefined) return object.replace(/[\s_]/g, "");
  return code ?? /^(?:true|false)\b/.exec(text)?.[0];
}

const EMPTY: ReadonlySet<string> = new Set(["a", "an", "and", "of", "the"]);

function wordsOf(text: string): readonly string[] {
  return (text.toLowerCase().match(/[a-z0-9]+/g) ?? []).filter((word) => !EMPTY.has(word));
}
