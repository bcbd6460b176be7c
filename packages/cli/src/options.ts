import { InvalidArgumentError } from "commander";
import { parseBytes, parseCount, parseDuration, parseNumber } from "./quantities.ts";

/** What an option takes. */
interface OptionKinds {
  /** Nothing: it is there or not. */
  flag: boolean;
  text: string;
  /** May be given several times, in order. */
  texts: readonly string[];
  /** A whole number, 0 or more. */
  count: number;
  number: number;
  /** Bytes: `64Mi`, `1.5G`; without a unit KiB, as rclone has it. */
  bytes: number;
  /** Milliseconds from `1h30m`, `10s`, `2d`; without a unit seconds. */
  duration: number;
}

/** One option of a command; its long flag is its key in kebab case. */
export interface OptionSpec {
  readonly kind: keyof OptionKinds;
  /** What `--help` says. */
  readonly about: string;
  /** One letter. */
  readonly short?: string;
  /** How `--help` names the value. @default by the kind */
  readonly value?: string;
  /** The only values that are taken (kind `text`). */
  readonly choices?: readonly string[];
  /** What `--help` states as the default; the command applies it. */
  readonly default?: string;
}

/** The options of a command, by their camelCase names. Written `as const satisfies OptionTable`. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What a command receives for its options: absent where not given. */
export type OptionsOf<T extends OptionTable> = {
  readonly [K in keyof T]?: T[K] extends { readonly choices: readonly (infer C)[] } ? C : OptionKinds[T[K]["kind"]];
};

const PLACEHOLDERS: Readonly<Record<OptionSpec["kind"], string | undefined>> = {
  flag: undefined,
  text: "text",
  texts: "text",
  count: "n",
  number: "n",
  bytes: "size",
  duration: "time",
};

const PARSERS: Partial<Record<OptionSpec["kind"], (text: string) => unknown>> = {
  count: parseCount,
  number: parseNumber,
  bytes: parseBytes,
  duration: parseDuration,
};

/** `maxDelete` as it is typed: `max-delete`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flags in commander's notation: `-c, --max-delete <n>`. */
export function flagsOf(key: string, spec: OptionSpec): string {
  const value = spec.value ?? spec.choices?.join("|") ?? PLACEHOLDERS[spec.kind];
  return `${spec.short ? `-${spec.short}, ` : ""}--${flagName(key)}${value === undefined ? "" : ` <${value}>`}`;
}

/** Reads an option's text; what commander calls for each occurrence. */
export function parserOf(spec: OptionSpec): ((text: string, before: unknown) => unknown) | undefined {
  if (spec.kind === "flag") return undefined;
  if (spec.kind === "texts") return (text, before) => [...((before as string[] | undefined) ?? []), text];
  const parse = PARSERS[spec.kind];
  return (text) => {
    if (spec.choices && !spec.choices.includes(text)) throw new InvalidArgumentError(`Give one of: ${spec.choices.join(", ")}.`);
    try {
      return parse ? parse(text) : text;
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}
