// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own notation is tested
import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { faultProxy, type Rule } from "@omni/fault-proxy";
import { describeWithServer } from "@omni/servers";
import { CREDENTIALS, makeBucket as makeGcsBucket } from "@omni/store-trials/gcs";
import { judge } from "../src/doctor/clock.ts";
import { makeBucket } from "./bucket.ts";
import { withConfig } from "./configured.ts";
import { objectsOf } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

/** What a run of doctor found, by place and check. */
function findings(stdout: string): Record<string, string> {
  const found = objectsOf(stdout).filter(({ check }) => check !== undefined);
  return Object.fromEntries(found.map(({ place, check, level }) => [`${place} ${check}`, String(level)]));
}

function remedyOf(stdout: string, check: string): string {
  const finding = objectsOf(stdout).find((one) => one.check === check);
  return `${finding?.level}: ${finding?.detail} -> ${finding?.remedy}`;
}

describe("this machine's clock", () => {
  const date = "Sat, 21 Nov 2026 12:00:00 GMT";
  const at = Date.parse(date);

  test.each([
    ["agrees within the second that the header cuts off", at + 100, at + 900, "agrees with the store's to the second"],
    ["is a little off", at + 6_000, at + 6_100, "this machine is 5 s ahead of the store, which does no harm"],
    ["is behind", at - 5_100, at - 5_000, "this machine is 5 s behind the store, which does no harm"],
  ])("%s", (_, began, ended, expected) => expect(judge(date, began, ended)).toBe(expected));

  test("that is far off is said to be set", () => {
    expect(judge(date, at + 121_000, at + 121_000)).toMatchObject({
      level: "warn",
      detail: "this machine is 120 s ahead of the store",
    });
    expect(judge(date, at - 900_000, at - 900_000)).toMatchObject({
      level: "fail",
      detail: expect.stringContaining("900 s behind"),
      remedy: expect.stringContaining("NTP"),
    });
  });

  test("is not known without a Date", () => {
    expect(judge(null, at, at)).toMatchObject({ level: "skip" });
    expect(judge("yesterday", at, at)).toMatchObject({ level: "skip" });
  });
});

test(
  "files, groups and memory: everything is looked at, and nothing is left behind",
  () =>
    withConfig(
      {
        backends: { one: "./one", two: "./two" },
        groups: { pair: { members: ["one", "two"], journal: "one" } },
        queues: { jobs: { type: "memory", topic: "t" } },
      },
      async ({ cwd, run }) => {
        const ended = await run("doctor", "--publish", "--json");
        expect([ended.stderr, ended.code]).toEqual(["", 0]);
        expect(findings(ended.stdout)).toMatchObject({
          "one configuration": "ok",
          "one list": "ok",
          "one write": "ok",
          "one read": "ok",
          "one conditions": "ok",
          "one delete": "ok",
          "pair members": "ok",
          "pair journal": "ok",
          "jobs connect": "ok",
          "jobs publish and consume": "ok",
        });
        expect(await readdir(join(cwd, "two"))).toEqual([".omni"]);
        const only = await run("doctor", "two", "--read-only");
        expect([only.code, only.stdout]).toEqual([
          0,
          expect.stringMatching(
            /^ok {3}two: configuration: file:.*\nok {3}two: list: .*\nskip two: write: not tried: --read-only\n2 ok, 0 to look at, 0 failed, 1 not checked\n$/,
          ),
        ]);
      },
    ),
  TIME_MS,
);

test(
  "what is wrong with the configuration is said for each name, and the others are looked at",
  () =>
    withConfig(
      {
        backends: { a: { url: "s3://b", regoin: "x" }, b: "s3://${NOWHERE}", c: "mycloud://x", d: "./d" },
        groups: { g: { members: ["nope"] } },
        queues: { q: { type: "nats", stream: "a b" } },
      },
      async ({ run }) => {
        const ended = await run("doctor", "--json");
        expect(ended.code).toBe(4);
        expect(findings(ended.stdout)).toMatchObject({
          "a configuration": "fail",
          "b configuration": "fail",
          "c configuration": "fail",
          "g configuration": "fail",
          "q configuration": "fail",
          "d delete": "ok",
        });
        const { details } = { details: objectsOf(ended.stdout).map(({ detail }) => String(detail)) };
        expect(details.join("\n")).toContain('did you mean "region"?');
        expect(details.join("\n")).toContain("the environment variable NOWHERE is not set");
      },
    ),
  TIME_MS,
);

test(
  "where nothing is configured it says how to begin, and a broken file is named",
  () =>
    withConfig({ "omni.config.json": "{}" }, async ({ run }) => {
      const ended = await run("doctor");
      expect([ended.code, ended.stderr]).toEqual([3, expect.stringContaining("write an omni.config.json")]);
      const missing = await run("doctor", "--config", "elsewhere.json");
      expect([missing.code, missing.stderr]).toEqual([64, expect.stringContaining("does not exist")]);
    }),
  TIME_MS,
);

test(
  "a directory that may not be written to",
  () =>
    withConfig({ backends: { d: "./d" } }, async ({ cwd, run }) => {
      await mkdir(join(cwd, "d"));
      await chmod(join(cwd, "d"), 0o555);
      const ended = await run("doctor", "--json");
      // Root may write everywhere.
      const isRoot = process.getuid?.() === 0;
      expect(findings(ended.stdout)["d write"]).toBe(isRoot ? "ok" : "fail");
      await chmod(join(cwd, "d"), 0o755);
    }),
  TIME_MS,
);

await describeWithServer("s3", "omni doctor on an S3 server", (current) => {
  test(
    "finds nothing wrong, and each thing that is",
    async () => {
      const { env, bucket } = await makeBucket(current());
      await withConfig({}, async ({ runWith }) => {
        const run = (more: Record<string, string>, place: string) =>
          runWith({ env: { ...env, ...more } }, "doctor", place, "--json", "--timeout", "30s");
        const [good, wrongKey, unknownKey, missing, unreachable] = await Promise.all([
          run({}, `s3://${bucket}/in`),
          run({ AWS_SECRET_ACCESS_KEY: "wrong-wrong-wrong" }, `s3://${bucket}`),
          run({ AWS_ACCESS_KEY_ID: "NOBODY" }, `s3://${bucket}`),
          run({}, `s3://none-${randomUUID()}`),
          run({ AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" }, `s3://${bucket}`),
        ]);
        const place = `s3://${bucket}/in`;
        expect([good.stderr, good.code]).toEqual(["", 0]);
        expect(findings(good.stdout)).toEqual({
          [`${place} configuration`]: "ok",
          [`${place} list`]: "ok",
          [`${place} clock`]: "ok",
          [`${place} write`]: "ok",
          [`${place} read`]: "ok",
          [`${place} conditions`]: "ok",
          [`${place} delete`]: "ok",
          [`${place} unfinished uploads`]: "ok",
        });
        for (const ended of [wrongKey, unknownKey, missing, unreachable]) expect([ended.code, ended.stderr]).toEqual([4, ""]);
        expect(remedyOf(wrongKey.stdout, "list")).toMatch(/^fail: .* -> .*(check accessKeyId and secretAccessKey|secret key)/);
        expect(remedyOf(unknownKey.stdout, "list")).toMatch(/^fail: .* -> .*check accessKeyId and secretAccessKey/);
        expect(remedyOf(missing.stdout, "list")).toMatch(/^fail: .* -> create the bucket, or correct /);
        expect(remedyOf(unreachable.stdout, "list")).toMatch(/^fail: .* -> nothing answers there: check the endpoint/);
        // The clock is known even where the credentials are refused.
        expect(findings(wrongKey.stdout)[`s3://${bucket} clock`]).toBe("ok");
        expect(findings(unreachable.stdout)[`s3://${bucket} clock`]).toBe("skip");
        for (const { stdout } of [wrongKey, unknownKey]) expect(stdout).not.toContain(env.AWS_SECRET_ACCESS_KEY as string);
      });
    },
    TIME_MS,
  );
});

await describeWithServer("gcs", "omni doctor on a GCS server", (current) => {
  test(
    "finds nothing wrong, and each thing that is",
    () =>
      withConfig({ "key.json": JSON.stringify(CREDENTIALS), "no-key.json": "{" }, async ({ cwd, runWith }) => {
        const bucket = `cli-${randomUUID()}`;
        await makeGcsBucket(current(), bucket);
        const key = { GOOGLE_APPLICATION_CREDENTIALS: join(cwd, "key.json") };
        const run = (more: Record<string, string>, place = `gs://${bucket}`) =>
          runWith({ env: { STORAGE_EMULATOR_HOST: current().url, ...more } }, "doctor", place, "--json", "--timeout", "30s");
        const [good, missing, unreachable, noKey, badKey] = await Promise.all([
          run(key, `gs://${bucket}/in`),
          run(key, `gs://none-${randomUUID()}`),
          run({ ...key, STORAGE_EMULATOR_HOST: "http://127.0.0.1:1" }),
          run({ OMNI_GCS_ANONYMOUS: "false", GOOGLE_APPLICATION_CREDENTIALS: join(cwd, "nowhere.json") }),
          run({ OMNI_GCS_ANONYMOUS: "false", GOOGLE_APPLICATION_CREDENTIALS: join(cwd, "no-key.json") }),
        ]);
        const place = `gs://${bucket}/in`;
        expect([good.stderr, good.code]).toEqual(["", 0]);
        expect(findings(good.stdout)).toEqual({
          [`${place} configuration`]: "ok",
          [`${place} list`]: "ok",
          [`${place} clock`]: "ok",
          [`${place} write`]: "ok",
          [`${place} read`]: "ok",
          [`${place} conditions`]: "ok",
          [`${place} delete`]: "ok",
          [`${place} unfinished uploads`]: "ok",
        });
        for (const ended of [missing, unreachable, noKey, badKey]) expect([ended.code, ended.stderr]).toEqual([4, ""]);
        expect(remedyOf(missing.stdout, "list")).toMatch(/^fail: .* -> create the bucket, or correct /);
        expect(remedyOf(unreachable.stdout, "list")).toMatch(/^fail: .* -> nothing answers there: check the endpoint/);
        expect(findings(unreachable.stdout)[`gs://${bucket} clock`]).toBe("skip");
        expect(remedyOf(noKey.stdout, "list")).toMatch(/^fail: .*nowhere\.json.* -> .*GOOGLE_APPLICATION_CREDENTIALS/);
        expect(remedyOf(badKey.stdout, "list")).toMatch(/^fail: .*no JSON key file of Google Cloud.* -> .*credentialsFile/);
        for (const { stdout } of [noKey, badKey]) expect(findings(stdout)[`gs://${bucket} write`]).toBe("skip");
        for (const { stdout } of [good, missing, unreachable]) expect(stdout).not.toContain("PRIVATE KEY");
      }),
    TIME_MS,
  );

  test(
    "names what the account may not do, and a clock that is wrong",
    () =>
      withConfig({ "key.json": JSON.stringify(CREDENTIALS) }, async ({ cwd, runWith }) => {
        const bucket = `cli-${randomUUID()}`;
        await makeGcsBucket(current(), bucket);
        const through = async (rule: Rule) => {
          await using proxy = await faultProxy(current().url);
          proxy.use(rule);
          const env = { STORAGE_EMULATOR_HOST: proxy.url, GOOGLE_APPLICATION_CREDENTIALS: join(cwd, "key.json") };
          return await runWith({ env }, "doctor", `gs://${bucket}`, "--json", "--timeout", "30s");
        };
        const late = new Date(Date.now() + 20 * 60_000).toUTCString();
        const [readOnly, nothing, unknown] = await Promise.all([
          through(({ method }) => (method === "GET" ? undefined : { kind: "answer", status: 403 })),
          through(() => ({ kind: "answer", status: 403, headers: { date: late } })),
          through(() => ({ kind: "answer", status: 401 })),
        ]);
        for (const ended of [readOnly, nothing, unknown]) expect([ended.code, ended.stderr]).toEqual([4, ""]);
        const place = `gs://${bucket}`;
        expect(findings(readOnly.stdout)).toMatchObject({ [`${place} list`]: "ok", [`${place} write`]: "fail" });
        expect(remedyOf(readOnly.stdout, "write")).toMatch(/^fail: .* -> grant .*roles\/storage\.objectUser at Google/);
        expect(remedyOf(nothing.stdout, "list")).toMatch(/^fail: .* -> .*storage\.objects\.list at Google/);
        expect(remedyOf(nothing.stdout, "clock")).toMatch(
          /^fail: this machine is 1\d{3} s behind .* -> set the clock, best by NTP/,
        );
        expect(remedyOf(unknown.stdout, "list")).toMatch(
          /^fail: .*"anonymous" to false.* -> the store does not know these credentials/,
        );
      }),
    TIME_MS,
  );
});

for (const [name, url] of [
  ["nats", "nats://127.0.0.1:1/t"],
  ["kafka", "kafka://127.0.0.1:1/t"],
] as const) {
  await describeWithServer(name, `omni doctor on ${name}`, (current) => {
    test(
      "a message passes, and a broker that is not there is named",
      async () => {
        const address = name === "nats" ? current().url : `kafka://${current().url}`;
        await withConfig({ queues: { far: url, near: `${address}/t-${randomUUID()}` } }, async ({ run }) => {
          const ended = await run("doctor", "--publish", "--json", "--timeout", "60s");
          expect([ended.stderr, ended.code]).toEqual(["", 4]);
          expect(findings(ended.stdout)).toEqual({
            "far configuration": "ok",
            "far connect": "fail",
            "near configuration": "ok",
            "near connect": "ok",
            "near health": "ok",
            "near stats": "ok",
            "near publish and consume": "ok",
          });
          expect(remedyOf(ended.stdout, "connect")).toMatch(/^fail: .* -> no broker answers (there|in time)/);
        });
      },
      TIME_MS,
    );
  });
}
