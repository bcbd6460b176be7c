import { OmniError, systemClock } from "@omni/core";
import type { PublishResult, QueueProvider } from "@omni/core/queue";
import { type NatsQueueOptions, natsQueue } from "@omni/queue-nats";
import { describeWithServer } from "@omni/servers";
import { connect } from "nats";
import { type Broker, brokerOf } from "./broker.ts";

await describeWithServer(
  "nats",
  "a connection that is lost, and a consumer that is deleted",
  (current) => {
    let broker: Broker;
    const queues = new Set<QueueProvider>();
    const open = (options: NatsQueueOptions & { mode?: "jetstream" } = {}) => {
      const queue = natsQueue({ url: broker.url, maxReconnectDelayMs: 200, ...options });
      queues.add(queue);
      return queue;
    };
    beforeEach(async () => {
      broker = await brokerOf(current());
    });
    afterEach(async () => {
      await current().resume();
      for (const queue of queues) await queue.close();
      queues.clear();
      await broker[Symbol.asyncDispose]();
    });

    /** Resolves when the queue knows that its connection is gone. */
    async function untilDown(queue: QueueProvider): Promise<void> {
      while ((await queue.health()).status === "up") await new Promise((resolve) => setTimeout(resolve, 5));
    }

    test("a publish while disconnected is refused at once, and was not handed over", async () => {
      const queue = open({ topic: "refused" });
      await queue.publish({ data: "before" });
      const connectAgain = await broker.hooks.disconnect();
      await untilDown(queue);
      const began = performance.now();
      const error: unknown = await queue.publish({ data: "lost?" }).catch((reason: unknown) => reason);
      expect(performance.now() - began).toBeLessThan(100);
      expect(OmniError.is(error, "UNAVAILABLE") && error.outcome).toBe("not-applied");
      expect((error as Error).message).toMatch(/is lost.*whenDisconnected: "wait"/);
      await connectAgain();
      while ((await queue.health()).status !== "up") await new Promise((resolve) => setTimeout(resolve, 20));
      expect((await queue.stats()).stored).toBe(1);
    });

    test("or waits, and goes when the connection is there again", async () => {
      const queue = open({ topic: "waits", whenDisconnected: "wait" });
      await queue.publish({ data: "before" });
      const connectAgain = await broker.hooks.disconnect();
      await untilDown(queue);
      const waiting = queue.publish(["1", "2", "3"].map((data) => ({ key: "k", data })));
      const late: unknown = await queue.publish({ data: "late" }, { timeoutMs: 100 }).catch((reason: unknown) => reason);
      expect(OmniError.is(late, "TIMEOUT") && late.outcome).toBe("not-applied");
      await connectAgain();
      expect((await waiting).map(({ state }: PublishResult) => state)).toEqual(["acked", "acked", "acked"]);
      const seen: string[] = [];
      for await (const message of queue.browse()) seen.push(message.text());
      expect(seen).toEqual(["before", "1", "2", "3"]);
    });

    test("what is under way when the connection is lost is unknown, and is told apart under its id", async () => {
      const queue = open({ topic: "unknown" });
      await queue.publish({ data: "before" });
      const thaw = await broker.hooks.freeze();
      const under = queue.publish({ id: "in-doubt", data: "x" }).catch((reason: unknown) => reason);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const connectAgain = await broker.hooks.disconnect();
      const error: unknown = await under;
      expect(OmniError.is(error, "IN_DOUBT") && error.outcome).toBe("unknown");
      await thaw();
      await connectAgain();
      while ((await queue.health()).status !== "up") await new Promise((resolve) => setTimeout(resolve, 20));
      const again = await queue.publish({ id: "in-doubt", data: "x" });
      expect(["acked", "duplicate"]).toContain(again.state);
      expect((await queue.stats()).stored).toBe(2);
    });

    test("a window of one publish keeps what waits from being handed over", async () => {
      const queue = open({ topic: "window", maxUnacked: 1 });
      await queue.publish({ data: "before" });
      const thaw = await broker.hooks.freeze();
      const results = await Promise.allSettled(["1", "2"].map((data) => queue.publish({ data }, { timeoutMs: 300 })));
      await thaw();
      const codes = results.map((result) => result.status === "rejected" && (result.reason as OmniError).code);
      expect(codes).toEqual(["IN_DOUBT", "TIMEOUT"]);
    });

    test("who does not wait for room is refused at once when enough wait, and others wait on", async () => {
      const queue = open({ topic: "room", maxUnacked: 1, maxWaiting: 2, publishTimeoutMs: 20_000 });
      await queue.publish({ data: "before" });
      const thaw = await broker.hooks.freeze();
      const { driver } = queue;
      const wire = (id: string) => ({ id, key: undefined, timestamp: 0, headers: {}, body: Buffer.from(id) });
      const quickly = (...ids: readonly string[]) => driver.publish("room", ids.map(wire), { waitForRoom: false });
      // One is under way, and two wait: as many as may.
      const taken = quickly("1", "2", "3");
      const patient = driver.publish("room", [wire("4")], {});
      const refused = await quickly("5", "6");
      expect(refused.map(({ state }) => state)).toEqual(["rejected", "rejected"]);
      const error = refused[0]?.error as OmniError;
      expect([error.code, error.outcome, error.retryable]).toEqual(["QUEUE_FULL", "not-applied", true]);
      expect(error.message).toMatch(/3 messages wait here .* at most 2 may.*raise `maxWaiting`/);
      await thaw();
      expect([...(await taken), ...(await patient)].map(({ state }) => state)).toEqual(["acked", "acked", "acked", "acked"]);
      expect((await quickly("7", "8", "9")).map(({ state }) => state)).toEqual(["acked", "acked", "acked"]);
      const stored: string[] = [];
      for await (const message of queue.browse()) stored.push(message.text());
      expect(stored).toEqual(["before", "1", "2", "3", "4", "7", "8", "9"]);
    });

    test("what waits for the connection takes room as well", async () => {
      const queue = open({ topic: "away", maxWaiting: 2, whenDisconnected: "wait", publishTimeoutMs: 20_000 });
      await queue.publish({ data: "before" });
      const connectAgain = await broker.hooks.disconnect();
      await untilDown(queue);
      const { driver } = queue;
      const wire = (id: string) => ({ id, key: undefined, timestamp: 0, headers: {}, body: Buffer.from(id) });
      const given = new AbortController();
      const waiting = driver.publish("away", [wire("1"), wire("2")], { waitForRoom: false, signal: given.signal });
      const refused = await driver.publish("away", [wire("3")], { waitForRoom: false });
      expect((refused[0]?.error as OmniError | undefined)?.code).toBe("QUEUE_FULL");
      given.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      const room = driver.publish("away", [wire("4")], { waitForRoom: false });
      await connectAgain();
      expect((await room)[0]?.state).toBe("acked");
    });

    test("a consumer that somebody deletes is made again, and nothing is missed", async () => {
      const queue = open({ topic: "deleted", ackDeadlineMs: 1_000 });
      const handled: string[] = [];
      await queue.consume((message) => handled.push(message.text()), { group: "g" });
      await queue.publish({ data: "1" });
      while (handled.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
      const connection = await connect({ servers: current().url });
      const manager = await connection.jetstreamManager();
      const [consumer] = await manager.consumers.list("OMNI").next();
      const names = (await manager.consumers.list("OMNI").next())
        .map(({ name }) => name)
        .filter((name) => name.startsWith("g-deleted-"));
      expect(consumer).toBeDefined();
      expect(names).toHaveLength(1);
      await manager.consumers.delete("OMNI", names[0] ?? "");
      await queue.publish({ data: "2" });
      while (!handled.includes("2")) await new Promise((resolve) => setTimeout(resolve, 5));
      await connection.close();
    });

    test("a stream in memory that went with its server is made again, for publishers and consumers", async () => {
      const queue = open({
        topic: "again",
        stream: "VOLATILE",
        storage: "memory",
        whenDisconnected: "wait",
        noStreamRetryMs: 5_000,
      });
      const handled: string[] = [];
      await queue.consume((message) => handled.push(message.text()));
      await queue.publish({ data: "1" });
      while (!handled.includes("1")) await new Promise((resolve) => setTimeout(resolve, 5));
      await broker.hooks.restartBroker();
      const { id, state } = await queue.publish({ data: "2" }).catch(({ messages }) => queue.publish(messages[0]));
      expect([state, typeof id]).toEqual(["acked", "string"]);
      while (!handled.includes("2")) await new Promise((resolve) => setTimeout(resolve, 5));
    });

    test("a delivery is lost when the broker hands its message over anew, though our clock says that there is time", async () => {
      const clock = { ...systemClock, now: () => 0 };
      const queue = open({ topic: "slow-clock", ackDeadlineMs: 1_000, clock });
      const subscription = queue.subscribe({ maxInFlight: 2 });
      await subscription.ready();
      await queue.publish({ data: "x" });
      const [first, second] = [await subscription.next(), await subscription.next()];
      expect([first.value?.attempt, second.value?.attempt]).toEqual([1, 2]);
      expect(first.value?.signal.aborted).toBe(true);
      const error: unknown = await first.value?.ack().catch((reason: unknown) => reason);
      expect(OmniError.is(error, "PRECONDITION_FAILED") && error.outcome).toBe("not-applied");
      await second.value?.ack();
    });

    test("a group that is deleted starts anew", async () => {
      const queue = open({ topic: "anew" });
      const take = async (): Promise<string> => {
        const subscription = queue.subscribe({ group: "g" });
        const step = await subscription.next();
        await step.value?.ack();
        await subscription.close();
        return step.value?.message.text() ?? "";
      };
      await queue.publish(["1", "2"].map((data) => ({ key: "k", data })));
      expect([await take(), await take()]).toEqual(["1", "2"]);
      await queue.driver.deleteGroup("anew", "g");
      expect(await take()).toBe("1");
    });

    test("closing while the server is gone ends soon", async () => {
      const queue = open({ topic: "gone" });
      await queue.consume(() => undefined);
      const thaw = await broker.hooks.freeze();
      const began = performance.now();
      await queue.close({ drainMs: 1_000 });
      expect(performance.now() - began).toBeLessThan(15_000);
      await thaw();
    });
  },
  { private: true },
);
