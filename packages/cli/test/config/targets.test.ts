// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own notation is tested
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openTargets } from "../../src/config/index.ts";
import { configDirectory } from "./config-directory.ts";

function targets(config: unknown, { env = {}, files = {} }: { env?: NodeJS.ProcessEnv; files?: Record<string, string> } = {}) {
  const cwd = configDirectory({ "omni.config.json": typeof config === "string" ? config : JSON.stringify(config), ...files });
  return openTargets({ env, cwd: join(cwd) });
}

const message = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );

describe("stores", () => {
  test("are what their names, paths and URLs say", async () => {
    const cwd = configDirectory({
      "omni.config.json": JSON.stringify({ backends: { photos: "./data", copy: { url: "file", root: "copy" } } }),
      "here/x.txt": "x",
    });
    const found = await openTargets({ env: {}, cwd: join(cwd, "here") });
    const { backend, ...photo } = await found.store("photos:2026/a.txt");
    expect(photo).toEqual({ name: "photos", path: "2026/a.txt", url: `file://${cwd}/data/2026/a.txt` });
    await backend.write("2026/a.txt", "cat");
    expect(existsSync(join(cwd, "data/2026/a.txt"))).toBe(true);
    expect((await found.store("photos:")).backend).toBe(backend);
    expect((await found.store("photos")).backend).toBe(backend);
    expect((await found.store("copy:")).backend.driver.identity).toBe(`file:${cwd}/copy`);
    const local = await found.store("./x.txt");
    expect([local.path, local.url, await (await local.backend.read("x.txt")).text()]).toEqual([
      "x.txt",
      `file://${cwd}/here/x.txt`,
      "x",
    ]);
    expect((await found.store("../here")).path).toBe("");
    expect((await found.store("../new/")).path).toBe("");
    await found.close();
    await expect(backend.exists("a")).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
  });

  test("named by URL share one backend, and take what the URL does not say from the environment", async () => {
    const env = {
      OMNI_S3_ENDPOINT: "http://127.0.0.1:1",
      OMNI_S3_BUCKET: "other",
      OMNI_S3_REGION: "eu-west-1",
      OMNI_S3_PREFIX: "elsewhere",
    };
    const found = await targets({}, { env });
    const one = await found.store("s3://bucket/a");
    const two = await found.store("s3://bucket/b/c");
    const third = await found.store("s3://bucket/b/c?region=us-east-2");
    expect(one.backend).toBe(two.backend);
    expect([two.path, two.url]).toEqual(["b/c", "s3://bucket/b/c"]);
    expect(one.backend.driver.identity).toBe("s3:http%3A%2F%2F127.0.0.1%3A1|eu-west-1||bucket|");
    expect(third.backend.driver.identity).toBe("s3:http%3A%2F%2F127.0.0.1%3A1|us-east-2||bucket|");
    await found.close();
  });

  test("on an SFTP server are the directory that is named, or that of the file that is named", async () => {
    const found = await targets({});
    const file = await found.store("sftp://ada:hush@files:2222/srv/my%20data/a%23.txt");
    expect([file.path, file.url]).toEqual(["a#.txt", "sftp://files:2222/srv/my data/a#.txt"]);
    expect(file.backend.driver.identity).toBe("sftp:ada@files:2222|/srv/my%20data/");
    const directory = await found.store("sftp://ada:hush@files:2222/srv/my%20data/");
    expect([directory.path, directory.url]).toEqual(["", "sftp://files:2222/srv/my data"]);
    expect(directory.backend).toBe(file.backend);
    const root = await found.store("sftp://ada@files/a.txt?connections=1");
    expect([root.path, root.url, root.backend.driver.identity]).toEqual(["a.txt", "sftp://files/a.txt", "sftp:ada@files:22|/"]);
    expect(await message(found.store("sftp://files/srv/"))).toContain('"username" is missing');
    expect(await message(found.store("sftp://ada:hush@files/srv/../etc/"))).toMatch(/^(?!.*hush).*the option "root"/);
    await found.close();
  });

  test("of the environment stand over those of the configuration", async () => {
    const found = await targets(
      { backends: { backup: "memory" } },
      { env: { OMNI_BACKUP_URL: "s3://over", OMNI_NEW_ONE_URL: "gs://new" } },
    );
    expect((await found.store("backup:x")).url).toBe("s3://over/x");
    expect((await found.store("new-one:")).url).toBe("gs://new");
    expect(found.names().map(({ name, from }) => [name, from])).toEqual([
      ["backup", "OMNI_BACKUP_URL"],
      ["new-one", "OMNI_NEW_ONE_URL"],
    ]);
    await found.close();
  });

  test("with secrets are shown without them", async () => {
    const found = await targets({ backends: { a: "s3://bucket/p?access_key_id=AKIA&secret_access_key=hush" } });
    expect((await found.store("a:x")).url).toBe("s3://bucket/p/x");
    expect(await message(found.store("s3://b/x?secret_access_key=hush&accesskey=AKIA&wrong=1"))).not.toMatch(/hush|AKIA/);
    await found.close();
  });

  test("that nobody knows are refused with those that are known", async () => {
    const found = await targets({ backends: { photos: "memory", archive: "memory" }, queues: { jobs: { type: "memory" } } });
    expect(await message(found.store("photo:x"))).toBe(
      '"photo" names no backend or group; did you mean "photos"? (known: photos, archive; omni.config.json). It has to be a store; write ./photo… for a local file, or add it to "backends" of the configuration',
    );
    expect(await message(found.store("jobs:x"))).toBe('"jobs" is a queue (omni.config.json), and this has to be a store');
    expect(await message(found.store("photos:/x"))).toContain("write photos:x");
    expect(await message(found.group("photos"))).toContain(
      '"photos" is a backend (omni.config.json), and this has to be a group of stores',
    );
    expect(await message(found.queue("job"))).toContain('did you mean "jobs"?');
    const without = await openTargets({ env: {}, cwd: "/" });
    expect(await message(without.store("photos:x"))).toContain(
      "none is configured; no omni.config.ts or omni.config.json from / upward",
    );
  });

  test("that are also files here are asked back", async () => {
    const found = await targets({ backends: { photos: "memory" } }, { files: { photos: "a file" } });
    await expect(openTargets({ env: {}, cwd: "/nowhere" }).then((none) => none.store("photos"))).resolves.toMatchObject({
      path: "photos",
    });
    expect(await message(found.store("photos"))).toContain("write photos: for the store or ./photos for the file");
  });

  test("say what to install, and what option is wrong", async () => {
    const found = await targets({
      backends: { a: { url: "s3://b", regoin: "x" }, b: "ftp://host", c: { url: "s3://b", region: "${NOWHERE}" } },
    });
    expect(await message(found.store("a:"))).toMatch(
      /^omni\.config\.json: backends\.a: s3: unknown option "regoin"; did you mean "region"\?/,
    );
    expect(await message(found.store("b:"))).toMatch(/^omni\.config\.json: backends\.b: unknown backend "ftp"/);
    expect(await message(found.store("c:"))).toBe(
      "omni.config.json: backends.c.region: the environment variable NOWHERE is not set; set it, or write the value here",
    );
  });
});

describe("groups", () => {
  test("are opened with their members and options, and close before them", async () => {
    const found = await targets({
      backends: { one: "./one", two: { url: "./two" } },
      groups: {
        mirror: { members: ["one", { name: "second", backend: "two", timeoutMs: 5000 }, "./three"], mode: "quorum", quorum: 2 },
      },
    });
    const group = await found.group("mirror");
    expect(group.members.map(({ name, timeoutMs }) => [name, timeoutMs])).toEqual([
      ["one", undefined],
      ["second", 5000],
      ["file-3", undefined],
    ]);
    expect(group.guarantee.mode).toBe("quorum");
    const { backend } = await found.store("mirror:a/b");
    expect(backend).toBe(group);
    await backend.write("a/b", "x");
    expect(await (await (await found.store("two:")).backend.read("a/b")).text()).toBe("x");
    await found.close();
  });

  test("say which member is none", async () => {
    const found = await targets({
      backends: { one: "memory" },
      groups: { g: { members: ["one", "tow"] }, h: { members: ["one", "one"] }, i: { members: ["g"] } },
    });
    expect(await message(found.group("g"))).toMatch(
      /^omni\.config\.json: groups\.g\.members\[1\]: "tow" names no backend; did you mean "one"\?|^omni\.config\.json: groups\.g\.members\[1\]: "tow" names no backend/,
    );
    expect(await message(found.group("h"))).toMatch(/^omni\.config\.json: groups\.h: /);
    expect(await message(found.group("i"))).toBe(
      'omni.config.json: groups.i.members[0]: "g" is a group, and this has to be a backend',
    );
  });
});

describe("queues", () => {
  test("are what their names and URLs say; composites are made of them", async () => {
    const found = await targets({
      queues: { jobs: { type: "memory", topic: "work", capacity: 5 }, far: "nats://127.0.0.1:1/orders?stream=S" },
      composites: { both: { members: ["jobs", { name: "other", queue: "far", required: false }], strategy: "best-effort" } },
    });
    const { provider, topic } = await found.queue("jobs");
    expect([provider.name, topic]).toEqual(["memory", "work"]);
    expect((await found.queue("jobs:else")).topic).toBe("else");
    expect((await found.queue("jobs:else")).provider).toBe(provider);
    expect(await found.queue("far")).toMatchObject({ topic: "orders" });
    expect((await found.queue("both:t")).provider.name).toBe("composite");
    expect((await found.queue("kafka://127.0.0.1:1/t")).provider.name).toBe("kafka");
    await found.close();
  });

  test("of the environment are those of QUEUE_TYPE, and of a variable", async () => {
    const found = await targets(
      {},
      { env: { QUEUE_TYPE: "memory", QUEUE_TOPIC: "t", OMNI_ORDERS_URL: "nats://127.0.0.1:1/orders" } },
    );
    expect(await found.queue("env")).toMatchObject({ topic: "t", provider: { name: "memory" } });
    expect(await found.queue("orders")).toMatchObject({ topic: "orders", provider: { name: "nats" } });
    await found.close();
  });

  test("say what is wrong with their options", async () => {
    const found = await targets({
      queues: { jobs: { type: "nats", stream: "no blanks" } },
      composites: { c: { members: ["jobz"] } },
    });
    expect(await message(found.queue("jobs"))).toMatch(
      /^omni\.config\.json: queues\.jobs: (nats: )?stream is "no blanks", it has to be/,
    );
    expect(await message(found.queue("c"))).toMatch(
      /^omni\.config\.json: composites\.c\.members\[0\]: "jobz" names no queue; did you mean "jobs"\?/,
    );
  });
});

describe("a configuration with a mistake", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [
      { backend: {} },
      'omni.config.json: unknown key "backend"; did you mean "backends"? Known: use, backends, groups, queues, composites',
    ],
    [
      { groups: { g: { members: ["a"], qorum: 2 } } },
      'groups.g: unknown key "qorum"; did you mean "quorum"? Known: members, mode, quorum',
    ],
    [
      { groups: { g: { members: ["a"], mode: "most" } } },
      'groups.g.mode: it is "most"; it has to be one of "all", "quorum", "best-effort"',
    ],
    [{ groups: { g: { members: [] } } }, "groups.g.members: it is a list; it has to be a list of at least 1"],
    [{ groups: { g: { members: ["a"], quorum: "2" } } }, 'groups.g.quorum: it is "2"; it has to be a number'],
    [{ groups: { g: { members: [{ name: "a", bakend: "b" }] } } }, "groups.g.members[0]"],
    [
      { backends: { photos: 5 } },
      'backends.photos: it is 5, which fits none of the forms; write a URL such as "s3://bucket/prefix"',
    ],
    [{ backends: { photos: { region: "x" } } }, "backends.photos.url: it is missing; give a text"],
    [{ backends: { "a b": "memory" } }, "a name is a letter, then letters, digits, - and _"],
    [{ queues: { q: { type: "redis" } } }, 'queues.q.type: it is "redis"; it has to be one of "memory", "nats", "kafka"'],
    [{ queues: { q: { type: "nats", strem: "x" } } }, 'queues.q: unknown key "strem"; did you mean "stream"?'],
    [
      { backends: { a: "memory" }, groups: { a: { members: ["a"] } } },
      "omni.config.json: groups.a: the name is taken by backends.a; each name stands for one thing",
    ],
    ['{\n  "backends": {\n    "a": }\n}', "omni.config.json: it is no JSON"],
  ];

  test.each(cases)("%j", async (config, expected) => {
    expect(await message(targets(config))).toContain(expected);
  });

  test("shows no secret", async () => {
    const config = { queues: { q: { type: "nats", auth: "hush" }, r: { type: "kafka", brokers: "a", sasl: ["hush"] } } };
    expect(await message(targets(config))).not.toContain("hush");
  });

  test("that is missing, or there twice, is named", async () => {
    expect(await message(openTargets({ env: {}, cwd: "/", configFile: "nowhere.json" }))).toContain(
      "the configuration file /nowhere.json does not exist",
    );
    const cwd = configDirectory({ "omni.config.json": "{}", "omni.config.ts": "export default {}" });
    expect(await message(openTargets({ env: {}, cwd }))).toContain("there are two configuration files");
  });
});
