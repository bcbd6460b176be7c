import { invalidArgument, nearest } from "./call-options.ts";
import { typeName } from "./path.ts";

/** One option of a backend's factory: what it must be, and how it reads from text. */
export interface OptionSpec {
  readonly type: "string" | "integer" | "boolean" | "object" | "function";
  /** Older or other names that text configuration may use. The snake_case form of the name itself is always understood. */
  readonly aliases?: readonly string[] | undefined;
  /** The only values allowed. */
  readonly values?: readonly string[] | undefined;
  /** Smallest integer. @default 0 */
  readonly min?: number | undefined;
  readonly required?: boolean | undefined;
  /** Never shown in an error. */
  readonly secret?: boolean | undefined;
}

/** Every option of a factory, once: checked in code, coerced from text, and compared with the README. */
export type OptionTable<O> = { readonly [K in keyof Required<O>]: OptionSpec };

/**
 * Checks the options that a caller in code gave.
 *
 * @throws OmniError INVALID_ARGUMENT that names the option, its value and what is allowed
 */
export function checkOptionTable(scheme: string, table: Readonly<Record<string, OptionSpec>>, given: unknown): void {
  if (typeof given !== "object" || given === null)
    throw invalidArgument(`${scheme}: options are an object, not ${typeName(given)}`);
  for (const [name, value] of Object.entries(given)) {
    const spec = table[name];
    if (!spec) throw unknownOption(scheme, name, table);
    if (value !== undefined) checkValue(scheme, name, spec, value);
  }
  for (const [name, spec] of Object.entries(table))
    if (spec.required && (given as Record<string, unknown>)[name] === undefined)
      throw invalidArgument(`${scheme}: the option "${name}" is missing; give it`);
}

/**
 * Reads options from text, such as environment variables or the query of a URL.
 *
 * @param config names in camelCase, snake_case or an older form; values are text
 * @throws OmniError INVALID_ARGUMENT for an unknown name or a value that cannot be read
 */
export function readOptionTable<O>(scheme: string, table: OptionTable<O>, config: Readonly<Record<string, unknown>>): O {
  const specs = table as Readonly<Record<string, OptionSpec>>;
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(specs)) for (const key of [name, ...(spec.aliases ?? [])]) names.set(plain(key), name);
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined) continue;
    const name = names.get(plain(key));
    if (name === undefined) throw unknownOption(scheme, key, specs);
    if (name in options) throw invalidArgument(`${scheme}: the option "${name}" is given twice, also as "${key}"; give it once`);
    options[name] = typeof value === "string" ? parseText(scheme, name, specs[name] as OptionSpec, value.trim()) : value;
  }
  return options as O;
}

function parseText(scheme: string, name: string, spec: OptionSpec, text: string): unknown {
  if (spec.type === "string") return text;
  if (spec.type === "integer" && /^-?\d+$/.test(text)) return Number(text);
  if (spec.type === "boolean" && /^(true|1|yes|on)$/i.test(text)) return true;
  if (spec.type === "boolean" && /^(false|0|no|off)$/i.test(text)) return false;
  if (spec.type === "object") {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw invalidArgument(
        `${scheme}: the option "${name}" is JSON, which this is not: ${cause instanceof Error && !spec.secret ? cause.message : "it cannot be parsed"}`,
      );
    }
  }
  throw wrong(scheme, name, spec, text);
}

function checkValue(scheme: string, name: string, spec: OptionSpec, value: unknown): void {
  const { type, values, min = 0 } = spec;
  const fits =
    type === "integer"
      ? Number.isSafeInteger(value) && (value as number) >= min
      : type === "object"
        ? (typeof value === "object" || typeof value === "function") && value !== null
        : typeof value === type;
  if (!fits || (values && !values.includes(value as string))) throw wrong(scheme, name, spec, value);
}

function wrong(scheme: string, name: string, { type, values, min = 0, secret }: OptionSpec, value: unknown): Error {
  const words = values
    ? values.map((text) => `"${text}"`).join(" | ")
    : {
        string: "a string",
        integer: `a whole number, ${min} or more`,
        boolean: "true or false",
        object: "an object",
        function: "a function",
      }[type];
  const shown = secret
    ? typeName(value)
    : typeof value === "string"
      ? JSON.stringify(value)
      : typeof value === "object" || typeof value === "function"
        ? typeName(value)
        : String(value);
  return invalidArgument(`${scheme}: the option "${name}" is ${words}, not ${shown}`);
}

function unknownOption(scheme: string, name: string, table: Readonly<Record<string, OptionSpec>>): Error {
  const known = Object.keys(table);
  const meant = nearest(name, known);
  return invalidArgument(
    `${scheme}: unknown option "${name}"${meant ? `; did you mean "${meant}"?` : "."} Known: ${known.join(", ")}`,
  );
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}
