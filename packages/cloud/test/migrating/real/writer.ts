// A process that writes, deletes and reads its own paths through the migration until it is told to end. It says what it begins and what was acknowledged.

import { setTimeout as rest } from "node:timers/promises";
import { OmniError } from "@omni/core";
import { seeded } from "@omni/virtual-time";
import { contentOf, openStores, type Places, versionAt } from "./stores.ts";

/** What the parent gives. */
export interface WriterSpec {
  readonly places: Places;
  readonly name: string;
  readonly seed: number;
  /** The paths that nobody else changes. */
  readonly paths: readonly string[];
  /** Versions written so far, by path; what is not known for certain is absent. */
  readonly known: Readonly<Record<string, number | null>>;
  readonly nextVersion: number;
}

/** One line of its output. `version`: `null` = deleted. */
export type Line =
  | { readonly begins: string; readonly version: number | null }
  | { readonly done: string; readonly version: number | null }
  | { readonly wrong: string }
  | { readonly ended: { readonly changes: number; readonly reads: number; readonly inDoubt: number } };

const spec = JSON.parse(process.argv[2] ?? "") as WriterSpec;
const random = seeded(spec.seed);
const stores = openStores(spec.places, spec.name, 0.01);
const known = new Map(Object.entries(spec.known));
const counts = { changes: 0, reads: 0, inDoubt: 0 };
let version = spec.nextVersion;
let isOver = false;

process.once("SIGTERM", () => {
  isOver = true;
});

/** Written at once, so that what a killed process had begun is known. */
const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function change(path: string): Promise<void> {
  version += 1;
  const next = random() < 0.3 ? null : version;
  known.delete(path);
  say({ begins: path, version: next });
  // Until it is acknowledged: a change whose outcome nobody knows is made again.
  for (;;) {
    try {
      if (next === null) await stores.one.delete(path);
      else if (random() < 0.5) await stores.one.write(path, contentOf(path, next));
      else await stores.one.write(path, pieces(contentOf(path, next)));
      break;
    } catch (error) {
      counts.inDoubt += 1;
      if (!OmniError.is(error) || OmniError.is(error, "INVALID_ARGUMENT", "INVALID_PATH", "NOT_SUPPORTED")) throw error;
    }
  }
  known.set(path, next);
  say({ done: path, version: next });
  counts.changes += 1;
}

async function look(path: string): Promise<void> {
  const expected = known.get(path);
  if (expected === undefined) return change(path);
  const seen = (await versionAt(stores.one, path)) ?? null;
  if (seen !== expected)
    say({ wrong: `${spec.name} reads ${path}: ${seen ?? "nothing"} where ${expected ?? "nothing"} was acknowledged` });
  counts.reads += 1;
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 500) yield new TextEncoder().encode(text.slice(at, at + 500));
}

while (!isOver) {
  const path = spec.paths[Math.floor(random() * spec.paths.length)] as string;
  await (random() < 0.5 ? change(path) : look(path));
  await rest(random() * 20);
}
await stores.close();
say({ ended: counts });
