import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { backendDedupe, type DedupeKey, type DedupeStore, memoryDedupe } from "@omni/core/queue";
import { sqliteDedupe } from "@omni/core/queue/sqlite";
import { memory } from "@omni/memory";
import { memoryQueue } from "@omni/queue-memory";
import { ManualClock } from "./manual-clock.ts";

const KEY: DedupeKey = { group: "g", topic: "t", id: "1" };
const folder = mkdtempSync(join(tmpdir(), "omni-dedupe-"));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newFile(): string {
  files += 1;
  return join(folder, `${files}.db`);
}

const STORES: readonly [string, (clock: ManualClock) => DedupeStore][] = [
  ["in memory", (clock) => memoryDedupe({ windowMs: 10_000, leaseMs: 1_000, clock })],
  ["in SQLite", (clock) => sqliteDedupe(newFile(), { windowMs: 10_000, leaseMs: 1_000, clock })],
  ["on a backend", (clock) => backendDedupe(memory(), { windowMs: 10_000, leaseMs: 1_000, clock })],
];

async function claim(store: DedupeStore, key: DedupeKey = KEY): Promise<string> {
  const found = await store.begin(key);
  if (found.state !== "claimed") throw new Error(`${key.id} is ${found.state}`);
  return found.token;
}

describe.each(STORES)("a dedupe store %s", (_, make) => {
  let clock: ManualClock;
  let store: DedupeStore;
  beforeEach(() => {
    clock = new ManualClock();
    store = make(clock);
  });
  afterEach(() => store.close?.());

  test("gives a message to one, and to nobody once it is done", async () => {
    const token = await claim(store);
    expect((await store.begin(KEY)).state).toBe("busy");
    expect(await store.done(KEY, token)).toBe(true);
    expect((await store.begin(KEY)).state).toBe("done");
  });

  test("says busy with a time to ask again", async () => {
    await claim(store);
    const other = await store.begin(KEY);
    expect(other).toMatchObject({ state: "busy" });
    if (other.state === "busy") expect(other.retryAfterMs).toBeGreaterThan(0);
  });

  test("of many who ask at once one gets it", async () => {
    const claims = await Promise.all(Array.from({ length: 20 }, () => store.begin(KEY)));
    expect(claims.filter(({ state }) => state === "claimed")).toHaveLength(1);
  });

  test("tells groups, topics and ids apart", async () => {
    await claim(store);
    for (const key of [
      { ...KEY, group: "h" },
      { ...KEY, topic: "u" },
      { ...KEY, id: "2" },
    ])
      await claim(store, key);
  });

  test("gives a claim that was given back to the next", async () => {
    const token = await claim(store);
    await store.release(KEY, token);
    expect(await claim(store)).not.toBe(token);
  });

  test("gives a claim whose lease is over to the next, and the first one can no longer be done", async () => {
    const first = await claim(store);
    await clock.pass(1_001);
    const second = await claim(store);
    expect(await store.done(KEY, first)).toBe(false);
    expect(await store.renew(KEY, first)).toBe(false);
    await store.release(KEY, first);
    expect((await store.begin(KEY)).state).toBe("busy");
    expect(await store.done(KEY, second)).toBe(true);
  });

  test("keeps a claim that is renewed", async () => {
    const token = await claim(store);
    for (let i = 0; i < 5; i++) {
      await clock.pass(700);
      expect(await store.renew(KEY, token)).toBe(true);
    }
    expect((await store.begin(KEY)).state).toBe("busy");
    expect(await store.done(KEY, token)).toBe(true);
  });

  test("remembers for its window, and forgets after it", async () => {
    await store.done(KEY, await claim(store));
    await clock.pass(9_000);
    expect((await store.begin(KEY)).state).toBe("done");
    await clock.pass(1_001);
    await store.sweep?.();
    expect((await store.begin(KEY)).state).toBe("claimed");
  });
});

test("a store in memory forgets the oldest when there are too many, and counts them", () => {
  const store = memoryDedupe({ maxEntries: 2 });
  for (const id of ["1", "2", "3"]) {
    const found = store.begin({ ...KEY, id });
    if ("state" in found && found.state === "claimed") store.done({ ...KEY, id }, found.token);
  }
  expect([store.size, store.forgotten]).toEqual([2, 1]);
  expect(store.begin({ ...KEY, id: "1" })).toMatchObject({ state: "claimed" });
});

test("a store on a backend without conditional create is refused", () => {
  const backend = memory();
  const weak = { ...backend, features: { ...backend.features, conditional: { ...backend.features.conditional, create: false } } };
  expect(() => backendDedupe(weak as typeof backend)).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
});

describe("SQLite", () => {
  test("two connections to one file are one store", async () => {
    const file = newFile();
    const [a, b] = [sqliteDedupe(file), sqliteDedupe(file)];
    const token = await claim(a);
    expect((await b.begin(KEY)).state).toBe("busy");
    expect(await a.done(KEY, token)).toBe(true);
    expect((await b.begin(KEY)).state).toBe("done");
    a.close();
    b.close();
    b.close();
  });

  test("effect and mark happen together: a transaction that is rolled back leaves neither", async () => {
    const store = sqliteDedupe(newFile());
    store.database.exec("CREATE TABLE effects (id TEXT)");
    const token = await claim(store);
    store.database.exec("BEGIN IMMEDIATE; INSERT INTO effects VALUES ('1')");
    store.doneIn(store.database, KEY, token);
    store.database.exec("ROLLBACK");
    expect(store.database.prepare("SELECT count(*) AS n FROM effects").get()).toMatchObject({ n: 0 });
    expect((await store.begin(KEY)).state).toBe("busy");
    store.close();
  });

  test("who lost the claim cannot mark within a transaction", async () => {
    const clock = new ManualClock();
    const store = sqliteDedupe(newFile(), { leaseMs: 1_000, clock });
    const first = await claim(store);
    await clock.pass(1_001);
    await claim(store);
    expect(() => store.doneIn(store.database, KEY, first)).toThrow(expect.objectContaining({ code: "PRECONDITION_FAILED" }));
    expect(() => store.doneIn({}, KEY, first)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    store.close();
  });

  test("a handler that marks within its transaction has one effect per id, whatever fails after it", async () => {
    const store = sqliteDedupe(newFile());
    const { database } = store;
    database.exec("CREATE TABLE effects (id TEXT)");
    const queue = memoryQueue({ topic: "t" });
    let calls = 0;
    await queue.consume(
      (message, { dedupe }) => {
        calls += 1;
        database.exec("BEGIN IMMEDIATE");
        database.prepare("INSERT INTO effects VALUES (?)").run(message.id);
        dedupe?.in(database);
        database.exec("COMMIT");
        throw new Error("after the effect");
      },
      { dedupe: store, backoff: [1] },
    );
    for (const id of ["a", "a", "b"]) await queue.publish({ id, data: "x" });
    while ((await queue.stats()).acked < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(calls).toBe(2);
    expect(database.prepare("SELECT id FROM effects ORDER BY id").all()).toMatchObject([{ id: "a" }, { id: "b" }]);
    await queue.close();
    store.close();
  });

  test("a store without transactions says so", async () => {
    const queue = memoryQueue({ topic: "t" });
    const errors: unknown[] = [];
    const said = new Promise<void>((resolve) => {
      const handler = (_: unknown, { dedupe }: { readonly dedupe: { in(tx: unknown): unknown } | undefined }): unknown =>
        dedupe?.in({});
      queue.consume(handler, {
        dedupe: memoryDedupe(),
        maxDeliveries: 1,
        deadLetter: false,
        onError: (error) => resolve(void errors.push(error)),
      });
    });
    await queue.publish({ data: "x" });
    await said;
    expect(errors).toEqual([expect.objectContaining({ code: "NOT_SUPPORTED" })]);
    await queue.close();
  });

  test("what a killed process had claimed is another's when the lease is over, and what it had done stays done", async () => {
    const file = newFile();
    const script = `
      import { sqliteDedupe } from "@omni/core/queue/sqlite";
      const store = sqliteDedupe(${JSON.stringify(file)}, { leaseMs: 200 });
      const done = store.begin({ group: "g", topic: "t", id: "done" });
      store.done({ group: "g", topic: "t", id: "done" }, done.token);
      store.begin({ group: "g", topic: "t", id: "claimed" });
      process.kill(process.pid, "SIGKILL");
    `;
    const run = promisify(execFile)(process.execPath, ["--conditions=@omni/source", "--input-type=module", "-e", script], {
      cwd: process.cwd(),
    });
    await expect(run).rejects.toMatchObject({ signal: "SIGKILL" });
    const store = sqliteDedupe(file, { leaseMs: 200 });
    expect((await store.begin({ ...KEY, id: "done" })).state).toBe("done");
    let found = await store.begin({ ...KEY, id: "claimed" });
    while (found.state === "busy") {
      const { retryAfterMs } = found;
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
      found = await store.begin({ ...KEY, id: "claimed" });
    }
    expect(found.state).toBe("claimed");
    store.close();
  });

  test("a table name that is none is refused", () => {
    const database = new DatabaseSync(":memory:");
    expect(() => sqliteDedupe(database, { table: "a; DROP TABLE b" })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    database.close();
  });
});
