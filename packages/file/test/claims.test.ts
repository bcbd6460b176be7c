// The claims on a place, step by step, as several processes would make them.
import { readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OmniError } from "@omni/core";
import { type FileBackend, file } from "@omni/file";
import { armedOf, claim, disarm, homeOf, type Item, newItem, type Purpose, publish, take } from "../src/claim.ts";
import { Layout, type Place } from "../src/layout.ts";
import { OWNER } from "../src/owner.ts";
import { freshRoot, removeRoots } from "./root.ts";

let root: string;
let backend: FileBackend;
let layout: Layout;
let place: Place;
let last = 0;

beforeEach(async () => {
  root = await freshRoot();
  backend = file({ root, fsync: false });
  layout = new Layout(root, false);
  await layout.ready();
  place = layout.place("object");
});
afterAll(removeRoots);

// An owner of this machine whose process is surely gone: no process started at tick 1 with this id.
const [space] = OWNER.split("-");
const DEAD = `${space}-4194303-1-dead`;
const ELSEWHERE = "000000000000-1-1-elsewhere";

async function item(purpose: Purpose, owner: string = OWNER, beside = false): Promise<Item> {
  last += 1;
  const made = { ...newItem(place, purpose, `id${String(last).padStart(4, "0")}`, beside), owner };
  if (purpose !== "take") await writeFile(homeOf(layout, made), made.id);
  return made;
}

const claims = async (): Promise<string[]> => (await readdir(layout.claims(place.key))).sort();
const content = async (): Promise<string> => (await backend.read("object")).text();

test.each(["write", "take"] as const)("a claim to %s waits for another's end", async (purpose) => {
  const first = await item("write");
  await claim(layout, first);
  const second = await item(purpose);
  let granted = false;
  const waiting = claim(layout, second).then(() => {
    granted = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(granted).toBe(false);
  await publish(layout, first, false);
  await waiting;
  expect(await content()).toBe(first.id);
  await disarm(layout, second);
  expect(await claims()).toEqual([]);
});

test("a claim that waits gives way to an abort, and takes its file home", async () => {
  const first = await item("write");
  await claim(layout, first);
  const second = await item("write");
  const controller = new AbortController();
  const waiting = claim(layout, second, controller.signal);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  expect(await claims()).toHaveLength(1);
  await rename(homeOf(layout, second), homeOf(layout, second));
});

test("a claim that waits gives way to a lower name that comes later", async () => {
  const [lowest, middle, highest] = [await item("write"), await item("write"), await item("write")];
  await claim(layout, highest);
  const order: string[] = [];
  const through = async (name: string, mine: Item): Promise<void> => {
    await claim(layout, mine);
    order.push(name);
    await publish(layout, mine, false);
  };
  const second = through("middle", middle);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const first = through("lowest", lowest);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await publish(layout, highest, false);
  await Promise.all([first, second]);
  expect(order).toEqual(["lowest", "middle"]);
});

test("many claims at once are granted one at a time", async () => {
  let holders = 0;
  let most = 0;
  const use = async (): Promise<void> => {
    const mine = await item("write");
    await claim(layout, mine);
    holders += 1;
    most = Math.max(most, holders);
    await new Promise((resolve) => setTimeout(resolve, 2));
    holders -= 1;
    await publish(layout, mine, false);
  };
  await Promise.all(Array.from({ length: 8 }, use));
  expect(most).toBe(1);
  expect(await claims()).toEqual([]);
});

test("the claim of a dead process is ended at once, and its file is back where it waited", async () => {
  const dead = await item("write", DEAD);
  await rename(homeOf(layout, dead), armedOf(layout, dead));
  await backend.write("object", "living");
  expect(await content()).toBe("living");
  expect(await claims()).toEqual([]);
  expect(await readdir(layout.own("tmp"))).toContain(`${dead.id}.${DEAD}`);
});

test("a holder whose claim was taken away publishes nothing", async () => {
  const slow = await item("write");
  await claim(layout, slow);
  await disarm(layout, slow); // by another process, which took it for dead
  await backend.write("object", "newer");
  await expect(publish(layout, slow, false)).rejects.toMatchObject({ code: "ENOENT" });
  await expect(publish(layout, slow, true)).rejects.toMatchObject({ code: "ENOENT" });
  expect(await content()).toBe("newer");
});

test("a deleter whose claim was taken away deletes nothing", async () => {
  await backend.write("object", "old");
  const slow = await item("take");
  await claim(layout, slow);
  await disarm(layout, slow);
  await backend.write("object", "newer");
  await expect(take(layout, slow, place.target)).rejects.toMatchObject({ code: "ENOENT" });
  expect(await content()).toBe("newer");
});

test("a deletion that a crash broke off after the object was taken is finished", async () => {
  await backend.write("object", "old");
  const dead = await item("take", DEAD);
  await claim(layout, dead);
  await rename(place.target, join(armedOf(layout, dead), "taken"));
  await backend.write("object", "newer", { ifNoneMatch: "*" });
  expect(await content()).toBe("newer");
  expect(await claims()).toEqual([]);
});

test("a staged file that was linked to its path does not come back as staged", async () => {
  const staged = await backend.stage("object", "bytes");
  const dead = { ...newItem(place, "stage", staged.token, false), owner: DEAD };
  await rename(homeOf(layout, dead), armedOf(layout, dead));
  const { link } = await import("node:fs/promises");
  await link(armedOf(layout, dead), place.target);
  const resumed = await backend.resumeStage("object", staged.token);
  expect(resumed.state).toBe("committed");
  expect((await resumed.commit()).size).toBe(5);
});

test("a commit that a crash broke off before its last step leaves the token staged", async () => {
  const staged = await backend.stage("object", "bytes");
  const dead = { ...newItem(place, "stage", staged.token, false), owner: DEAD };
  await rename(homeOf(layout, dead), armedOf(layout, dead));
  const resumed = await backend.resumeStage("object", staged.token);
  expect(resumed.state).toBe("staged");
  await resumed.commit();
  expect(await content()).toBe("bytes");
});

test("a claim of another machine that stands still is ended after ten seconds", async () => {
  const still = await item("write", ELSEWHERE);
  await rename(homeOf(layout, still), armedOf(layout, still));
  const started = performance.now();
  await backend.write("object", "mine");
  expect(performance.now() - started).toBeGreaterThan(9_900);
  await expect(publish(layout, still, false)).rejects.toMatchObject({ code: "ENOENT" });
  expect(await content()).toBe("mine");
}, 30_000);

test("a write whose temporary file was swept says so and publishes nothing", async () => {
  const driver = backend.driver;
  const { unlink } = await import("node:fs/promises");
  const body = (async function* () {
    yield Buffer.from("x");
    for (const name of await readdir(layout.own("tmp"))) if (name.includes(OWNER)) await unlink(join(layout.own("tmp"), name));
  })();
  const error = await driver.write("object", body, {}).catch((reason: unknown) => reason);
  expect(OmniError.is(error, "UNAVAILABLE")).toBe(true);
  expect(await backend.exists("object")).toBe(false);
});
