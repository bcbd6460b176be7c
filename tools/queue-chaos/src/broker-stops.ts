import { setTimeout as sleep } from "node:timers/promises";
import { type Handler, memoryDedupe, newId, type QueueProvider } from "@omni/core/queue";
import { Load, PublishLedger, type Words } from "./publishing.ts";

export interface BrokerStopOptions {
  readonly stops: number;
  /** Makes a queue object, as a process of its own would. Three are used: one publishes, two consume. */
  readonly makeQueue: () => QueueProvider;
  /** Stops the broker; resolves when it is gone. `words` are counted on while it waits. */
  readonly stop: (words: Words) => Promise<void>;
  /** Starts it with its data; resolves when it serves. */
  readonly start: (words: Words) => Promise<void>;
  /** Nobody else's. */
  readonly topic: string;
  /** Most milliseconds under load between two stops; the moment is random. @default 400 */
  readonly upMs?: number | undefined;
  /** Most milliseconds between stop and start. @default 400 */
  readonly downMs?: number | undefined;
  /** Publishers that each have one message under way. @default 8 */
  readonly publishers?: number | undefined;
  /** Milliseconds that a publisher rests after each message. @default 2 */
  readonly pauseMs?: number | undefined;
  /** Milliseconds until a publish is unknown. @default 2_000 */
  readonly publishTimeoutMs?: number | undefined;
  /** Milliseconds after the last start until everything has to be handled. @default 60_000 */
  readonly settleMs?: number | undefined;
}

/** What became of the messages. Counts can go to `recordCounts`; `violations` has to be empty. */
export interface BrokerStopReport {
  readonly stops: number;
  /** Words of the queue about publishes, all attempts. */
  readonly words: Words;
  /** Messages acknowledged in the end. */
  readonly acked: number;
  /** Of a queue over several brokers: messages that one acknowledged and the queue as a whole did not. They have to be handled too. */
  readonly heldOnly: number;
  /** Messages whose last word was "unknown", and how many of them were handled. */
  readonly unknown: number;
  readonly unknownHandled: number;
  /** Messages that were only ever rejected. */
  readonly rejected: number;
  /** Handler runs of the group without dedupe beyond the first of each message. */
  readonly duplicates: number;
  /** Copies that the shared dedupe store of the other group kept from its handlers. */
  readonly suppressed: number;
  /** Milliseconds from the last start until everything was handled. */
  readonly settledMs: number;
  /** What the promises do not allow: lost messages, handled ones that were rejected, a message handled twice in spite of dedupe. */
  readonly violations: readonly string[];
}

/**
 * Stops and starts a broker again and again while messages are published and two groups consume them, then waits until all are handled.
 *
 * Looks for: a message that a broker acknowledged and that is not handled by both groups; a message that was only ever rejected and is handled; a message
 * that the group with a shared dedupe store handles twice; a publish that ends as nothing of acked, rejected and unknown.
 */
export async function runBrokerStops(options: BrokerStopOptions): Promise<BrokerStopReport> {
  const queues = [options.makeQueue(), options.makeQueue(), options.makeQueue()] as const;
  try {
    return await run(options, queues);
  } finally {
    await Promise.all(queues.map((queue) => queue.close({ drainMs: 5_000 })));
  }
}

async function run(
  options: BrokerStopOptions,
  queues: readonly [QueueProvider, QueueProvider, QueueProvider],
): Promise<BrokerStopReport> {
  const { topic, stops, upMs = 400, downMs = 400, settleMs = 60_000 } = options;
  const [publishing, first, second] = queues;
  const plain = new Map<string, number>();
  const once = new Map<string, number>();
  await first.consume(topic, counting(plain), { group: `plain-${newId()}`, concurrency: 8 });
  const dedupe = memoryDedupe();
  const group = `once-${newId()}`;
  for (const queue of [first, second]) await queue.consume(topic, counting(once), { group, concurrency: 8, dedupe });
  const ledger = new PublishLedger();
  const { publishers = 8, pauseMs = 2, publishTimeoutMs: timeoutMs = 2_000 } = options;
  const load = new Load({ queue: publishing, topic, ledger, publishers, pauseMs, timeoutMs }, newId().slice(-8));
  for (let stop = 0; stop < stops; stop++) {
    await sleep(upMs / 4 + Math.random() * upMs);
    await options.stop(ledger.words);
    await sleep(Math.random() * downMs);
    await options.start(ledger.words);
  }
  const started = performance.now();
  await load.stop(settleMs);
  const isHandled = (id: string): boolean => plain.has(id) && once.has(id);
  while ([...ledger.acked, ...ledger.held].some((id) => !isHandled(id)) && performance.now() - started < settleMs) await sleep(20);
  const settledMs = Math.round(performance.now() - started);
  const suppressed = (await first.stats()).suppressed + (await second.stats()).suppressed;
  return { stops, ...reportOf(ledger, plain, once), suppressed, settledMs };
}

function counting(runs: Map<string, number>): Handler {
  return (message) => runs.set(message.id, (runs.get(message.id) ?? 0) + 1);
}

function reportOf(
  ledger: PublishLedger,
  plain: ReadonlyMap<string, number>,
  once: ReadonlyMap<string, number>,
): Omit<BrokerStopReport, "stops" | "suppressed" | "settledMs"> {
  const violations = [...ledger.violations];
  const lost = [...ledger.acked].filter((id) => !plain.has(id) || !once.has(id));
  if (lost.length > 0) violations.push(`${lost.length} acknowledged messages were not handled: ${lost.slice(0, 5).join(", ")}`);
  const dropped = [...ledger.held].filter((id) => !ledger.acked.has(id) && !(plain.has(id) && once.has(id)));
  if (dropped.length > 0)
    violations.push(`${dropped.length} messages that a broker acknowledged were not handled: ${dropped.slice(0, 5).join(", ")}`);
  const ghosts = [...ledger.rejected].filter((id) => plain.has(id) || once.has(id));
  if (ghosts.length > 0) violations.push(`${ghosts.length} rejected messages were handled: ${ghosts.slice(0, 5).join(", ")}`);
  const twice = [...once].filter(([, runs]) => runs > 1).map(([id]) => id);
  if (twice.length > 0)
    violations.push(`${twice.length} messages were handled twice in spite of dedupe: ${twice.slice(0, 5).join(", ")}`);
  return {
    words: { ...ledger.words },
    acked: ledger.acked.size,
    heldOnly: [...ledger.held].filter((id) => !ledger.acked.has(id)).length,
    unknown: ledger.unknown.size,
    unknownHandled: [...ledger.unknown].filter((id) => plain.has(id)).length,
    rejected: ledger.rejected.size,
    duplicates: [...plain.values()].reduce((sum, runs) => sum + runs - 1, 0),
    violations,
  };
}
