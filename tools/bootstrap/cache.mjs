// Where downloaded tools live between runs: outside the clone where there is a home for it, inside it otherwise.
import { accessSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * The cache folder: `OMNI_CACHE`, else `$XDG_CACHE_HOME/omni`, else `$HOME/.cache/omni`, else `.cache/omni` in the clone (no home, or one
 * that cannot be written to). Created when missing.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} root the clone
 */
export function cacheFolder(env, root) {
  if (env.OMNI_CACHE) return created(resolve(root, env.OMNI_CACHE));
  const home = env.XDG_CACHE_HOME || (env.HOME && join(env.HOME, ".cache")) || (env.LOCALAPPDATA ?? "");
  return (home && writable(join(home, "omni"))) || created(join(root, ".cache", "omni"));
}

/** @param {string} folder */
function created(folder) {
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** @param {string} folder */
function writable(folder) {
  try {
    created(folder);
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    return ""; // A home that does not exist or is read-only is not an error: the clone itself is the next place.
  }
}

/**
 * Holds `<folder>/<name>.lock` while `work` runs, so that two commands started at the same time do not install over each other. A lock whose
 * process is gone is taken over.
 *
 * @template T
 * @param {string} folder
 * @param {string} name
 * @param {() => Promise<T>} work
 */
export async function withLock(folder, name, work) {
  const path = join(created(folder), `${name}.lock`);
  for (let told = false; !tryLock(path); told = true) {
    if (!told) console.error(`omni: waiting for another run to finish installing (${path})`);
    await new Promise((done) => setTimeout(done, 250)); // Another process's end sends no event.
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** @param {string} path */
function tryLock(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  if (!abandoned(path)) return false;
  rmSync(path, { force: true });
  return tryLock(path);
}

/** @param {string} path */
function abandoned(path) {
  try {
    const owner = Number(readFileSync(path, "utf8"));
    // Between creating the file and writing the number there is a moment without an owner; only an old one is nobody's.
    if (!owner) return Date.now() - statSync(path).mtimeMs > 5000;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return ["ESRCH", "ENOENT"].includes(codeOf(error));
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return String(/** @type {{ code?: unknown } | null | undefined} */ (error)?.code);
}
