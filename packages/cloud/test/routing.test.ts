import { Readable } from "node:stream";
import { type CloudsOptions, cheapest, defineClouds, fastest, type GroupMembers, type Rule, type UploadSource } from "@omni/cloud";
import { type Clock, MultiError, OmniError, systemClock } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";

const PNG = Buffer.from(`89504e470d0a1a0a0000000d49484452${"00".repeat(30)}`, "hex");
const PDF = Buffer.from("%PDF-1.7\n%âãÏÓ\n1 0 obj");
const text = (length: number): Buffer => Buffer.alloc(length, "x");

type Names = "cdn" | "uploads" | "archive";
const stores = () => ({ cdn: memory(), uploads: memory(), archive: memory() });
const routed = (route: CloudsOptions<Names>["route"], more: CloudsOptions<Names> = {}) =>
  defineClouds(stores(), { env: {}, default: "uploads", route, ...more });

describe("a rule looks at", () => {
  const cases: [string, Rule<Names>["when"], object, object][] = [
    ["the type", { contentType: "image/*" }, { contentType: "image/png" }, { contentType: "text/plain" }],
    ["one of several types", { contentType: ["video/mp4", "application/pdf"] }, { filename: "a.pdf" }, { filename: "a.txt" }],
    [
      "the type without its parameters",
      { contentType: "text/html" },
      { contentType: "Text/HTML; charset=utf-8" },
      { contentType: "text/h" },
    ],
    ["the size", { minBytes: 10, maxBytes: 20 }, { sizeBytes: 20 }, { sizeBytes: 21 }],
    ["the smallest size", { minBytes: 10 }, { sizeBytes: 10 }, { sizeBytes: 9 }],
    ["the folder", { prefix: "avatars/" }, { prefix: "avatars/large" }, { prefix: "avatars2" }],
    ["the region", { region: ["eu", "uk"] }, { region: "uk" }, {}],
    ["the tenant", { tenant: "acme" }, { tenant: "acme" }, { tenant: "other" }],
    [
      "any attribute",
      { attributes: { plan: ["gold", "platinum"] } },
      { attributes: { plan: "gold" } },
      { attributes: { constructor: "gold" } },
    ],
    [
      "everything that is given",
      { tenant: "acme", region: "eu" },
      { tenant: "acme", region: "eu" },
      { tenant: "acme", region: "us" },
    ],
    ["what its function says", ({ filename }) => filename === "a", { filename: "a" }, { filename: "b" }],
  ];
  test.each(cases)("%s", async (_name, when, fits, differs) => {
    await using clouds = routed([{ when, to: "archive" }]);
    expect((await clouds.explain(fits)).cloud).toBe("archive");
    expect((await clouds.explain(differs)).cloud).toBe("uploads");
  });
});

test("what the bytes show decides, and not what was said", async () => {
  await using clouds = routed([
    { name: "images", when: { contentType: "image/*" }, to: "cdn" },
    { name: "documents", when: { contentType: "application/pdf" }, to: "archive" },
  ]);
  expect(await clouds.insert(PNG, { filename: "a.pdf", contentType: "application/pdf" })).toMatchObject({ cloud: "cdn" });
  expect(await clouds.insert(PDF, { filename: "b", contentType: "image/png" })).toMatchObject({ cloud: "archive" });
  expect(await clouds.insert(Readable.from([PDF.subarray(0, 2), PDF.subarray(2)]))).toMatchObject({ cloud: "archive" });
  expect(await clouds.insert(text(5), { filename: "c.txt" })).toMatchObject({ cloud: "uploads" });
});

test("the size of a stream is found where its first bytes settle it, else asked for", async () => {
  await using clouds = routed([{ name: "small", when: { maxBytes: 10_000 }, to: "cdn" }], { replayBytes: 50_000 });
  expect((await clouds.insert(Readable.from([text(6_000), text(4_000)]))).cloud).toBe("cdn");
  expect((await clouds.insert(text(10_001))).cloud).toBe("uploads");
  await expect(clouds.insert(Readable.from([text(6_000), text(4_001), text(1)]))).rejects.toThrow(
    /small asks for the size of a stream whose length nobody knows; give sizeBytes/,
  );
  expect((await clouds.insert(Readable.from([text(6_000), text(4_001)]), { sizeBytes: 10_001 })).cloud).toBe("uploads");
});

test("explain says which rule chose what, and why the others did not", async () => {
  await using clouds = routed([
    { name: "images", when: { contentType: "image/*" }, to: "cdn" },
    { name: "trial", percentage: 0, to: "archive" },
    { name: "acme", when: { tenant: "acme" }, to: ["archive", "cdn"] },
    { name: "rest", to: "cdn" },
  ]);
  const explained = await clouds.explain({ source: PDF, filename: "a.pdf", tenant: "acme" });
  expect(explained).toMatchObject({
    cloud: "archive",
    rule: "acme",
    candidates: [
      { cloud: "archive", state: "first" },
      { cloud: "cdn", state: "failover" },
    ],
    checked: [
      { rule: "images", matched: false, reason: "content type application/pdf" },
      { rule: "trial", matched: false, reason: "the key is not among the 0 %" },
      { rule: "acme", matched: true },
    ],
    facts: { sniffedType: "application/pdf", size: PDF.byteLength, key: "a.pdf" },
  });
});

test("a function routes too", async () => {
  await using clouds = routed(({ contentType }) => (contentType.startsWith("image/") ? "cdn" : undefined));
  expect((await clouds.insert(PNG)).cloud).toBe("cdn");
  expect((await clouds.insert(PDF)).cloud).toBe("uploads");
  await using wrong = routed((() => "elsewhere") as never);
  await expect(wrong.insert(PDF)).rejects.toThrow(/there is no cloud "elsewhere"/);
});

test("a percentage takes the same keys every time, and about as many as it says", async () => {
  await using clouds = routed([{ name: "trial", percentage: 30, to: "archive" }]);
  const chosen = async (): Promise<string[]> =>
    Promise.all(Array.from({ length: 2_000 }, async (_, index) => (await clouds.explain({ key: `user-${index}` })).cloud));
  const first = await chosen();
  expect(await chosen()).toEqual(first);
  const share = first.filter((cloud) => cloud === "archive").length / first.length;
  // Five standard deviations around 30 %.
  expect(share).toBeGreaterThan(0.249);
  expect(share).toBeLessThan(0.351);
  // More takes those that less took.
  await using wider = routed([{ name: "trial", percentage: 60, to: "archive" }]);
  const more = await Promise.all(first.map(async (_, index) => (await wider.explain({ key: `user-${index}` })).cloud));
  expect(first.every((cloud, index) => cloud !== "archive" || more[index] === "archive")).toBe(true);
});

test("cost and latency choose", async () => {
  await using byCost = routed([{ to: cheapest({ cdn: ({ size = 0 }) => size * 2, uploads: 100, archive: 1_000 }) }]);
  expect((await byCost.explain({ sizeBytes: 10 })).candidates.map(({ cloud }) => cloud)).toEqual(["cdn", "uploads", "archive"]);
  expect((await byCost.explain({ sizeBytes: 90 })).cloud).toBe("uploads");

  const clock = new StepClock();
  await using byLatency = defineClouds(
    { slow: memory(), quick: memory() },
    { env: {}, clock, route: [{ to: fastest(["slow", "quick"]) }] },
  );
  clock.step = 100;
  await byLatency.slow.insert(text(1));
  clock.step = 3;
  await byLatency.quick.insert(text(1));
  const [slow, quick] = byLatency.health();
  expect(slow?.latencyMs).toBeGreaterThan(10 * (quick?.latencyMs ?? Number.NaN));
  expect((await byLatency.insert(text(1))).cloud).toBe("quick");
});

describe("failover", () => {
  const down = () => faulty(memory(), [{ on: "write", do: "fail" }]);

  test("goes to the next cloud, leaves alone the one that fails, and returns", async () => {
    const clock = new StepClock();
    const first = down();
    await using clouds = defineClouds(
      { first, second: memory() },
      { env: {}, clock, breaker: { failures: 2, openMs: 5_000 }, route: [{ to: ["first", "second"] }] },
    );
    for (let index = 0; index < 2; index += 1) expect((await clouds.insert(text(9))).cloud).toBe("second");
    expect(clouds.health()[0]?.breaker).toBe("open");
    expect((await clouds.explain({})).candidates).toEqual([
      { cloud: "second", state: "first" },
      { cloud: "first", state: "rested" },
    ]);
    const struck = first.faults.log.length;
    await clouds.insert(text(9));
    expect(first.faults.log).toHaveLength(struck);
    first.faults.clear();
    clock.time += 5_000;
    expect((await clouds.insert(text(9))).cloud).toBe("first");
    expect(clouds.health()[0]?.breaker).toBe("closed");
  });

  const sources: [string, () => UploadSource, boolean][] = [
    ["a Buffer", () => text(3_000_000), true],
    ["a Blob", () => new Blob([new Uint8Array(text(3_000_000))]), true],
    ["a short stream", () => Readable.from([text(200_000), text(200_000)]), true],
    ["a stream longer than what is kept", () => Readable.from(Array.from({ length: 30 }, () => text(100_000))), false],
  ];
  test.each(sources)("sends %s again, or says that it cannot", async (_name, source, again) => {
    const first = faulty(memory(), [{ on: "write", do: "fail", atByte: again ? 399_999 : 2_900_000 }]);
    await using clouds = defineClouds(
      { first, second: memory() },
      { env: {}, replayBytes: 500_000, route: [{ to: ["first", "second"] }] },
    );
    if (!again) {
      await expect(clouds.insert(source())).rejects.toMatchObject({ code: "UNAVAILABLE" });
      return;
    }
    const object = await clouds.insert(source());
    expect(object.cloud).toBe("second");
    await clouds.load(object);
  });

  test("is for outages, not for what is wrong with the call or the source", async () => {
    const denied = faulty(memory(), [{ on: "write", do: "fail", error: new OmniError("PERMISSION_DENIED") }]);
    const second = memory();
    await using clouds = defineClouds(
      { denied, second, small: memory({ maxObjectBytes: 5 }) },
      {
        env: {},
        route: [{ when: { tenant: "x" }, to: ["small", "second"] }, { to: ["denied", "second"] }],
      },
    );
    await expect(clouds.insert(text(9))).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    await expect(clouds.insert(text(9), { tenant: "x" })).rejects.toMatchObject({ code: "TOO_LARGE" });
    async function* breaking() {
      yield text(9);
      throw new OmniError("UNAVAILABLE", { reason: "the source is another store" });
    }
    await expect(clouds.insert(breaking(), { tenant: "x" })).rejects.toThrow("the source is another store");
    expect(await Array.fromAsync(second.list())).toEqual([]);
    expect(clouds.health().every(({ breaker }) => breaker === "closed")).toBe(true);
  });

  test("that finds no cloud tells how each one failed", async () => {
    await using clouds = defineClouds({ a: down(), b: down() }, { env: {}, route: [{ to: ["a", "b"] }] });
    const error = await clouds.insert(text(9)).catch((thrown: unknown) => thrown);
    expect(MultiError.is(error) && error.outcomes.map(({ member }) => member)).toEqual(["a", "b"]);
  });

  test("a cloud that does not answer in its time is passed over", async () => {
    const hung = faulty(memory(), [{ on: "write", do: "hang" }]);
    await using clouds = defineClouds(
      { hung: { backend: hung, timeoutMs: 50 }, b: memory() },
      { env: {}, route: [{ to: ["hung", "b"] }] },
    );
    expect((await clouds.insert(text(9))).cloud).toBe("b");
    hung.faults.release();
  });
});

test("a rule may name a group", async () => {
  const [one, two] = [memory(), memory()];
  await using clouds = defineClouds(
    { one, two, both: { members: ["one", "two"], combine: (members) => multi(members, { mode: "all" }) } },
    { env: {}, route: [{ when: { contentType: "application/pdf" }, to: "both" }] },
  );
  const object = await clouds.insert(PDF, { filename: "a.pdf" });
  expect(object.cloud).toBe("both");
  expect([await one.exists(object.path), await two.exists(object.path)]).toEqual([true, true]);
  expect((await clouds.load(object)).digest).toBe(object.digest);
});

describe("residency", () => {
  const at = (residency: string) => ({ backend: memory(), residency });

  test("is checked where rules name clouds", () => {
    expect(() => defineClouds({ us: at("us") }, { env: {}, route: [{ name: "gdpr", to: "us", residency: "eu" }] })).toThrow(
      /gdpr: the cloud "us" is in us, its groups included; the rule keeps files in eu/,
    );
    expect(() => defineClouds({ some: memory() }, { env: {}, route: [{ to: "some", residency: ["eu"] }] })).toThrow(
      /is in no stated place/,
    );
    const group = { members: ["eu", "us"], combine: () => memory() };
    expect(() =>
      defineClouds({ eu: at("eu"), us: at("us"), group }, { env: {}, route: [{ to: "group", residency: "eu" }] }),
    ).toThrow(/"group" is in eu, us/);
    expect(() => defineClouds({ eu: at("eu"), us: at("us"), group: { ...group, residency: "eu" } }, { env: {} })).toThrow(
      /"group": a group is where its members are/,
    );
  });

  test("is not left by a group that a cloud is also in: it may bring what one member has to the others", async () => {
    const combine = (members: GroupMembers) => multi(members, { mode: "best-effort" });
    const all = { eu: at("eu"), uk: at("uk"), us: at("us") };
    const route = [{ name: "gdpr", to: "eu" as const, residency: ["eu", "uk"] }];
    expect(() => defineClouds({ ...all, group: { members: ["eu", "us"], combine } }, { env: {}, route })).toThrow(
      /gdpr: the cloud "eu" is in eu, us, its groups included; the rule keeps files in eu, uk/,
    );
    await using clouds = defineClouds({ ...all, group: { members: ["uk", "eu"], combine } }, { env: {}, route });
    expect(() => clouds.scoped({ uk: at("us") })).toThrow(
      /a group of the scope would take what is in "eu" to eu, us, but gdpr keeps files in eu, uk; replace "eu" too/,
    );
    const scope = clouds.scoped({ uk: at("eu") });
    expect(await scope.insert(PDF)).toMatchObject({ cloud: "eu" });
  });

  test("is not left by a function, a failover, a copy, a move or a new insert", async () => {
    const eu = faulty(memory(), []);
    await using clouds = defineClouds(
      { eu: { backend: eu, residency: "eu" }, us: at("us"), uk: at("uk") },
      { env: {}, route: [{ name: "gdpr", to: () => ["us", "eu"], residency: ["eu", "uk"] }] },
    );
    const object = await clouds.insert(PDF, { filename: "a.pdf" });
    expect(object).toMatchObject({ cloud: "eu", residency: ["eu", "uk"] });
    const refused = /the file must stay in eu, uk; us is in us/;
    await expect(clouds.copyObject(object, "us")).rejects.toThrow(refused);
    await expect(clouds.move(object, { to: "us" })).rejects.toThrow(refused);
    await expect(clouds.us.insert(await clouds.load(object))).rejects.toThrow(refused);
    expect(await clouds.copyObject(object, "uk")).toMatchObject({ cloud: "uk", residency: ["eu", "uk"] });
    expect((await clouds.explain({})).candidates).toContainEqual({ cloud: "us", state: "refused", reason: "it is in us" });
    eu.faults.add({ on: "write", do: "fail" });
    await expect(clouds.insert(PDF)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(await Array.fromAsync((await clouds.us.backend()).list())).toEqual([]);
  });
});

test.each<[Rule<Names>, RegExp]>([
  [{ to: "cnd" as never }, /rule 1: there is no cloud "cnd"\. Known: cdn, uploads, archive/],
  [{ to: [] }, /"to" names no cloud/],
  [{ to: "cdn", percentage: 101 }, /percentage is a number from 0 to 100/],
  [{ to: "cdn", when: { contenttype: "x" } as never }, /rule 1, when: has an unknown option "contenttype"/],
  [{ to: "cdn", residency: [] }, /residency names no place/],
])("the rule %j is refused", (rule, words) => {
  expect(() => routed([rule])).toThrow(words);
});

/** A clock on which every reading is a step later. */
class StepClock implements Clock {
  time = 0;
  step = 0;
  now(): number {
    this.time += this.step;
    return this.time;
  }
  setTimeout: Clock["setTimeout"] = systemClock.setTimeout;
  clearTimeout: Clock["clearTimeout"] = systemClock.clearTimeout;
}
