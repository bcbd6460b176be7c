import type { Clock } from "@omni/core";
import type { ClientConsumer, ClientConsumerOptions, KafkaClient } from "../src/client.ts";
import { Member } from "../src/member.ts";
import { checkKafkaOptions } from "../src/options.ts";
import { FakeClient } from "./fake-client.ts";

/** A clock that stands until it is moved. */
class HandClock implements Clock {
  #now = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly call: () => void }>();
  #ids = 0;

  now(): number {
    return this.#now;
  }

  setTimeout(call: () => void, ms: number): unknown {
    this.#ids += 1;
    this.#timers.set(this.#ids, { at: this.#now + ms, call });
    return this.#ids;
  }

  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }

  get pending(): number {
    return this.#timers.size;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].call();
      await turn();
    }
    this.#now = end;
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A consumer whose broker is the test. */
interface Puppet {
  readonly options: ClientConsumerOptions;
  stopped: boolean;
}

function setUp(stop: () => Promise<void> = async () => undefined) {
  const clock = new HandClock();
  const puppets: Puppet[] = [];
  const consumer = (options: ClientConsumerOptions): ClientConsumer => {
    const puppet: Puppet = { options, stopped: false };
    puppets.push(puppet);
    return {
      start: async () => undefined,
      seek: () => undefined,
      commit: async () => undefined,
      pause: () => undefined,
      stop: () => {
        puppet.stopped = true;
        return stop();
      },
    };
  };
  const client: KafkaClient = Object.assign(new FakeClient(), { consumer });
  const said: string[] = [];
  const member = new Member(client, checkKafkaOptions({ brokers: "b:1", clock, watchdogMs: 60_000 }), "g", "t", {
    group: "g",
    onJoin: (partitions) => said.push(`joined ${partitions}`),
    onRebalancing: () => said.push("rebalancing"),
    onBatch: async () => void said.push("batch"),
    onPassed: () => said.push("passed"),
    onRestart: (reason) => said.push(`restarted: ${reason}`),
    onEnd: (error) => said.push(`ended: ${String(error)}`),
  } as ConstructorParameters<typeof Member>[4]);
  return { clock, puppets, member, said };
}

const batch = { partition: 0 } as Parameters<ClientConsumerOptions["onBatch"]>[0];

test("a consumer that crashes is stopped, and another one joins in its place; what the former still says is not heard", async () => {
  const { clock, puppets, member, said } = setUp();
  member.start();
  puppets[0]?.options.onJoin([0, 1], "first");
  puppets[0]?.options.onCrash(new Error("gone mad"));
  await turn();
  expect([puppets.length, puppets[0]?.stopped]).toEqual([1, true]);
  await clock.advance(1_000);
  expect(puppets).toHaveLength(2);
  await puppets[0]?.options.onBatch(batch);
  puppets[0]?.options.onCrash(new Error("again"));
  puppets[0]?.options.onJoin([7], "ghost");
  puppets[1]?.options.onJoin([0], "second");
  await puppets[1]?.options.onBatch(batch);
  expect(said).toEqual(["joined 0,1", "restarted: gone mad", "joined 0", "batch"]);
  await member.stop();
  expect(puppets[1]?.stopped).toBe(true);
  expect(clock.pending).toBe(0);
});

test("a consumer that shows no sign of life is made anew, and one that does is left alone", async () => {
  const { clock, puppets, member, said } = setUp();
  member.start();
  puppets[0]?.options.onJoin([0], "first");
  for (let minute = 0; minute < 5; minute++) {
    await clock.advance(50_000);
    puppets[0]?.options.onActivity();
  }
  expect(puppets).toHaveLength(1);
  await clock.advance(90_000);
  expect(said[1]).toMatch(/^restarted: the consumer showed no sign of life for \d+ ms$/);
  expect([puppets.length, puppets[0]?.stopped]).toEqual([2, true]);
  await member.stop();
});

test("one that cannot be stopped is left to itself after a while", async () => {
  const { clock, puppets, member } = setUp(() => new Promise(() => undefined));
  member.start();
  puppets[0]?.options.onJoin([0], "first");
  puppets[0]?.options.onCrash(new Error("stuck"));
  await clock.advance(4_000);
  expect(puppets).toHaveLength(1);
  await clock.advance(3_000);
  expect(puppets).toHaveLength(2);
  const stopped = member.stop();
  await clock.advance(6_000);
  await stopped;
});

test("what waiting does not change ends it, and nothing joins any more", async () => {
  const { clock, puppets, member, said } = setUp();
  member.start();
  puppets[0]?.options.onJoin([0], "first");
  const refused = Object.assign(new Error("Not authorized"), { name: "KafkaJSProtocolError", type: "GROUP_AUTHORIZATION_FAILED" });
  puppets[0]?.options.onCrash(refused);
  await clock.advance(120_000);
  expect(puppets).toHaveLength(1);
  expect(said).toEqual(["joined 0", "restarted: Not authorized", "ended: KafkaJSProtocolError: Not authorized"]);
});
