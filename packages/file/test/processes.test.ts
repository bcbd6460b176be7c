import { OmniError } from "@omni/core";
import { type FileBackend, file } from "@omni/file";
import { endProcesses, TestProcess } from "./process.ts";
import { freshRoot, removeRoots } from "./root.ts";

let root: string;
let backend: FileBackend;

beforeEach(async () => {
  root = await freshRoot();
  backend = file({ root, fsync: false });
});
afterEach(endProcesses);
afterAll(removeRoots);

const several = (count: number, ...args: string[]): TestProcess[] =>
  Array.from({ length: count }, (_, i) => new TestProcess("./worker.ts", ...args, String(i)));

test("four processes increment one object by ifMatch: no update is lost", async () => {
  await backend.write("counter", "0");
  await Promise.all(several(4, "count", root, "25").map((worker) => worker.end()));
  const reader = await backend.read("counter");
  expect(await reader.text()).toBe("100");
  expect(reader.info.metadata).toEqual({ next: "100" });
}, 120_000);

test("eight processes race to create: one wins each path, and its bytes are there", async () => {
  const workers = several(8, "create", root, "10");
  for (const worker of workers) expect(await worker.line()).toBe("ready");
  for (const worker of workers) worker.say("go");
  const wins = await Promise.all(workers.map(async (worker) => Number(await worker.line())));
  expect(wins.reduce((sum, won) => sum + won, 0)).toBe(10);
  const owners = new Array(8).fill(0);
  for (let i = 0; i < 10; i++) owners[Number(await (await backend.read(`race/${i}`)).text())] += 1;
  expect(owners).toEqual(wins);
  await Promise.all(workers.map((worker) => worker.end()));
}, 120_000);

test("a reader sees one version, whatever two processes do meanwhile", async () => {
  const workers = several(2, "churn", root);
  for (const worker of workers) expect(await worker.line()).toBe("ready");
  let seen = 0;
  let withChange = 0;
  const until = performance.now() + 3000;
  while (performance.now() < until) {
    for (const path of ["object", "elsewhere"]) {
      try {
        const reader = await backend.read(path);
        const { text = "", times } = reader.info.metadata ?? {};
        expect(await reader.text()).toBe(text.repeat(Number(times)));
        if (path === "object" && reader.info.stamp) expect(reader.info.stamp).toEqual({ id: text });
        if (reader.info.cacheControl !== undefined) withChange += 1;
        seen += 1;
        const info = await backend.stat(path);
        expect(info.size).toBe(
          info.metadata?.text?.length === undefined ? -1 : info.metadata.text.length * Number(info.metadata.times),
        );
      } catch (error) {
        if (!OmniError.is(error, "NOT_FOUND")) throw error;
      }
    }
  }
  for (const worker of workers) worker.say("stop");
  await Promise.all(workers.map((worker) => worker.end()));
  expect(seen).toBeGreaterThan(20);
  expect(withChange).toBeGreaterThan(0);
}, 120_000);

test("staged bytes outlive their process and are committed once, by whoever has the token", async () => {
  const owner = new TestProcess("./worker.ts", "stage", root);
  const token = await owner.line();
  await owner.kill();
  expect(token.length).toBeLessThan(64);
  expect(await backend.exists("staged")).toBe(false);

  const other = new TestProcess("./worker.ts", "commit", root, token);
  const first = JSON.parse(await other.line());
  await other.end();
  expect(first).toMatchObject({
    state: "staged",
    info: { path: "staged", size: 9, metadata: { of: "stage" }, stamp: { id: "w1" } },
  });

  const again = await backend.resumeStage("staged", token);
  expect(again.state).toBe("committed");
  expect((await again.commit()).etag).toBe(first.info.etag);
  await again.discard();
  expect((await backend.stat("staged")).etag).toBe(first.info.etag);

  const newer = await backend.write("staged", "newer");
  const late = await backend.resumeStage("staged", token);
  expect(late.state).toBe("committed");
  expect(await late.commit()).toMatchObject({ etag: first.info.etag, size: 9 });
  await backend.delete("staged", { ifMatch: newer.etag });
  await late.commit();
  expect(await backend.exists("staged")).toBe(false);
}, 120_000);

test("the commits of four processes with one token publish once", async () => {
  const { token } = await backend.stage("staged", "bytes");
  const workers = Array.from({ length: 4 }, () => new TestProcess("./worker.ts", "commit", root, token));
  const infos = await Promise.all(workers.map(async (worker) => JSON.parse(await worker.line()).info));
  expect(new Set(infos.map(({ etag }) => etag)).size).toBe(1);
  await Promise.all(workers.map((worker) => worker.end()));
}, 120_000);
