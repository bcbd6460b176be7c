import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { OmniConfig } from "../src/config/entry.ts";
import { type Ended, omni, type RunOptions, withDirectory } from "./process.ts";

/** What a test with a configuration is given. */
export interface Configured {
  readonly cwd: string;
  /** Runs `omni` in the directory of the configuration. */
  run(...args: string[]): Promise<Ended>;
  runWith(options: Omit<RunOptions, "cwd">, ...args: string[]): Promise<Ended>;
}

/** A directory with an omni.config.json and other files, in which `omni` runs. */
export function withConfig<T>(
  config: OmniConfig | Readonly<Record<string, string>>,
  use: (configured: Configured) => Promise<T>,
): Promise<T> {
  return withDirectory(async (cwd) => {
    const isFiles = Object.keys(config).some((name) => name.includes("."));
    const files = isFiles ? (config as Readonly<Record<string, string>>) : { "omni.config.json": JSON.stringify(config) };
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(cwd, name)), { recursive: true });
      await writeFile(join(cwd, name), text);
    }
    return use({ cwd, run: (...args) => omni(args, { cwd }), runWith: (options, ...args) => omni(args, { cwd, ...options }) });
  });
}
