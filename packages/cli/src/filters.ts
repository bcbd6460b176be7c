import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text as textOf } from "node:stream/consumers";
import type { FilterOptions } from "@omni/sync";
import { type Context, UsageError } from "./command.ts";
import { localError } from "./commands/put.ts";
import type { FILTER_OPTIONS } from "./commands/sync-options.ts";
import type { OptionsOf } from "./options.ts";
import { parseDuration } from "./quantities.ts";

/**
 * The filter that the options describe; `undefined` where they describe none.
 *
 * @throws UsageError, OmniError for a file that cannot be read
 */
export async function filterOf(
  { cwd }: Pick<Context, "cwd">,
  options: OptionsOf<typeof FILTER_OPTIONS>,
  now: number = Date.now(),
): Promise<FilterOptions | undefined> {
  const files = new ListFiles(cwd);
  const include = [...(options.include ?? []), ...(await files.patterns(options.includeFrom))];
  const exclude = [...(options.exclude ?? []), ...(await files.patterns(options.excludeFrom))];
  const rules = [...(options.filter ?? []), ...(await files.lines(options.filterFrom))];
  const given: FilterOptions = {
    ...(include.length > 0 ? { include } : {}),
    ...(exclude.length > 0 ? { exclude } : {}),
    ...(rules.length > 0 ? { rules } : {}),
    ...(options.filesFrom ? { filesFrom: await files.lines(options.filesFrom) } : {}),
    ...(options.minSize === undefined ? {} : { minSizeBytes: options.minSize }),
    ...(options.maxSize === undefined ? {} : { maxSizeBytes: options.maxSize }),
    ...(options.minAge === undefined ? {} : { minAgeMs: parseAge("--min-age", options.minAge, now) }),
    ...(options.maxAge === undefined ? {} : { maxAgeMs: parseAge("--max-age", options.maxAge, now) }),
    ...(options.ignoreCase ? { ignoreCase: true } : {}),
  };
  return Object.keys(given).length === 0 ? undefined : given;
}

/** Files with one pattern, rule or path a line. Stdin can be read once. */
class ListFiles {
  readonly #cwd: string;
  #stdinTaken = false;

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  async lines(names: readonly string[] = []): Promise<string[]> {
    const texts: string[] = [];
    for (const name of names) texts.push(await this.#text(name));
    return texts.flatMap((text) => text.split(/\r?\n/)).filter((line) => line.trim() !== "");
  }

  /** Lines without comments. */
  async patterns(names: readonly string[] | undefined): Promise<string[]> {
    return (await this.lines(names)).map((line) => line.trim()).filter((line) => !/^[#;]/.test(line));
  }

  async #text(name: string): Promise<string> {
    if (name !== "-")
      return readFile(resolve(this.#cwd, name), "utf8").catch((cause: unknown) => {
        throw localError(name, cause);
      });
    if (this.#stdinTaken) throw new UsageError("stdin (-) can be read for one option alone");
    this.#stdinTaken = true;
    return textOf(process.stdin);
  }
}

/** Milliseconds from `30d`, or since a date such as `2026-01-31` or `2026-01-31T08:00:00Z`. */
function parseAge(flag: string, text: string, now: number): number {
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const date = new Date(text).getTime();
    if (!Number.isNaN(date)) return Math.max(0, now - date);
  }
  try {
    return parseDuration(text);
  } catch {
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is neither a length of time (30d, 1h30m) nor a date (2026-01-31)`);
  }
}
