import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend } from "@omni/core";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { describeWithServer } from "@omni/servers";
import { freshStore, makeBucket } from "@omni/store-trials/s3";
import { SYNC_CASES } from "./all.ts";
import { playCase } from "./run-case.ts";

const NAMED = SYNC_CASES.map((one) => [one.name, one] as const);

test("there are at least 80 named cases, each name once", () => {
  expect(new Set(SYNC_CASES.map(({ name }) => name)).size).toBe(SYNC_CASES.length);
  expect(SYNC_CASES.length).toBeGreaterThanOrEqual(80);
});

describe("on memory", () => {
  test.each(NAMED)("%s", (_name, one) => playCase(one, () => memory()));
});

describe("on file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "omni-cases-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(NAMED)("%s", (_name, one) => playCase(one, () => file({ root: join(folder, randomUUID()), fsync: false })));
});

await describeWithServer("s3", "on S3", (current) => {
  const opened: Backend[] = [];
  beforeAll(() => makeBucket(current()));
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((backend) => backend.close()));
  });

  test.each(NAMED)("%s", (_name, one) =>
    playCase(one, () => {
      const store = freshStore(current());
      opened.push(store);
      return store;
    }),
  );
});
