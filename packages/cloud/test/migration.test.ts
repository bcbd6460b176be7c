import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CloudsOptions, defineClouds, type StoredObject } from "@omni/cloud";
import { type SqliteCatalogue, sqliteCatalogue } from "@omni/cloud/sqlite";
import { faulty } from "@omni/core/testing";
import { file } from "@omni/file";
import { memory } from "@omni/memory";

const bytesOf = (text: string): Buffer => Buffer.from(text);

let folder: string;
let catalogue: SqliteCatalogue;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-cloud-test-"));
  catalogue = sqliteCatalogue(":memory:");
});
afterEach(async () => {
  catalogue.close();
  await rm(folder, { recursive: true });
});

test("a cloud is copied to another; the rows say where the files are, old objects find them", async () => {
  await using clouds = defineClouds(
    { old: { backend: file({ root: folder }), prefix: "in" }, fresh: { backend: memory(), prefix: "now/here", region: "eu" } },
    { env: {}, catalogue },
  );
  const objects: StoredObject<"old" | "fresh">[] = [];
  for (let index = 0; index < 25; index += 1)
    objects.push(await clouds.old.insert(bytesOf(`file ${index}`), { filename: `${index}.txt`, metadata: { index: `${index}` } }));
  const seen: number[] = [];
  const report = await clouds.migrate({ from: "old", to: "fresh", onProgress: ({ done }) => seen.push(done.objects) });
  expect(report).toMatchObject({ ok: true, rowsMoved: 25, counts: { copied: 25, failed: 0 } });
  expect(seen.at(-1)).toBe(25);
  const target = await clouds.fresh.backend();
  for (const object of objects) {
    const row = await catalogue.get(object.id);
    expect(row).toMatchObject({ cloud: "fresh", region: "eu", path: object.path.replace(/^in\//, "now/here/") });
    expect((await clouds.load(object.id)).digest).toBe(object.digest);
    expect((await target.stat(row?.path ?? "")).metadata).toEqual(object.metadata);
    // The source stays, and so does what somebody remembers of it.
    await clouds.load(object);
  }
  expect(await clouds.migrate({ from: "old", to: "fresh" })).toMatchObject({ ok: true, rowsMoved: 0, counts: { copied: 0 } });
});

test("a part of a cloud, and a dry run that changes nothing", async () => {
  await using clouds = defineClouds({ a: memory(), b: memory() }, { env: {}, catalogue });
  const one = await clouds.a.insert(bytesOf("1"), { prefix: "one" });
  const two = await clouds.a.insert(bytesOf("2"), { prefix: "two" });
  expect(await clouds.migrate({ from: "a", to: "b", prefix: "one/", dryRun: true })).toMatchObject({ rowsMoved: 0 });
  expect(await Array.fromAsync((await clouds.b.backend()).list())).toEqual([]);
  expect(await clouds.migrate({ from: "a", to: "b", prefix: "one/" })).toMatchObject({ rowsMoved: 1 });
  expect([(await catalogue.get(one.id))?.cloud, (await catalogue.get(two.id))?.cloud]).toEqual(["b", "a"]);
});

test("what failed to arrive keeps its row", async () => {
  const broken = faulty(memory(), [{ on: ["write", "stage"], do: "fail", when: ({ path }) => path?.endsWith("2.txt") ?? false }]);
  await using clouds = defineClouds({ a: memory(), b: broken }, { env: {}, catalogue });
  const objects = [];
  for (const name of ["1.txt", "2.txt"]) objects.push(await clouds.a.insert(bytesOf(name), { filename: name }));
  const report = await clouds.migrate({ from: "a", to: "b" });
  expect(report).toMatchObject({ ok: false, rowsMoved: 0 });
  for (const { id } of objects) expect((await clouds.load(id)).cloud).toBe("a");
  broken.faults.clear();
  expect(await clouds.migrate({ from: "a", to: "b" })).toMatchObject({ ok: true, rowsMoved: 2, counts: { copied: 1 } });
}, 60_000);

test("backends that are no clouds", async () => {
  const [from, to] = [memory(), memory()];
  await from.write("a", "x");
  await using clouds = defineClouds({ a: memory() }, { env: {} });
  expect(await clouds.migrate({ from, to })).toMatchObject({ ok: true, rowsMoved: 0 });
  expect(await to.exists("a")).toBe(true);
  await expect(clouds.migrate({ from, to, updateRows: true })).rejects.toThrow(/updateRows needs a catalogue/);
  await expect(clouds.migrate({ from: "a", to: "c" as "a" })).rejects.toThrow(/there is no cloud "c"/);
  await expect(clouds.migrate({ from: "a", to, parallel: 3 } as never)).rejects.toThrow(/unknown option "parallel"/);
});

describe("residency is not left by a migration", () => {
  const define = (route: CloudsOptions<"eu" | "us" | "uk" | "pair">["route"], more: Pick<CloudsOptions, "catalogue"> = {}) =>
    defineClouds(
      {
        eu: { backend: memory(), residency: "eu" },
        us: { backend: memory(), residency: "us" },
        uk: { backend: memory(), residency: "uk" },
        pair: { members: ["eu", "uk"], combine: ([first]) => first.backend },
      },
      { env: {}, ...more, route },
    );

  test.each<[string, CloudsOptions<"eu" | "us" | "uk" | "pair">["route"]]>([
    ["a rule that names it", [{ name: "gdpr", to: "eu", residency: ["eu", "uk"] }]],
    ["a rule whose function may", [{ name: "gdpr", to: () => "eu", residency: ["eu", "uk"] }]],
    ["a rule that names a group of it", [{ name: "gdpr", to: "pair", residency: ["eu", "uk"] }]],
  ])("by %s", async (_name, route) => {
    await using clouds = define(route);
    await clouds.insert(bytesOf("x"));
    await expect(clouds.migrate({ from: "eu", to: "us" })).rejects.toThrow(
      /gdpr keeps files of "eu" in eu, uk; "us" is in us\. Nothing was copied/,
    );
    await expect(clouds.migrate({ from: "eu", to: memory() })).rejects.toThrow(/the destination is in no stated place/);
    expect(await Array.fromAsync((await clouds.us.backend()).list())).toEqual([]);
    expect(await clouds.migrate({ from: "eu", to: "uk" })).toMatchObject({ ok: true });
  });

  test("from a group either: what it reads is its members'", async () => {
    await using clouds = define([{ name: "gdpr", to: "eu", residency: ["eu", "uk"] }]);
    await clouds.insert(bytesOf("x"));
    await expect(clouds.migrate({ from: "pair", to: "us" })).rejects.toThrow(/gdpr keeps files of "pair" in eu, uk/);
  });

  test("also where a file may have been copied to; a catalogue knows whether one was", async () => {
    const route = [{ name: "gdpr", to: "eu" as const, residency: ["eu", "uk"] }];
    await using unknown = define(route);
    await expect(unknown.migrate({ from: "uk", to: "us" })).rejects.toThrow(/gdpr keeps files of "uk" in eu, uk/);
    await using known = define(route, { catalogue });
    await known.uk.insert(bytesOf("anywhere"));
    expect(await known.migrate({ from: "uk", to: "us" })).toMatchObject({ ok: true, rowsMoved: 1 });
    await known.copyObject(await known.insert(bytesOf("at home")), "uk");
    await expect(known.migrate({ from: "uk", to: "us" })).rejects.toThrow(/must stay in eu, uk; "us" is in us/);
  });

  test("by the rows of files that an earlier rule placed", async () => {
    await using before = define([{ name: "gdpr", to: "eu", residency: ["eu", "uk"] }], { catalogue });
    const kept = await before.insert(bytesOf("x"));
    await using after = defineClouds(
      { eu: { backend: await before.eu.backend(), residency: "eu" }, us: { backend: memory(), residency: "us" } },
      { env: {}, catalogue },
    );
    await expect(after.migrate({ from: "eu", to: "us" })).rejects.toThrow(`${kept.id} must stay in eu, uk; "us" is in us`);
  });
});
