// What a result depends on: the content of the files that git knows or would add, under the declared pathspecs.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A digest over path and content of every file under the pathspecs; the same in a dirty tree and in a clone of what is committed from it.
 *
 * @throws Error when the pathspecs match no file: a digest of nothing would never change
 */
export function inputsDigest(root: string, pathspecs: readonly string[]): string {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...pathspecs], {
    cwd: root,
  });
  const paths = [...new Set(listed.toString("utf8").split("\0"))].filter((path) => path !== "").sort();
  if (paths.length === 0) throw new Error(`no file matches the inputs ${pathspecs.join(", ")}`);
  const hash = createHash("sha256");
  for (const path of paths) {
    const content = contentOf(join(root, path));
    if (content) hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 32);
}

/** Undefined for a file that git knows and that has been deleted. */
function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The commit that is checked out, with `+changes` when the tree differs from it. */
export function commitOf(root: string): string {
  const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const dirty = git("status", "--porcelain", "--untracked-files=no") !== "";
  return `${git("rev-parse", "HEAD")}${dirty ? "+changes" : ""}`;
}
