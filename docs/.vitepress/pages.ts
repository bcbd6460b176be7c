// Which files of the repository are pages of the site, and where they stand there. READMEs are pages as they are: nothing is written twice.
import { existsSync, globSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const patterns = [
  "docs/*.md",
  "docs/{api/**,guides,providers}/*.md",
  "packages/*/README.md",
  "examples/*/README.md",
  "bench/README.md",
  "tools/servers/README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
];

/** Path in the repository to path in the site, both with `.md`. */
export const sitePages: ReadonlyMap<string, string> = new Map(
  globSync(patterns, { cwd: root })
    .toSorted()
    .map((path) => [path, sitePath(path)]),
);

function sitePath(path: string): string {
  if (path.startsWith("docs/")) return path.replace(/^docs\/(api\/@[^/]+\/)?/, (_, api) => (api ? "api/" : ""));
  const lower = path.toLowerCase();
  return lower.endsWith("/readme.md") ? `${dirname(lower)}.md` : lower;
}

/** Where a link of a page leads: a page of the site, a file of the repository, or nowhere. */
export type Target = { readonly page: string } | { readonly file: string } | undefined;

/**
 * @param from path of the page that has the link, in the repository
 * @param path what the link says, without `#...`, relative to that page
 */
export function linkTarget(from: string, path: string): Target {
  const wanted = posix.normalize(posix.join(posix.dirname(from), path)).replace(/\/$/, "");
  if (wanted === "README.md" || wanted === ".") return { page: "/" };
  for (const candidate of [wanted, `${wanted}/README.md`, `${wanted}/index.md`]) {
    const page = sitePages.get(candidate);
    if (page !== undefined) return { page: `/${page}` };
  }
  return existsSync(join(root, wanted)) ? { file: wanted } : undefined;
}
