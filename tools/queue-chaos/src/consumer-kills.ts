import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { newId, type QueueProvider } from "@omni/core/queue";
import { Effects } from "./effects.ts";
import type { ConsumerOrder } from "./killed-consumer.ts";
import { Load, PublishLedger } from "./publishing.ts";

/** What the module of the killed processes exports: makes their queue of one text. */
export type OpenQueue = (setting: string) => QueueProvider | Promise<QueueProvider>;

export interface ConsumerKillOptions {
  readonly kills: number;
  /** Makes the queue that publishes, in this process. */
  readonly makeQueue: () => QueueProvider;
  /** Module that exports `openQueue`, an {@link OpenQueue}: loaded by each consumer process. */
  readonly module: URL;
  /** What `openQueue` is given: an address, or JSON. */
  readonly setting: string;
  /** Nobody else's. */
  readonly topic: string;
  /**
   * `"beside"`: a handler has its effect, then its mark is made; `"in-transaction"`: both in one transaction of SQLite, by `context.dedupe.in`.
   */
  readonly effect: "beside" | "in-transaction";
  /** Effects that a consumer has at most before it is killed; the moment is random. @default 40 */
  readonly effectsPerLife?: number | undefined;
  /** Milliseconds for a consumer to have an effect, and at the end for everything to be handled. @default 60_000 */
  readonly settleMs?: number | undefined;
}

/** What became of the messages. Counts can go to `recordCounts`; `violations` has to be empty. */
export interface ConsumerKillReport {
  readonly kills: number;
  /** Messages acknowledged by the broker. */
  readonly acked: number;
  /** Effects in all. */
  readonly effects: number;
  /** Handlers that were killed between their effect and its mark. */
  readonly interrupted: number;
  /** Effects beyond the first of each message: never more than `interrupted`. */
  readonly duplicates: number;
  readonly violations: readonly string[];
}

/** Messages that may wait for their effect while consumers are killed. */
const MAX_AHEAD = 500;

const CONSUMER = fileURLToPath(new URL("./killed-consumer.ts", import.meta.url));

/**
 * Kills a consumer process (SIGKILL) again and again under load, starts another each time, and compares the effects that they left in an SQLite file with what was
 * acknowledged to the publisher.
 *
 * Looks for: an acknowledged message without an effect; more duplicates than handlers that were interrupted between effect and mark; any duplicate
 * at all where effect and mark are one transaction.
 */
export async function runConsumerKills(options: ConsumerKillOptions): Promise<ConsumerKillReport> {
  const folder = await mkdtemp(join(tmpdir(), "omni-kills-"));
  const queue = options.makeQueue();
  const effects = new Effects(join(folder, "effects.sqlite"));
  try {
    return await run(options, queue, effects, join(folder, "effects.sqlite"));
  } finally {
    await queue.close({ drainMs: 5_000 });
    effects.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(
  options: ConsumerKillOptions,
  queue: QueueProvider,
  effects: Effects,
  database: string,
): Promise<ConsumerKillReport> {
  const { topic, kills, effectsPerLife = 40, settleMs = 60_000, effect } = options;
  const ledger = new PublishLedger();
  const order = { module: options.module.href, setting: options.setting, topic, group: `killed-${newId()}`, database, effect };
  // A life is short, and most of it is its start: without a bound the last one would have minutes to do alone.
  const rests = (): boolean => ledger.acked.size - effects.handled > MAX_AHEAD;
  const load = new Load({ queue, topic, ledger, publishers: 4, pauseMs: 5, timeoutMs: 10_000, rests }, newId().slice(-8));
  const violations: string[] = [];
  let interrupted = 0;
  for (let life = 1; life <= kills; life++) {
    const consumer = start({ ...order, life });
    const wanted = Math.floor(Math.random() * effectsPerLife) + 1;
    const had = await until(() => effects.countOf(life) >= wanted, settleMs, consumer);
    if (!had) violations.push(`consumer ${life} had ${effects.countOf(life)} of ${wanted} effects within ${settleMs} ms`);
    await end(consumer, "SIGKILL");
    interrupted += effects.interruptedIn(life);
  }
  await load.stop(settleMs);
  const last = start({ ...order, life: kills + 1 });
  const isHandled = (): boolean => {
    const done = effects.all();
    return [...ledger.acked].every((id) => done.has(id));
  };
  await until(isHandled, settleMs, last);
  await end(last, "SIGTERM");
  return { kills, interrupted, ...reportOf(ledger, effects.all(), interrupted, effect, violations) };
}

function reportOf(
  ledger: PublishLedger,
  effects: ReadonlyMap<string, number>,
  interrupted: number,
  effect: ConsumerKillOptions["effect"],
  before: readonly string[],
): Omit<ConsumerKillReport, "kills" | "interrupted"> {
  const violations = [...before, ...ledger.violations];
  const lost = [...ledger.acked].filter((id) => !effects.has(id));
  if (lost.length > 0) violations.push(`${lost.length} acknowledged messages had no effect: ${lost.slice(0, 5).join(", ")}`);
  const count = [...effects.values()].reduce((sum, n) => sum + n, 0);
  const duplicates = count - effects.size;
  const allowed = effect === "in-transaction" ? 0 : interrupted;
  if (duplicates > allowed) violations.push(`${duplicates} duplicates, where ${allowed} are allowed`);
  return { acked: ledger.acked.size, effects: count, duplicates, violations };
}

function start(order: ConsumerOrder): ChildProcess {
  const args = ["--conditions=@omni/source", "--disable-warning=ExperimentalWarning", CONSUMER, JSON.stringify(order)];
  // Without jest's own flags, which the consumers do not need.
  return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, NODE_OPTIONS: "" } });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** Waits for what another process does; gives up when that is over or the time is. */
async function until(truth: () => boolean, ms: number, child: ChildProcess): Promise<boolean> {
  const start = performance.now();
  while (!truth()) {
    if (performance.now() - start > ms || child.exitCode !== null) return false;
    await sleep(5);
  }
  return true;
}
