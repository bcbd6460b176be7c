import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CloudSource, type CloudsOptions, defineClouds, type GroupMembers } from "@omni/cloud";
import { defineBackend, MultiError } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { file } from "@omni/file";
import { memory } from "@omni/memory";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-cloud-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

const BYTES = Buffer.from("hello");

/** The application's one definition: what it runs on is the environment's. */
const application = (env: Record<string, string>, config?: CloudsOptions["config"]) =>
  defineClouds(
    { uploads: file({ root: join(folder, "code") }), userPhotos: memory(), archive: {} },
    { default: "uploads", env, config },
  );

describe("the environment", () => {
  test("says which backend a cloud has, and where uploads go", async () => {
    const url = pathToFileURL(join(folder, "env")).href;
    await using clouds = application({
      CLOUDS_UPLOADS_URL: url,
      CLOUDS_UPLOADS_FSYNC: "false",
      CLOUDS_USER_PHOTOS_URL: `${url}-photos`,
      CLOUDS_ARCHIVE_URL: "memory",
      CLOUDS_DEFAULT: "userPhotos",
      HOME: "/root",
    });
    const object = await clouds.uploads.insert(BYTES, { filename: "a.txt" });
    expect(existsSync(join(folder, "env", object.path))).toBe(true);
    expect((await clouds.uploads.backend()).driver.scheme).toBe("file");
    expect((await clouds.archive.backend()).driver.scheme).toBe("memory");
    expect(await clouds.insert(BYTES, { filename: "b.txt" })).toMatchObject({ cloud: "userPhotos" });
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      "a cloud that the code does not name",
      { CLOUDS_ARCHIVE_URL: "memory", CLOUDS_UPLAODS_URL: "memory" },
      /CLOUDS_UPLAODS_URL, but there is no such cloud\. Known: CLOUDS_UPLOADS_URL, CLOUDS_USER_PHOTOS_URL/,
    ],
    ["no backend at all", {}, /"archive": it has no backend; set CLOUDS_ARCHIVE_URL/],
    ["an unknown kind of backend", { CLOUDS_ARCHIVE_URL: "s4://bucket" }, /"archive": there is no backend "s4"\. Known: .*s3/],
    ["what is no URL", { CLOUDS_ARCHIVE_URL: "s3://[" }, /"archive": its URL cannot be read/],
    [
      "options of a backend made in code",
      { CLOUDS_ARCHIVE_URL: "memory", CLOUDS_UPLOADS_FSYNC: "no" },
      /options of "uploads" \(fsync\), whose backend is made in code/,
    ],
    [
      "an unknown default",
      { CLOUDS_ARCHIVE_URL: "memory", CLOUDS_DEFAULT: "upload" },
      /there is no cloud "upload"\. Known: uploads/,
    ],
    ["a short secret", { CLOUDS_ARCHIVE_URL: "memory", CLOUDS_SECRET: "hunter2" }, /fewer than 16 characters/],
  ])("with %s is refused", (_name, env, words) => {
    expect(() => application(env)).toThrow(words);
  });

  test("its secrets are in no error", () => {
    expect(() => application({ CLOUDS_ARCHIVE_URL: "s3://key:hunter2@[" })).toThrow(/^(?!.*hunter2)/);
  });
});

test("JSON goes before the code, the environment before JSON", async () => {
  const config = JSON.stringify({
    clouds: { archive: { url: "file", options: { root: join(folder, "json") }, prefix: "a", region: "eu-1" }, uploads: "memory" },
    default: "archive",
  });
  await using clouds = application({}, config);
  expect(await clouds.insert(BYTES, { filename: "a.txt" })).toMatchObject({
    cloud: "archive",
    region: "eu-1",
    path: expect.stringMatching(/^a\//),
  });
  expect((await clouds.uploads.backend()).driver.scheme).toBe("memory");
  await using over = application({ CLOUDS_ARCHIVE_URL: "memory" }, config);
  expect((await over.archive.backend()).driver.scheme).toBe("memory");
  expect(await over.archive.insert(BYTES)).toMatchObject({ region: "eu-1" });
});

test.each<[CloudsOptions["config"], RegExp]>([
  ["{", /the configuration is no JSON/],
  [{ clouds: { archve: "memory" } }, /has a cloud "archve" that the code does not/],
  [
    { clouds: { archive: { url: "memory", folder: "x" } as never } },
    /the configuration of "archive" has an unknown option "folder"/,
  ],
  [{ cloud: {} } as never, /the configuration has an unknown option "cloud"/],
])("the configuration %j is refused", (config, words) => {
  expect(() => application({ CLOUDS_ARCHIVE_URL: "memory" }, config)).toThrow(words);
});

test.each<[Record<string, CloudSource>, CloudsOptions, RegExp]>([
  [{}, {}, /give clouds by name/],
  [{ insert: memory() }, {}, /"insert" cannot be the name of a cloud/],
  [{ a: 7 as never }, {}, /"a" is a backend, a URL, a function/],
  [{ a: { backend: memory(), place: "eu" } as never }, {}, /"a" has an unknown option "place"/],
  [{ a: { backend: memory(), baseUrl: "localhost:4000" } }, {}, /baseUrl is an http or https URL/],
  [{ a: { members: ["b", "c"], combine: () => memory() } }, {}, /"a" has a member "b" that is no cloud/],
  [{ a: { members: ["a", "a"], combine: () => memory() } }, {}, /"a" is a member of itself: a -> a/],
  [{ a: memory(), b: { members: ["a"], combine: () => memory() } }, {}, /"b": a group needs two or more members, and combine/],
  [{ a: memory() }, { defualt: "a" } as never, /unknown option "defualt"/],
  [{ a: memory() }, { breaker: { failures: 0 } }, /breaker\.failures/],
])("%p with %p is refused", (clouds, options, words) => {
  expect(() => defineClouds(clouds, { env: {}, ...options })).toThrow(words);
});

describe("lazy", () => {
  test("a cloud is opened at its first use, once", async () => {
    let opened = 0;
    const open = (): ReturnType<typeof memory> => {
      opened += 1;
      return memory();
    };
    await using clouds = defineClouds({ a: open, b: open, c: async () => open() }, { env: {} });
    expect(opened).toBe(0);
    await Promise.all([clouds.a.insert(BYTES), clouds.a.insert(BYTES), clouds.a.backend()]);
    expect(opened).toBe(1);
    await clouds.ready();
    expect(opened).toBe(3);
  });

  test("an opening that failed is tried again", async () => {
    let tries = 0;
    await using clouds = defineClouds(
      {
        a: () => {
          tries += 1;
          if (tries === 1) throw new Error("no network yet");
          return memory();
        },
      },
      { env: {} },
    );
    await expect(clouds.a.insert(BYTES)).rejects.toThrow("no network yet");
    await clouds.a.insert(BYTES);
  });

  test("another package's backend is found by use", async () => {
    const own = defineBackend("shoebox", () => memory());
    await using clouds = defineClouds({ a: "shoebox" }, { env: {}, use: [own] });
    expect(await clouds.a.insert(BYTES)).toMatchObject({ size: 5 });
  });
});

test("ready tells every cloud that does not answer", async () => {
  const down = faulty(memory(), [{ on: "stat", do: "fail" }]);
  await using clouds = defineClouds({ good: memory(), down, wrong: { backend: "file", options: { rot: "x" } } }, { env: {} });
  const error = await clouds.ready().catch((thrown: unknown) => thrown);
  expect(MultiError.is(error, "PARTIAL_FAILURE") && error.outcomes.map(({ member, state }) => [member, state])).toEqual([
    ["good", "ready"],
    ["down", "failed"],
    ["wrong", "failed"],
  ]);
  expect(MultiError.is(error) && error.errors[1]?.message).toMatch(/^wrong ready: file open: .*"rot"/);
  await clouds.ready(["good"]);
});

test("close closes what was opened and what was given, and a second one does nothing", async () => {
  const given = memory();
  let made: ReturnType<typeof memory> | undefined;
  const clouds = defineClouds({ given, never: () => memory(), made: () => (made = memory()) }, { env: {} });
  await clouds.made.insert(BYTES);
  await clouds.close();
  await clouds.close();
  for (const backend of [given, made]) await expect(backend?.exists("a")).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
  await expect(clouds.made.insert(BYTES)).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
  await expect(clouds.never.insert(BYTES)).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
});

test("names are types", () => {
  const clouds = defineClouds({ uploads: memory(), archive: memory() }, { env: {} });
  expect(clouds.names).toEqual(["uploads", "archive"]);
  // @ts-expect-error there is no such cloud
  expect(clouds.upload).toBeUndefined();
  // @ts-expect-error nor can a rule name it
  expect(() => defineClouds({ a: memory() }, { env: {}, route: [{ to: "b" }] })).toThrow(/there is no cloud "b"/);
  // @ts-expect-error nor the default
  expect(() => defineClouds({ a: memory() }, { env: {}, default: "b" })).toThrow(/there is no cloud "b"/);
  const combine = { members: ["a", "b"], combine: ([first]: GroupMembers) => first.backend };
  const group = (to: "a") =>
    defineClouds(
      { a: memory(), b: () => memory(), both: { members: ["a", "b"], combine: (members) => members[0].backend } },
      { env: {}, route: [{ to }] },
    );
  expect(group("a").both.name).toBe("both");
  // @ts-expect-error names stay known beside functions whose parameters are inferred
  expect(group("a").neither).toBeUndefined();
  // @ts-expect-error rules too
  expect(() => defineClouds({ a: memory(), b: memory(), both: combine }, { env: {}, route: [{ to: "c" }] })).toThrow(
    /no cloud "c"/,
  );
  expect(() => clouds.cloud("upload")).toThrow(/there is no cloud "upload"\. Known: uploads, archive/);
  expect(clouds.cloud("uploads")).toBe(clouds.uploads);
});
