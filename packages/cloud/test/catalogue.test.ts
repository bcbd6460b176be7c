import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { type Clouds, defineClouds, type StoredObject } from "@omni/cloud";
import { type SqliteCatalogue, sqliteCatalogue } from "@omni/cloud/sqlite";
import { type Backend, OmniError } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { migrate } from "../src/sqlite/migrations.ts";

const TEXT = Buffer.from("0123456789");

let folder: string;
let catalogue: SqliteCatalogue;
let clouds: Clouds<"near" | "far">;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-cloud-test-"));
  catalogue = sqliteCatalogue(join(folder, "files.db"));
  clouds = defineClouds(
    { near: file({ root: join(folder, "near") }), far: { backend: file({ root: join(folder, "far") }), prefix: "in" } },
    { env: {}, catalogue },
  );
});
afterEach(async () => {
  await clouds.close();
  catalogue.close();
  await rm(folder, { recursive: true });
});

const full: StoredObject = {
  id: "one",
  filename: "Grüße 'x'.txt",
  path: "in/one/x.txt",
  cloud: "near",
  contentType: "text/plain",
  size: Number.MAX_SAFE_INTEGER,
  region: "eu",
  digest: "sha256:00",
  metadata: { a: "1", ü: '"' },
  createdAt: "2026-01-02T03:04:05.678Z",
  updatedAt: "2026-01-02T03:04:05.678Z",
  residency: ["eu", "uk"],
};

describe("rows", () => {
  const bare: StoredObject = { ...full, id: "two", path: "in/two/x.txt", region: null, digest: null, metadata: {}, size: 0 };

  test("survive the round trip, also to another process's connection", async () => {
    const { residency: _, ...anywhere } = bare;
    await catalogue.insert(full);
    await catalogue.insert(anywhere);
    const other = sqliteCatalogue(join(folder, "files.db"));
    expect(await other.get("one")).toEqual(full);
    expect(await other.get("two")).toEqual(anywhere);
    expect(await other.at({ cloud: "near", path: full.path })).toEqual(full);
    expect(await other.get("three")).toBeUndefined();
    other.close();
    other.close();
  });

  test("are there once by id and by place", async () => {
    await catalogue.insert(full);
    for (const twin of [full, { ...full, path: "elsewhere" }, { ...full, id: "other" }])
      await expect(catalogue.insert(twin)).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  });

  test("change only while the object is where it was expected", async () => {
    await catalogue.insert(full);
    const moved = { ...full, cloud: "far" };
    expect(await catalogue.update(moved, { cloud: "near", path: "wrong" })).toBe(false);
    expect(await catalogue.update(moved, full)).toBe(true);
    expect(await catalogue.update(moved, full)).toBe(false);
    expect(await catalogue.delete("one", full)).toBe(false);
    expect(await catalogue.delete("one", moved)).toBe(true);
    expect(await catalogue.get("one")).toBeUndefined();
  });

  test("are listed in the order of UTF-8, by prefix, page by page", async () => {
    // In UTF-16 the last two would change places.
    const paths = ["a/1", "a/10", "a/2", "a/ü", "a0", "b", "\uffee", "\u{10000}"];
    for (const path of [...paths].reverse()) await catalogue.insert({ ...full, id: path, path });
    await catalogue.insert({ ...full, id: "far", cloud: "far" });
    const listed = async (prefix?: string): Promise<string[]> =>
      (await Array.fromAsync(catalogue.list("near", { prefix }))).map(({ path }) => path);
    expect(await listed()).toEqual(paths);
    expect(await listed("a/")).toEqual(["a/1", "a/10", "a/2", "a/ü"]);
    expect(await listed("nothing")).toEqual([]);
    const many = Array.from({ length: 2_500 }, (_, index) => `m/${String(index).padStart(5, "0")}`);
    catalogue.database.exec("BEGIN");
    for (const path of many) await catalogue.insert({ ...full, id: path, path });
    catalogue.database.exec("COMMIT");
    expect(await listed("m/")).toEqual(many);
  });
});

describe("migrations", () => {
  test("bring an older table to the present shape, and keep its rows", async () => {
    using database = new DatabaseSync(join(folder, "old.db"));
    migrate(database, "files", 1);
    database.exec(
      `INSERT INTO files VALUES ('one','a.txt','near','p','text/plain',3,NULL,NULL,'{}','2026-01-01T00:00:00.000Z','2026-01-01T00:00:00.000Z')`,
    );
    const old = sqliteCatalogue(database);
    expect(await old.get("one")).toMatchObject({ id: "one", filename: "a.txt", size: 3 });
    await old.insert(full).catch((error) => expect(OmniError.is(error, "ALREADY_EXISTS")).toBe(true));
    expect(sqliteCatalogue(database).database.prepare("SELECT step FROM files_migrations").all()).toEqual([
      { step: 1 },
      { step: 2 },
    ]);
    old.close();
    expect(database.isOpen).toBe(true);
  });

  test("of a newer version are refused, and a failed one leaves nothing", () => {
    using database = new DatabaseSync(":memory:");
    sqliteCatalogue(database, { table: "photos" });
    database.exec("INSERT INTO photos_migrations VALUES (99, 'later')");
    expect(() => sqliteCatalogue(database, { table: "photos" })).toThrow(
      /has the shape 99, this version knows 2; update @omni\/cloud/,
    );
    database.exec("CREATE TABLE taken (x)");
    expect(() => sqliteCatalogue(database, { table: "taken" })).toThrow(/already exists/);
    expect(database.prepare("SELECT name FROM sqlite_schema WHERE name = 'taken_migrations'").all()).toEqual([]);
    expect(() => sqliteCatalogue(database, { table: "x; DROP TABLE photos" })).toThrow(/table is letters/);
  });
});

describe("clouds with a catalogue", () => {
  test("keep the rows of what is inserted, copied, moved and deleted; objects are found by id", async () => {
    const object = await clouds.near.insert(TEXT, { filename: "a.txt", metadata: { k: "v" } });
    expect(await catalogue.get(object.id)).toEqual(object);
    const copied = await clouds.copyObject(object.id, "far");
    expect(await catalogue.get(copied.id)).toEqual(copied);
    const moved = await clouds.move(object.id, { to: "far" });
    expect(await catalogue.get(object.id)).toEqual(moved);
    expect((await clouds.load(object.id)).cloud).toBe("far");
    await clouds.delete(copied.id);
    expect(await catalogue.get(copied.id)).toBeUndefined();
    await expect(clouds.load("nobody")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await using without = defineClouds({ near: memory() }, { env: {} });
    await expect(without.load("one")).rejects.toThrow(/an id finds its object in a catalogue/);
  });

  test("whose row cannot be added withdraw the object", async () => {
    await clouds.near.insert(TEXT, { id: "one", filename: "a.txt" });
    await expect(clouds.far.insert(TEXT, { id: "one", filename: "a.txt" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    expect(await Array.fromAsync((await clouds.far.backend()).list())).toEqual([]);
  });

  test("find an object that another process moved", async () => {
    const object = await clouds.near.insert(TEXT, { filename: "a.txt" });
    await inAnotherProcess(`await clouds.move(${JSON.stringify(object.id)}, { to: "far" });`);
    expect(await (await clouds.near.backend()).exists(object.path)).toBe(false);
    expect(await (await clouds.read(object)).text()).toBe(TEXT.toString());
    expect((await clouds.load(object)).cloud).toBe("far");
    expect(await clouds.copyObject(object, "near")).toMatchObject({ cloud: "near" });
    await clouds.delete(object);
    expect(await catalogue.get(object.id)).toBeUndefined();
    await expect(clouds.load(object)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const { objectsWithoutRows } = await clouds.reconcile(catalogue);
    expect(objectsWithoutRows).toEqual([]);
  }, 60_000);

  test("moved by two at once lose nothing", async () => {
    const object = await clouds.near.insert(TEXT, { filename: "a.txt" });
    const results = await Promise.allSettled([clouds.move(object, { to: "far" }), clouds.move(object, { to: "far" })]);
    expect(results.map(({ status }) => status)).toContain("fulfilled");
    // Who comes when it is over finds it moved already.
    for (const result of results)
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "PRECONDITION_FAILED" });
    expect((await clouds.load(object.id)).data).toEqual({ to: "memory", bytes: TEXT });
    const report = await clouds.reconcile(catalogue);
    expect(report).toMatchObject({ rowsWithoutObjects: [], objectsWithoutRows: [], rows: 1, objects: 1 });
  });
});

describe("reconcile", () => {
  test("finds rows without objects, objects without rows, and other sizes", async () => {
    const kept = await clouds.near.insert(TEXT, { filename: "a.txt" });
    const lost = await clouds.near.insert(TEXT, { filename: "b.txt" });
    const cut = await clouds.far.insert(TEXT, { filename: "c.txt" });
    const [near, far] = [await clouds.near.backend(), await clouds.far.backend()];
    await near.delete(lost.path);
    await far.write("in/stray.txt", "stray");
    await far.write(cut.path, "short");
    // Outside of the cloud's own folder nothing is the cloud's.
    await far.write("elsewhere/x", "x");
    expect(await clouds.reconcile(catalogue)).toEqual({
      rowsWithoutObjects: [lost],
      objectsWithoutRows: [{ cloud: "far", path: "in/stray.txt", size: 5, modifiedAt: expect.any(Date) }],
      differing: [{ row: cut, size: 5 }],
      rows: 3,
      objects: 3,
    });
    expect((await clouds.reconcile(catalogue, { clouds: ["near"] })).rows).toBe(2);
    expect((await clouds.reconcile(catalogue, { minAgeMs: 60_000 })).objectsWithoutRows).toEqual([]);
    expect(await catalogue.get(kept.id)).toEqual(kept);
  });

  test("calls nothing lost in a cloud that cannot be listed", async () => {
    await using broken = defineClouds({ near: faulty(memory(), [{ on: "list", do: "fail", atEntry: 1 }]) }, { env: {}, catalogue });
    for (let index = 0; index < 3; index += 1) await broken.insert(TEXT);
    await expect(broken.reconcile(catalogue)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("does not report what comes and goes meanwhile", async () => {
    const store = memory();
    await using one = defineClouds({ near: () => touched(store) }, { env: {}, catalogue });
    const leaving = await one.insert(TEXT);
    let done = false;
    function touched(backend: Backend): Backend {
      return {
        ...backend,
        list: (...args) => {
          const items = backend.list(...args);
          return (async function* () {
            for await (const item of items) yield item;
            if (done) return;
            done = true;
            // Too late for the listing, in time for the rows.
            await one.insert(TEXT);
            await one.delete(leaving);
          })();
        },
      };
    }
    expect(await one.reconcile(catalogue)).toMatchObject({ rowsWithoutObjects: [], objectsWithoutRows: [] });
    expect(done).toBe(true);
  });
});

/** Runs lines with the same clouds and catalogue, and waits for their end. */
async function inAnotherProcess(lines: string): Promise<void> {
  const program = `
    import { defineClouds } from "@omni/cloud";
    import { sqliteCatalogue } from "@omni/cloud/sqlite";
    import { file } from "@omni/file";
    const [folder] = process.argv.slice(1);
    const catalogue = sqliteCatalogue(folder + "/files.db");
    const clouds = defineClouds(
      { near: file({ root: folder + "/near" }), far: { backend: file({ root: folder + "/far" }), prefix: "in" } },
      { env: {}, catalogue },
    );
    ${lines}
    await clouds.close();
    catalogue.close();
  `;
  const flags = ["--conditions=@omni/source", "--experimental-strip-types", "--disable-warning=ExperimentalWarning"];
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const child = spawn(process.execPath, [...flags, "--input-type=module", "-e", program, folder], {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
}
