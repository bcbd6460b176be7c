import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { OmniError } from "@omni/core";

/** The names of a configuration file, in the order in which they are looked for. */
export const FILE_NAMES = ["omni.config.ts", "omni.config.mts", "omni.config.js", "omni.config.mjs", "omni.config.json"] as const;

/**
 * Finds the configuration: the given file, or the nearest of {@link FILE_NAMES} from a directory upward.
 *
 * @returns `undefined` when none was asked for and there is none
 * @throws OmniError INVALID_ARGUMENT when the given file is missing, or two are in one directory
 */
export function findConfig(given: string | undefined, cwd: string): string | undefined {
  if (given !== undefined) {
    const file = resolve(cwd, given);
    if (existsSync(file)) return file;
    const reason = `the configuration file ${file} does not exist; write it, or leave --config out to use the nearest omni.config.ts or omni.config.json`;
    throw new OmniError("INVALID_ARGUMENT", { reason });
  }
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const found = FILE_NAMES.map((name) => join(directory, name)).filter((file) => existsSync(file));
    const [first, second] = found;
    if (second !== undefined) {
      const reason = `there are two configuration files, ${first} and ${second}; keep one, or say which by --config`;
      throw new OmniError("INVALID_ARGUMENT", { reason });
    }
    if (first !== undefined) return first;
    if (dirname(directory) === directory) return undefined;
  }
}
