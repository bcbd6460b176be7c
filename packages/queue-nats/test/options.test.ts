import { OmniError } from "@omni/core";
import { type NatsQueueOptions, natsQueue, queueFromEnv } from "@omni/queue-nats";
import { encodeHeaders, headerBytes } from "../src/header-block.ts";
import { parseServers } from "../src/servers.ts";
import { covers, durableName, messageId, subjectOf } from "../src/subject.ts";
import { isAtLeast } from "../src/version.ts";

const refused: readonly (readonly [options: object, words: RegExp])[] = [
  [{ stream: "a b" }, /stream is "a b"/],
  [{ stream: "a.b" }, /letters, digits/],
  [{ mode: "jet" }, /"jetstream" or "core"/],
  [{ subjectPrefix: "orders" }, /ending in a dot/],
  [{ subjectPrefix: "" }, /option `subjects`/],
  [{ subjects: [] }, /one subject or more/],
  [{ storage: "disk" }, /"file" or "memory"/],
  [{ replicas: 6 }, /from 1 to 5/],
  [{ maxAgeMs: 1_000, dedupeWindowMs: 2_000 }, /at most maxAgeMs/],
  [{ ackDeadlineMs: 1 }, /100 or more/],
  [{ ackMode: "maybe" }, /"sent" or "confirmed"/],
  [{ maxUnacked: 0 }, /maxUnacked is 0/],
  [{ severs: "nats://a" } as object, /natsQueue has no option "severs"; it has topic,.* url, /],
  [{ max_unacked: 3 } as object, /natsQueue has no option "max_unacked": did you mean maxUnacked\?/],
  [{ maxWaiting: -1 }, /maxWaiting is -1/],
  [{ whenDisconnected: "lose" }, /"reject" or "wait"/],
  [{ inboxPrefix: "a.*" }, /inboxPrefix/],
  [{ url: "" }, /it is empty/],
  [{ url: "http://host:1" }, /scheme http:/],
  [{ url: "nats://" }, /no address/],
  [{ auth: { user: "ada" } }, /auth has to be one of/],
  [{ auth: { token: "" } }, /auth has to be one of/],
  [{ url: "nats://a:b@host", auth: { token: "t" } }, /keep one/],
  [{ topic: "a b" }, /no NATS subject/],
];

test.each(refused)("%j is refused", (options, words) => {
  const make = (): unknown => natsQueue(options as NatsQueueOptions & { mode?: "jetstream" });
  expect(make).toThrow(words);
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("messages about the address and the credentials hold no secret", () => {
  for (const options of [
    { url: "http://ada:lovelace@host:1" },
    { url: "ada:lovelace@" },
    { url: "nats://ada:lovelace@host", auth: { token: "lovelace" } },
    { auth: { user: "ada", pass: "lovelace" } },
  ]) {
    let error: unknown;
    try {
      natsQueue(options as unknown as { url: string });
    } catch (reason) {
      error = reason;
    }
    expect(OmniError.is(error, "INVALID_ARGUMENT")).toBe(true);
    expect((error as Error).message).not.toContain("lovelace");
  }
});

test("addresses", () => {
  expect(parseServers("nats://a:1, b")).toEqual({ servers: ["a:1", "b:4222"], where: "a:1,b:4222", auth: undefined, isTls: false });
  expect(parseServers(["tls://u:p%40@a"])).toEqual({
    servers: ["a:4222"],
    where: "a:4222",
    auth: { user: "u", password: "p@" },
    isTls: true,
  });
  expect(parseServers("nats://t0k3n@[::1]:5")).toMatchObject({ servers: ["[::1]:5"], auth: { token: "t0k3n" } });
  expect(() => parseServers("nats://a:b@x,nats://c:d@y")).toThrow(/different users/);
});

test("a queue from the environment", () => {
  const queue = queueFromEnv({ NATS_URL: "nats://somewhere:4333", NATS_STREAM: "ORDERS" }, { topic: "orders" });
  expect(queue.driver.identity).toBe("nats:somewhere:4333/ORDERS/ORDERS.");
  expect(queueFromEnv({}).driver.identity).toBe("nats:127.0.0.1:4222/OMNI/OMNI.");
});

test("features say what the options say", () => {
  expect(natsQueue().features).toMatchObject({ durable: "host", dedupe: { windowMs: 120_000 }, browse: true, maxBytes: 1_046_528 });
  expect(natsQueue({ replicas: 3 }).features.durable).toBe("store");
  expect(natsQueue({ storage: "memory" }).features.durable).toBe("none");
  expect(natsQueue({ mode: "core" }).features).toMatchObject({
    delivery: "at-most-once",
    durable: "none",
    dedupe: false,
    browse: false,
  });
});

test("two (topic, id) never share a message id", () => {
  const ids = [
    messageId("a:b", "c"),
    messageId("a", "b:c"),
    messageId("a", " b"),
    messageId("a", "b"),
    messageId("a", "%20b"),
    messageId("a", "ä"),
    messageId("a", "%C3%A4"),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(messageId("orders", "4711")).toBe("orders:4711");
  for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]+$/);
});

test("the consumers of two groups or topics never share a name", () => {
  const names = [
    durableName("a.b", "c"),
    durableName("a_b", "c"),
    durableName("b", "c-a"),
    durableName("x".repeat(249), "y".repeat(200)),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,200}$/);
});

test("subjects", () => {
  expect(subjectOf("S.", "orders.eu")).toBe("S.orders.eu");
  for (const topic of ["a b", "a.*", ">", ".a", "a.", "a..b"]) expect(() => subjectOf("S.", topic)).toThrow(/no NATS subject/);
  const cases: readonly (readonly [filter: string, subject: string, expected: boolean])[] = [
    ["a.>", "a.b.c", true],
    ["a.>", "a", false],
    ["a.*", "a.b", true],
    ["a.*", "a.b.c", false],
    ["a.b", "a.b", true],
    [">", "a", true],
    ["a.*", "a.>", false],
  ];
  for (const [filter, subject, expected] of cases)
    expect([filter, subject, covers(filter, subject)]).toEqual([filter, subject, expected]);
});

test("headers on the wire, and their size", () => {
  const headers = { "omni-id": "1", note: "ü" };
  const block = encodeHeaders(headers);
  expect(Buffer.from(block).toString()).toBe("NATS/1.0\r\nomni-id: 1\r\nnote: ü\r\n\r\n");
  expect(headerBytes(headers)).toBe(block.byteLength);
});

test("versions", () => {
  const all = ["2.9.0", "2.9.10", "2.10.4", "2.10.4-preview.1", "2.15.2", "3.0.0"].map((version) => isAtLeast(version, "2.10.4"));
  expect(all).toEqual([false, false, true, true, true, true]);
});
