// Renames the npm scope of every package: `npm run rename-scope -- @acme`. The scope is text in manifests, imports, settings and pages alike, so
// it is replaced as text, in every file that git knows or would add.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The scope as it is now: that of the first package. */
export function currentScope(root: string): string {
  const { name } = JSON.parse(readFileSync(join(root, "packages/core/package.json"), "utf8")) as { name: string };
  return name.slice(0, name.indexOf("/"));
}

/**
 * Replaces the scope in every text file of the tree.
 *
 * @param to the new scope, with its `@`
 * @returns the files that changed
 * @throws RangeError when `to` is not a scope that npm takes
 */
export function renameScope(root: string, to: string): readonly string[] {
  if (!/^@[a-z0-9][a-z0-9._-]*$/.test(to)) throw new RangeError(`"${to}" is not an npm scope: write it as @name, in lower case`);
  const from = currentScope(root);
  // A scope is followed by a slash, or ends a word in settings of a registry ("@omni:registry").
  const pattern = new RegExp(`${from}(?=[/:])`, "g");
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return listed.split("\0").filter((path) => path !== "" && replaceIn(join(root, path), pattern, to));
}

function replaceIn(path: string, pattern: RegExp, to: string): boolean {
  const before = contentOf(path);
  if (before === undefined || before.includes("\0")) return false;
  const after = before.replace(pattern, to);
  if (after === before) return false;
  writeFileSync(path, after);
  return true;
}

/** Undefined for what is in the index and no longer in the tree. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const changed = renameScope(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), process.argv[2] ?? "");
  console.log(`${changed.length} files changed; run \`pnpm install\`, then \`npm run lint\` and \`npm test\``);
}
