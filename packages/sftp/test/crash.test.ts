import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { OmniError } from "@omni/core";
import { killRuns, recordCounts } from "@omni/property";
import { describeWithServer } from "@omni/servers";
import type { SftpBackend, SftpOptions } from "@omni/sftp";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";
import { type Entry, idOf } from "./crash-content.ts";
import { optionsOf, Stores } from "./store.ts";

const KILLS = killRuns();
const WRITER = join(import.meta.dirname, "crash-writer.ts");

/** What the killed process had begun and finished. */
class Journal {
  /** What may stand at a path: what was acknowledged last, and what was begun since. */
  readonly allowed = new Map<string, Set<string>>();
  readonly acknowledged = new Map<string, string>();
  readonly tokens: { readonly path: string; readonly id: string; readonly token: string }[] = [];
  #unfinished: string | undefined;
  entries = 0;

  add(entry: Entry): void {
    this.entries++;
    if (entry.say === "begin") {
      this.#at(entry.path).add(entry.id);
      this.#unfinished = entry.path;
    }
    if (entry.say === "staged") this.tokens.push(entry);
    if (entry.say === "done") {
      this.allowed.set(entry.path, new Set([entry.id]));
      this.acknowledged.set(entry.path, entry.id);
      this.#unfinished = undefined;
    }
    if (entry.say === "failed") throw new Error(`the writer met an error by itself: ${entry.reason}`);
  }

  /** A path whose last write was broken off may also be empty: one of its ways deletes first. */
  mayBeMissing(path: string): boolean {
    return !this.acknowledged.has(path) || this.#unfinished === path;
  }

  #at(path: string): Set<string> {
    const found = this.allowed.get(path) ?? new Set();
    this.allowed.set(path, found);
    return found;
  }
}

/** Lets a process write, and kills it after so many words of it and some milliseconds. */
async function killedRun(options: SftpOptions, seed: number): Promise<Journal> {
  const order = JSON.stringify({ options, seed });
  const child = spawn(process.execPath, [...sourceFlags(), WRITER, order], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const journal = new Journal();
  const gone = once(child, "exit");
  const kill = (): void => void child.kill("SIGKILL");
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    journal.add(JSON.parse(line) as Entry);
    if (journal.entries === 2 + (seed % 23)) setTimeout(kill, seed % 17);
  }
  const [code, signal] = await gone;
  expect({ code, signal }).toEqual({ code: null, signal: "SIGKILL" });
  return journal;
}

async function idAt(store: SftpBackend, path: string): Promise<string | undefined> {
  try {
    const bytes = await (await store.read(path)).bytes();
    return idOf(bytes) ?? `torn: ${bytes.byteLength} bytes`;
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

await describeWithServer("ssh", "a writer that is killed", (current) => {
  it(
    `${KILLS} times at random moments: old or new, whole; what was acknowledged is there`,
    async () => {
      const stores = new Stores(current);
      const counts = { kills: 0, objects: 0, commits: 0, swept: 0 };
      for (let run = 0; run < KILLS; run++) {
        const store = stores.fresh();
        const seed = (Date.now() % 1_000_000) + run * 7_919;
        const journal = await killedRun({ ...optionsOf(current()), root: stores.rootOf(store) }, seed);
        counts.kills++;
        for (const [path, allowed] of journal.allowed) {
          const id = await idAt(store, path);
          if (id === undefined)
            expect({ seed, path, mayBeMissing: journal.mayBeMissing(path) }).toMatchObject({ mayBeMissing: true });
          else expect({ seed, path, id, isAllowed: allowed.has(id), allowed: [...allowed] }).toMatchObject({ isAllowed: true });
          counts.objects++;
        }
        // A token is whole or used: committing it now gives its own bytes, or says that it was committed.
        const last = journal.tokens.at(-1);
        if (last) {
          const staged = await store.resumeStage(last.path, last.token);
          expect(["staged", "committed"]).toContain(staged.state);
          if (staged.state === "staged") {
            await staged.commit();
            expect(await idAt(store, last.path)).toBe(last.id);
            counts.commits++;
          }
        }
        const { temporary, staged } = await store.sweepStale({ olderThanMs: 0 });
        counts.swept += temporary + staged;
        const again = await store.sweepStale({ olderThanMs: 0 });
        expect({ temporary: again.temporary, staged: again.staged }).toEqual({ temporary: 0, staged: 0 });
        await store.close();
      }
      expect(counts.objects).toBeGreaterThan(0);
      recordCounts(counts);
    },
    60_000 + KILLS * 20_000,
  );
});
