import { randomUUID } from "node:crypto";
import { describeWithServer, type RunningServer } from "@omni/servers";
import type { OmniConfig } from "../src/config/entry.ts";
import { withConfig } from "./configured.ts";
import { linesOf, objectsOf } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;
/** What a run waits for messages that do not come; brokers may be slow to give them. */
const IDLE = "15s";

const CONFIGS = {
  nats: ({ url }: RunningServer): OmniConfig => ({
    queues: { jobs: { type: "nats", url, stream: `CLI-${randomUUID()}`, storage: "memory" } },
  }),
  kafka: ({ url }: RunningServer): OmniConfig => ({
    queues: { jobs: { type: "kafka", brokers: url, partitions: 1, replicationFactor: 1 } },
  }),
} as const;

for (const name of ["nats", "kafka"] as const) {
  await describeWithServer(name, `omni queue on ${name}`, (current) => {
    test(
      "publishes arguments and lines, consumes, counts, peeks",
      async () => {
        const topic = `t-${randomUUID()}`;
        await withConfig(CONFIGS[name](current()), async ({ run, runWith }) => {
          const queue = `jobs:${topic}`;
          const one = await run("queue", "publish", queue, "first", "--key", "k", "--metadata", "from=me", "--id", "id-1");
          expect([one.stderr, one.code, one.stdout]).toEqual(["", 0, `1 message published to ${topic}\n`]);
          const lines = await runWith({ input: "second\nthird\n" }, "queue", "publish", queue, "--json");
          expect([lines.code, objectsOf(lines.stdout).map(({ state }) => state)]).toEqual([0, ["acked", "acked", undefined]]);
          const peeked = await run("queue", "consume", queue, "--peek", "--last", "2", "-q");
          expect([peeked.stderr, linesOf(peeked.stdout).sort()]).toEqual(["", ["second", "third"]]);
          const taken = await run("queue", "consume", queue, "--count", "3", "--timeout", IDLE, "--group", "g", "--json");
          expect([taken.stderr, taken.code]).toEqual([`3 messages taken from ${topic}\n`, 0]);
          const messages = objectsOf(taken.stdout);
          expect(messages.map(({ data }) => data).sort()).toEqual(["first", "second", "third"]);
          expect(messages.find(({ data }) => data === "first")).toMatchObject({
            id: "id-1",
            key: "k",
            metadata: { from: "me" },
            attempt: 1,
            topic,
          });
          const stats = objectsOf((await run("queue", "stats", queue, "--group", "g", "--json")).stdout)[0];
          expect(stats).toMatchObject({ queue: name, topic, status: "up", pending: 0 });
          const none = await run("queue", "consume", queue, "--count", "1", "--timeout", "1s", "--group", "g");
          expect([none.code, none.stdout, none.stderr]).toEqual([2, "", `0 messages taken from ${topic}\n`]);
        });
      },
      TIME_MS,
    );

    test(
      "carries messages from one topic to another as JSON, and whole input",
      async () => {
        const [from, to] = [`a-${randomUUID()}`, `b-${randomUUID()}`];
        await withConfig(CONFIGS[name](current()), async ({ run, runWith }) => {
          const bytes = Uint8Array.from([0, 255, 10, 128]);
          expect((await runWith({ input: bytes }, "queue", "publish", `jobs:${from}`, "--whole", "--id", "raw")).code).toBe(0);
          const taken = await run("queue", "consume", `jobs:${from}`, "--count", "1", "--timeout", IDLE, "--json", "-q");
          expect(objectsOf(taken.stdout)[0]).toMatchObject({ id: "raw", dataBase64: Buffer.from(bytes).toString("base64") });
          expect((await runWith({ input: taken.stdout }, "queue", "publish", `jobs:${to}`, "--json-lines")).code).toBe(0);
          const again = await run("queue", "consume", `jobs:${to}`, "--count", "1", "--timeout", IDLE, "--json", "-q");
          expect(objectsOf(again.stdout)[0]).toMatchObject({
            id: "raw",
            topic: to,
            dataBase64: Buffer.from(bytes).toString("base64"),
          });
          const broken = await runWith({ input: '{"data":"x"}\nnot json\n' }, "queue", "publish", `jobs:${to}`, "--json-lines");
          expect([broken.code, broken.stderr]).toEqual([64, expect.stringContaining("line 2 of stdin: it is no JSON")]);
        });
      },
      TIME_MS,
    );

    test(
      "lists dead letters and replays them",
      async () => {
        const topic = `d-${randomUUID()}`;
        await withConfig(CONFIGS[name](current()), async ({ run, runWith }) => {
          const letter = (id: string): string =>
            JSON.stringify({
              id,
              data: `work ${id}`,
              metadata: {
                "omni-error-name": "TypeError",
                "omni-error-message": "no such field",
                "omni-attempts": "5",
                "omni-origin-topic": topic,
                kept: "yes",
              },
            });
          expect(
            (
              await runWith(
                { input: `${letter("one")}\n${letter("two")}\n` },
                "queue",
                "publish",
                `jobs:${topic}.dlq`,
                "--json-lines",
              )
            ).code,
          ).toBe(0);
          const listed = await run("queue", "dlq", "list", `jobs:${topic}`);
          expect([listed.code, linesOf(listed.stdout).sort()]).toEqual([
            0,
            [expect.stringContaining(`one  ${topic}  after 5: TypeError: no such field`), expect.stringContaining("two  ")].sort(),
          ]);
          const planned = await run("queue", "dlq", "replay", `jobs:${topic}`, "--dry-run", "--id", "two", "--json");
          expect(objectsOf(planned.stdout)).toEqual([
            expect.objectContaining({ id: "two", dryRun: true, attempts: 5, originTopic: topic }),
          ]);
          const chosen = await run("queue", "dlq", "replay", `jobs:${topic}`, "--id", "two", "--timeout", IDLE);
          expect([chosen.code, chosen.stdout]).toEqual([0, `+ two  ${topic}\n1 dead letter replayed from ${topic}.dlq\n`]);
          const rest = await run("queue", "dlq", "replay", `jobs:${topic}`, "--count", "1", "--timeout", IDLE, "--json");
          expect(objectsOf(rest.stdout)[0]).toMatchObject({ id: "one", topic, state: "acked" });
          const back = await run("queue", "consume", `jobs:${topic}`, "--count", "2", "--timeout", IDLE, "--json");
          expect(objectsOf(back.stdout).map(({ id, data, metadata }) => [id, data, metadata])).toEqual([
            ["two", "work two", { kept: "yes" }],
            ["one", "work one", { kept: "yes" }],
          ]);
        });
      },
      TIME_MS,
    );
  });
}

test(
  "what cannot be done is said with the remedy",
  () =>
    withConfig(
      { queues: { jobs: { type: "memory" }, far: "nats://127.0.0.1:1/t" }, backends: { files: "./files" } },
      async ({ run, runWith }) => {
        const cases = [
          [["queue", "stats", "job:t"], 64, 'did you mean "jobs"? (known: jobs, far; omni.config.json)'],
          [["queue", "stats", "jobs"], 64, "names no topic; write jobs:topic"],
          [["queue", "consume", "files:t"], 64, '"files" is a backend (omni.config.json), and this has to be a queue'],
          [["queue", "consume", "redis://h/t"], 64, "is no queue; write nats://host:4222/topic"],
          [["queue", "publish", "far", "x", "--timeout", "2s"], 4, "127.0.0.1:1"],
          [["queue", "stats", "kafka://127.0.0.1:1/t"], 4, "no broker could be reached"],
          [["queue", "dlq", "purge", "jobs:t"], 64, "list or replay"],
          [["queue", "publish", "jobs:t", "a", "b", "--id", "x"], 64, "--id goes with one message alone"],
          [["queue", "publish", "jobs:t", "a", "--metadata", "x"], 64, "--metadata takes name=value"],
        ] as const;
        const ended = await Promise.all(cases.map(([args]) => run(...args)));
        for (const [at, [args, code, words]] of cases.entries())
          expect([args, ended[at]?.code, ended[at]?.stderr]).toEqual([args, code, expect.stringContaining(words)]);
        const planned = await runWith({ input: "a\nb\n" }, "queue", "publish", "far", "--dry-run");
        expect([planned.code, planned.stdout]).toEqual([0, "+ a\n+ b\n"]);
      },
    ),
  TIME_MS,
);
