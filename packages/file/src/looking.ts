import { type BigIntStats, readlinkSync } from "node:fs";
import type { ObjectInfo } from "@omni/core";
import { hasCode, lookAt, lookAtOnce } from "./file-system.ts";
import type { Layout } from "./layout.ts";
import { findVersion, infoOf, isOther, matching, sidecarFile } from "./sidecar.ts";

// What the kernel has at hand costs a tenth when it is asked at once, without the way through the thread pool. A disk that must turn first would keep
// everything else waiting: after so much of a page the rest, and so many pages after it, go through the pool.
const PATIENCE_MS = 10;
const PAGES_BESIDE = 32;

/** Looks at the files of a listing, a page at a time. */
export class PageLook {
  readonly #layout: Layout;
  readonly #patienceMs: number;
  #pagesBeside = 0;

  /** @param patienceMs how long a page may keep everything else waiting; 0 = not at all */
  constructor(layout: Layout, patienceMs: number = PATIENCE_MS) {
    this.#layout = layout;
    this.#patienceMs = patienceMs;
  }

  /** What is at the paths, in their order; `undefined` = it was deleted meanwhile, or has a name that is not UTF-8. */
  async infos(paths: readonly string[]): Promise<readonly (ObjectInfo | undefined)[]> {
    const until = this.#pagesBeside > 0 ? 0 : performance.now() + this.#patienceMs;
    if (this.#pagesBeside > 0) this.#pagesBeside--;
    const looks = await this.#looks(paths, until);
    // A sidecar is there before its version gets its path: without their directory no file of the page had one.
    if ((await lookAt(this.#layout.own("meta"))) === undefined)
      return looks.map((stats, at) => stats && infoOf(paths[at] as string, { stats, sidecar: undefined }));
    return Promise.all(paths.map((path, at) => this.#withSidecar(path, looks[at], until)));
  }

  async #looks(paths: readonly string[], until: number): Promise<readonly (BigIntStats | undefined)[]> {
    const looks: (BigIntStats | undefined)[] = [];
    for (const path of paths) {
      if (performance.now() >= until) break;
      looks.push(lookAtOnce(`${this.#layout.root}/${path}`));
    }
    if (looks.length < paths.length) {
      if (until > 0) this.#pagesBeside = PAGES_BESIDE;
      looks.push(...(await Promise.all(paths.slice(looks.length).map((path) => lookAt(`${this.#layout.root}/${path}`)))));
    }
    return looks.map((stats, at) => (stats && isOther({ path: paths[at] as string }, stats) ? undefined : stats));
  }

  async #withSidecar(path: string, stats: BigIntStats | undefined, until: number): Promise<ObjectInfo | undefined> {
    if (!stats) return undefined;
    const place = this.#layout.place(path);
    if (performance.now() < until) {
      const sidecar = matching(linkAt(sidecarFile(this.#layout, place.key, stats)), stats);
      if (sidecar) return infoOf(path, { stats, sidecar });
    }
    const version = await findVersion(this.#layout, place);
    return version && infoOf(path, version);
  }
}

/** Where a link leads; `undefined` when there is none, or a file of its own in its place. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EINVAL", "UNKNOWN")) return undefined;
    throw error;
  }
}
