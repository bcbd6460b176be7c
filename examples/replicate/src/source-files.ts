import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** What is made from sources, or is no source at all. */
const SKIPPED = new Set([".git", "node_modules", "dist", ".cache", ".turbo", ".omni", "coverage"]);

/** Every regular file below a folder, as `/`-separated paths. */
export async function* sourceFiles(root: string, folder = ""): AsyncGenerator<string, void> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (SKIPPED.has(entry.name)) continue;
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sourceFiles(root, path);
    else if (entry.isFile()) yield path;
  }
}
