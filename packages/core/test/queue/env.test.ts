import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createQueueFromEnv, type QueueEnv } from "@omni/core/queue";

describe("a queue from the environment", () => {
  test("QUEUE_TYPE=memory, with blanks around, QUEUE_SIZE and QUEUE_TOPIC", async () => {
    const queue = await createQueueFromEnv({ QUEUE_TYPE: " memory ", QUEUE_SIZE: " 10 ", QUEUE_TOPIC: "orders" });
    expect([queue.name, queue.topic, queue.features.capacity]).toEqual(["memory", "orders", 10]);
    expect((await queue.publish({ data: "x" })).topic).toBe("orders");
    await queue.close();
  });

  test("has a topic where none is named, and a size of 1000", async () => {
    const queue = await createQueueFromEnv({ QUEUE_TYPE: "memory", QUEUE_SIZE: "  " });
    expect([queue.topic, queue.features.capacity]).toEqual(["messages", 1000]);
    await queue.close();
  });

  test("says once which adapter was created", async () => {
    const lines: unknown[] = [];
    const say = (details: unknown, message?: string): void => void lines.push([message, details]);
    const logger = { debug: say, info: say, warn: say, error: say };
    await (await createQueueFromEnv({ QUEUE_TYPE: "memory" }, { logger })).close();
    expect(lines).toEqual([["adapter created", { provider: "memory" }]]);
  });

  test("knows names that look like ours and are Kubernetes'", async () => {
    const env = {
      QUEUE_TYPE: "memory",
      NATS_PORT: "tcp://10.0.0.1:4222",
      KAFKA_SERVICE_HOST: "10.0.0.2",
      NATS_PORT_4222_TCP_ADDR: "10.0.0.1",
    };
    await (await createQueueFromEnv(env)).close();
  });

  test.each<[string, QueueEnv, RegExp]>([
    ["no type", {}, /QUEUE_TYPE is not set; allowed: memory, nats, kafka, composite/],
    ["an empty type", { QUEUE_TYPE: " " }, /QUEUE_TYPE is not set/],
    ["an unknown type", { QUEUE_TYPE: "rabbit" }, /QUEUE_TYPE is "rabbit"; allowed: memory, nats, kafka, composite/],
    ["a misspelt type", { QUEUE_TYPE: "kafak" }, /did you mean "kafka"/],
    ["a misspelt name", { QUEUE_TYPE: "memory", QUEUE_SIZ: "5" }, /unknown variable QUEUE_SIZ: did you mean QUEUE_SIZE\?/],
    ["another misspelt name", { QUEUE_TYPE: "memory", KAFKA_BROKER: "a:1" }, /did you mean KAFKA_BROKERS\?/],
    ["a size that is no number", { QUEUE_TYPE: "memory", QUEUE_SIZE: "many" }, /QUEUE_SIZE is "many"/],
    ["a size of 0", { QUEUE_TYPE: "memory", QUEUE_SIZE: "0" }, /capacity is 0/],
  ])("refuses %s", async (_, env, message) => {
    await expect(createQueueFromEnv(env)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
  });
});

describe("a package that is not installed", () => {
  // A copy of core where nothing else is installed.
  const folder = mkdtempSync(join(tmpdir(), "omni-env-"));
  const sources = new URL("../../src", import.meta.url);
  // Package managers run tests with paths of their own.
  const env = { ...process.env, NODE_PATH: "" };
  beforeAll(() => cpSync(sources, join(folder, "core"), { recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ["memory", "@omni/queue-memory"],
    ["nats", "@omni/queue-nats"],
    ["kafka", "@omni/queue-kafka"],
    ["composite", "@omni/queue-composite"],
  ])("QUEUE_TYPE=%s says what to install", async (type, name) => {
    const script = `
      import { createQueueFromEnv } from "./core/queue/index.ts";
      await createQueueFromEnv({ QUEUE_TYPE: "${type}" }).catch((error) => console.log(error.code, error.message));
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--no-warnings", "--experimental-strip-types", "-e", script],
      { cwd: folder, env },
    );
    expect(stdout).toContain("NOT_INSTALLED");
    expect(stdout).toContain(`npm install @omni/core ${name}`);
  });
});
