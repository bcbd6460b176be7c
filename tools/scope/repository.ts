// Writes the repository's address into every manifest: `npm run set-repository -- https://github.com/acme/omni`. A registry gives provenance only
// to packages that name the repository they were built from.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly [field: string]: unknown;
}

/**
 * Sets `repository`, and for packages that are published `homepage` and `bugs`.
 *
 * @param address of the repository, as a browser shows it
 * @returns the manifests that changed
 * @throws RangeError when it is not such an address
 */
export function setRepository(root: string, address: string): readonly string[] {
  if (!/^https:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(address) || address.endsWith(".git"))
    throw new RangeError(`"${address}" is not the address of a repository: write it as https://github.com/owner/name`);
  const paths = ["package.json", ...globSync("packages/*/package.json", { cwd: root }).sort()];
  return paths.filter((path) => {
    const before = readFileSync(join(root, path), "utf8");
    const manifest = JSON.parse(before) as Manifest;
    const folder = dirname(path);
    const isRoot = folder === ".";
    if (manifest.private && !isRoot) return false;
    const repository = { type: "git", url: `git+${address}.git`, ...(isRoot ? {} : { directory: folder }) };
    const about = isRoot ? {} : { homepage: `${address}/tree/main/${folder}#readme`, bugs: `${address}/issues` };
    const after = `${JSON.stringify({ ...manifest, repository, ...about }, undefined, 2)}\n`;
    if (after === before) return false;
    writeFileSync(join(root, path), after);
    return true;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const changed = setRepository(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), process.argv[2] ?? "");
  console.log(`${changed.length} manifests changed`);
}
