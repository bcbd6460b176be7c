import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The temporary files of one `defineClouds`: it removes those that it made, and no others. */
export class TemporaryFiles {
  readonly #made = new Set<string>();

  /** A path in a new folder of its own that only this user can enter. */
  async path(name: string): Promise<string> {
    const file = join(await mkdtemp(join(tmpdir(), "omni-cloud-")), name);
    this.#made.add(file);
    return file;
  }

  /** Removes a file that `path` named; anything else is left alone. @returns whether it was one */
  async remove(file: string): Promise<boolean> {
    if (!this.#made.has(file)) return false;
    await rm(dirname(file), { recursive: true, force: true });
    this.#made.delete(file);
    return true;
  }

  async clear(): Promise<void> {
    for (const file of [...this.#made]) await this.remove(file);
  }
}
