import { type Clock, OmniError, systemClock } from "@omni/core";
import { directoriesOf, globToRegExp } from "./glob.ts";

/**
 * Which objects take part, in rclone's language (https://rclone.org/filtering/). The first rule that matches decides; what no rule matches takes part.
 * Paths are relative to the prefix of the run.
 */
export interface FilterOptions {
  /** Patterns of what takes part; all else does not. Come before `exclude` and `rules`. */
  readonly include?: readonly string[] | undefined;
  /** Patterns of what does not take part. Come before `rules`. */
  readonly exclude?: readonly string[] | undefined;
  /** Rules in order: `+ pattern`, `- pattern`, or `!`, which clears those before. Empty ones and those from `#` or `;` on are comments. */
  readonly rules?: readonly string[] | undefined;
  /** Exactly these paths, whatever the patterns say. */
  readonly filesFrom?: readonly string[] | undefined;
  /** Smallest object, in bytes. */
  readonly minSizeBytes?: number | undefined;
  /** Largest object, in bytes. */
  readonly maxSizeBytes?: number | undefined;
  /** Only what was modified at least so many milliseconds ago. */
  readonly minAgeMs?: number | undefined;
  /** Only what was modified at most so many milliseconds ago. */
  readonly maxAgeMs?: number | undefined;
  /** Patterns match in any case. @default false */
  readonly ignoreCase?: boolean | undefined;
}

/** What is looked at of an object. */
interface Candidate {
  readonly size: number;
  readonly modifiedAt?: Date | undefined;
}

/** A compiled filter. */
export interface Filter {
  /** Whether an object takes part. */
  includes(path: string, info: Candidate): boolean;
  /** Whether ages are looked at. */
  readonly usesAge: boolean;
  /** The same by the path alone: sizes and ages are not looked at. */
  includesPath(path: string): boolean;
  /** The topmost directory of the path, with its `/`, in which nothing takes part; the listing may leave it out. */
  prunedBy(path: string): string | undefined;
}

interface Rule {
  readonly include: boolean;
  readonly pattern: RegExp;
}

/**
 * Compiles a filter.
 *
 * @param options none given = everything takes part
 * @throws OmniError INVALID_ARGUMENT for a rule or a number that cannot be read
 */
export function compileFilter(options: FilterOptions, clock: Clock = systemClock): Filter {
  checkNumbers(options);
  const byTraits = traits(options, clock.now());
  if (options.filesFrom) {
    const wanted = new Set(options.filesFrom.map(cleanName).filter((name) => name !== undefined));
    const includesPath = (path: string): boolean => wanted.has(path);
    return { includes: includesPath, includesPath, usesAge: false, prunedBy: () => undefined };
  }
  const rules = new RuleBook(options.ignoreCase ?? false);
  for (const glob of options.include ?? []) rules.add(true, glob);
  for (const glob of options.exclude ?? []) rules.add(false, glob);
  for (const text of options.rules ?? []) rules.addText(text);
  if (options.include?.length) rules.add(false, "/**");
  const includesPath = (path: string): boolean => rules.includesFile(path) && rules.prunedBy(path) === undefined;
  return {
    includes: (path, info) => byTraits(info) && includesPath(path),
    includesPath,
    usesAge: options.minAgeMs !== undefined || options.maxAgeMs !== undefined,
    prunedBy: (path) => rules.prunedBy(path),
  };
}

class RuleBook {
  readonly #ignoreCase: boolean;
  #files: Rule[] = [];
  #directories: Rule[] = [];
  // Paths come sorted: the directories of the last ones are asked for again and again.
  readonly #known = new Map<string, boolean>();

  constructor(ignoreCase: boolean) {
    this.#ignoreCase = ignoreCase;
  }

  addText(text: string): void {
    const rule = text.trim();
    if (rule === "" || rule.startsWith("#") || rule.startsWith(";")) return;
    if (rule === "!") {
      this.#files = [];
      this.#directories = [];
      return;
    }
    const sign = rule.slice(0, 2);
    if (sign !== "+ " && sign !== "- ")
      throw new OmniError("INVALID_ARGUMENT", {
        reason: `the filter rule ${JSON.stringify(text)} begins with neither "+ " nor "- "; "!" alone clears the rules before it`,
      });
    this.add(sign === "+ ", rule.slice(2).trim());
  }

  add(include: boolean, glob: string): void {
    if (glob === "") throw new OmniError("INVALID_ARGUMENT", { reason: "a filter pattern is empty; leave it out" });
    const directory = glob.endsWith("/");
    // What is in a directory that is left out is left out.
    const whole = directory && !include ? `${glob}**` : glob;
    const both = whole.includes("**");
    const pattern = globToRegExp(whole, this.#ignoreCase);
    if (!directory || both) {
      this.#files.push({ include, pattern });
      if (include || whole === "*")
        for (const needed of directoriesOf(whole))
          if (needed !== "/") this.#directories.push({ include, pattern: globToRegExp(needed, this.#ignoreCase) });
    }
    if (directory || both) this.#directories.push({ include, pattern });
  }

  includesFile(path: string): boolean {
    return decide(this.#files, path);
  }

  prunedBy(path: string): string | undefined {
    if (this.#directories.length === 0) return undefined;
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const directory = path.slice(0, at + 1);
      if (!this.#includesDirectory(directory)) return directory;
    }
    return undefined;
  }

  #includesDirectory(directory: string): boolean {
    const known = this.#known.get(directory);
    if (known !== undefined) return known;
    const included = decide(this.#directories, directory);
    if (this.#known.size > 1_000) this.#known.clear();
    this.#known.set(directory, included);
    return included;
  }
}

function decide(rules: readonly Rule[], path: string): boolean {
  return rules.find(({ pattern }) => pattern.test(path))?.include ?? true;
}

function traits(options: FilterOptions, now: number): (info: Candidate) => boolean {
  const { minSizeBytes = 0, maxSizeBytes = Number.POSITIVE_INFINITY, minAgeMs, maxAgeMs } = options;
  return ({ size, modifiedAt }) => {
    if (size < minSizeBytes || size > maxSizeBytes) return false;
    // An age that nobody knows is no reason to leave an object out.
    const ageMs = modifiedAt && now - modifiedAt.getTime();
    return ageMs === undefined || ((minAgeMs === undefined || ageMs >= minAgeMs) && (maxAgeMs === undefined || ageMs <= maxAgeMs));
  };
}

function cleanName(line: string): string | undefined {
  const name = line.trim().replace(/^\/+/, "");
  return name === "" || name.startsWith("#") || name.startsWith(";") ? undefined : name;
}

function checkNumbers(options: FilterOptions): void {
  for (const name of ["minSizeBytes", "maxSizeBytes", "minAgeMs", "maxAgeMs"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isFinite(value) && value >= 0))
      throw new OmniError("INVALID_ARGUMENT", { reason: `${name} is ${value}; give a number, 0 or more` });
  }
}
