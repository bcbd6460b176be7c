import { link, mkdir, readdir, rename, rmdir } from "node:fs/promises";
import { delay } from "@omni/core";
import { lookAt, removeEmpty, removeFile, succeeds } from "./file-system.ts";
import { BESIDE, type Layout, type Place } from "./layout.ts";
import { isAlive, isDead, OWNER } from "./owner.ts";
import { writeRecord } from "./sidecar.ts";

/**
 * What a claim is made for: to publish a written file or a staged one, to replace a sidecar, or to take an object (or a staged file) away.
 */
export type Purpose = "write" | "stage" | "change" | "take";

const LETTERS = { write: "w", stage: "s", change: "c", take: "t" } as const;

/** What wants to act on a place. */
export interface Item {
  readonly place: Place;
  readonly purpose: Purpose;
  /** Unique per item. */
  readonly id: string;
  /** Whether the place is on another device than Omni's directories: the file stands beside it then. */
  readonly beside: boolean;
  readonly owner: string;
}

/** Makes an item of this process. */
export function newItem(place: Place, purpose: Purpose, id: string, beside: boolean): Item {
  return { place, purpose, id, beside, owner: OWNER };
}

/** Where an item's file waits until it is its turn. Nothing waits for `take`. */
export function homeOf(layout: Layout, { place, purpose, id, beside, owner }: Item): string {
  if (beside) return `${place.directory}/${BESIDE}${id}.${purpose === "stage" ? "stage" : owner}`;
  return purpose === "stage" ? `${layout.own("stage")}/${id}` : `${layout.own("tmp")}/${id}.${owner}`;
}

/** Where an item's file, or the empty directory of a `take`, is while it claims the place. */
export function armedOf(layout: Layout, item: Item): string {
  return item.beside ? `${item.place.directory}/${BESIDE}${item.id}.${item.owner}~` : entryOf(layout, item);
}

function entryOf(layout: Layout, item: Item): string {
  return `${layout.claims(item.place.key)}/${nameOf(item)}`;
}

function nameOf({ place, purpose, id, beside, owner }: Item): string {
  const letter = LETTERS[purpose];
  return `${place.key}.${beside ? letter.toUpperCase() : letter}.${id}.${owner}`;
}

/** The item that a claim's name stands for; `undefined` for any other file. */
export function parseClaim(name: string, place: Place): Item | undefined {
  const [key, letter = "", id, owner] = name.split(".");
  const purpose = (Object.keys(LETTERS) as Purpose[]).find((word) => LETTERS[word] === letter.toLowerCase());
  if (key !== place.key || !purpose || !id || !owner) return undefined;
  return { place, purpose, id, owner, beside: letter !== letter.toLowerCase() };
}

// How long a claim may stand unchanged before its holder is taken to stand still: a process of this machine that is known to live, and one of which
// nothing is known. It bounds waiting, not safety.
const STILL_ALIVE_MS = 60_000;
const STILL_UNKNOWN_MS = 10_000;

/**
 * Claims a place: returns when no other claim on it stands. Whoever publishes, changes or deletes holds one.
 *
 * The file to be published is itself the claim: it is moved into the claim directory, and from there, in one step, to its path, which publishes
 * and gives the claim up. (A deletion claims with an empty directory and moves the object into it.) First the own claim is shown, then the others'
 * are looked for, so that of two at most one sees itself alone; with others there the lower name waits and the higher one withdraws.
 *
 * A claim can be taken away from its holder at any time without harm, by moving the file out: the holder's own step then fails with ENOENT
 * and it starts again. So no safety rests on knowing whether a holder is dead, on a lease or on a clock.
 *
 * @throws ENOENT when the item's file is not at home
 */
export async function claim(layout: Layout, item: Item, signal?: AbortSignal): Promise<void> {
  const seen = new Map<string, number>();
  const own = nameOf(item);
  await arm(layout, item);
  let armed = true;
  try {
    for (let round = 0; ; round++) {
      // Who stays looks anew each time, too: a lower name may have come.
      const rivals = await liveRivals(layout, item, seen);
      if (rivals.length === 0) {
        if (armed) return;
        await arm(layout, item);
        armed = true;
        continue;
      }
      if (armed && rivals.some((rival) => rival < own)) {
        await disarm(layout, item);
        armed = false;
      }
      signal?.throwIfAborted();
      await delay(1 + Math.random() * Math.min(8, round));
    }
  } catch (error) {
    if (armed) await disarm(layout, item);
    throw error;
  }
}

/** The other claims on the place, those that can be ended left out. */
async function liveRivals(layout: Layout, item: Item, seen: Map<string, number>): Promise<string[]> {
  const own = nameOf(item);
  const names = await readdir(layout.claims(item.place.key));
  if (names.length === 1 && names[0] === own) return [];
  const live: string[] = [];
  for (const name of names) {
    if (name === own || !name.startsWith(item.place.key)) continue;
    const rival = parseClaim(name, item.place);
    if (!rival) continue;
    const since = seen.get(name) ?? performance.now();
    seen.set(name, since);
    if (await isOver(rival.owner, performance.now() - since)) await disarm(layout, rival);
    else live.push(name);
  }
  return live;
}

async function isOver(owner: string, stillMs: number): Promise<boolean> {
  if (await isDead(owner)) return true;
  return stillMs > STILL_UNKNOWN_MS && (stillMs > STILL_ALIVE_MS || !(await isAlive(owner)));
}

async function arm(layout: Layout, item: Item): Promise<void> {
  const entry = entryOf(layout, item);
  const armed = armedOf(layout, item);
  if (item.beside) await writeRecord(entry, item.place.path, false);
  try {
    if (item.purpose === "take") await mkdir(armed);
    else await rename(homeOf(layout, item), armed);
  } catch (error) {
    if (item.beside) await removeFile(entry);
    throw error;
  }
}

/** Ends a claim, one's own or another's: what was to be published goes back to where it waited; a deletion that was done is finished. */
export async function disarm(layout: Layout, item: Item): Promise<void> {
  const armed = armedOf(layout, item);
  if (item.purpose === "take") await finishTake(layout, item);
  else if (item.purpose === "stage" && (await isPublished(armed, item.place.target))) await removeFile(armed);
  else await succeeds(rename(armed, homeOf(layout, item)), "ENOENT");
  if (item.beside) await removeFile(entryOf(layout, item));
}

/** A staged file that was linked to its path and not yet removed from its claim must not come back as staged. */
async function isPublished(armed: string, target: string): Promise<boolean> {
  const [staged, object] = await Promise.all([lookAt(armed), lookAt(target)]);
  return staged !== undefined && object !== undefined && staged.ino === object.ino && staged.dev === object.dev;
}

/**
 * Moves the claiming file to its path.
 *
 * @param exclusive only if nothing is there (EEXIST)
 * @throws ENOENT when the claim was taken away, or the directory of the path is not there
 */
export async function publish(layout: Layout, item: Item, exclusive: boolean): Promise<void> {
  const armed = armedOf(layout, item);
  if (exclusive) {
    await link(armed, item.place.target);
    await removeFile(armed);
  } else await rename(armed, item.place.target);
  if (item.beside) await removeFile(entryOf(layout, item));
}

/**
 * Takes a file away into the claim's directory, which makes it vanish from its path, and ends the claim.
 *
 * @throws ENOENT when the claim was taken away, or the file is not there
 */
export async function take(layout: Layout, item: Item, file: string): Promise<void> {
  const armed = armedOf(layout, item);
  await rename(file, `${armed}/taken`);
  await removeFile(`${armed}/taken`);
  await succeeds(rmdir(armed), "ENOENT");
  if (item.beside) await removeFile(entryOf(layout, item));
}

async function finishTake(layout: Layout, item: Item): Promise<void> {
  const armed = armedOf(layout, item);
  if (await removeEmpty(armed)) return;
  await removeFile(`${armed}/taken`);
  await succeeds(rmdir(armed), "ENOENT");
}

/** Runs what acts on one place one after the other, within this process; between processes the claims do it. */
export async function inTurn<T>(layout: Layout, { key }: Place, work: () => Promise<T>): Promise<T> {
  const name = `${layout.root}\0${key}`;
  const before = turns.get(name);
  let done: () => void = () => {};
  const mine = new Promise<void>((resolve) => {
    done = resolve;
  });
  turns.set(name, mine);
  try {
    await before;
    return await work();
  } finally {
    done();
    if (turns.get(name) === mine) turns.delete(name);
  }
}

const turns = new Map<string, Promise<void>>();
