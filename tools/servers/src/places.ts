/** Where things are kept: programs in the cache, running servers in a temporary directory. Both outside of the clone. */
import { createHash } from "node:crypto";
import { homedir, tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's cache of programs: `OMNI_CACHE`, else `XDG_CACHE_HOME/omni`, else `~/.cache/omni`; in it, `servers`. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment.OMNI_CACHE;
  const base = named ? resolve(repositoryRoot, named) : join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "omni");
  return join(base, "servers");
}

/** The folder that holds one folder for each running server. */
export function runDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.OMNI_SERVERS_RUN || join(tmpdir(), `omni-servers-${userInfo().uid}`);
}

/** The root of this clone. */
export const repositoryRoot: string = fileURLToPath(new URL("../../..", import.meta.url));

/** The owner written into servers started by `up`: one for each clone, so that two clones do not share servers. */
export function upOwner(): string {
  return `up-${createHash("sha256").update(repositoryRoot).digest("hex").slice(0, 12)}`;
}
