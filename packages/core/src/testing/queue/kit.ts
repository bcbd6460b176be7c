import { setTimeout as sleep } from "node:timers/promises";
import { nearest } from "../../call-options.ts";
import { OmniError } from "../../error.ts";
import type { QueueFeatures } from "../../queue/features.ts";
import { newId } from "../../queue/id.ts";
import type { QueueProvider } from "../../queue/provider.ts";
import { type Checks, makeChecks } from "../checks.ts";
import type { TestFramework } from "../kit.ts";
import { within } from "../time-limit.ts";
import { QUEUE_GROUPS } from "./groups/index.ts";
import {
  type BrokerHooks,
  missingQueueNeed,
  type QueueCase,
  type QueueGroup,
  type QueueKitSizes,
  type QueueTrial,
} from "./trial.ts";

/** Options of {@link queueKit}. */
export interface QueueKitOptions {
  /** What the queue declares, when it is known before the first one is made: then only cases that apply are registered. */
  readonly features?: QueueFeatures | undefined;
  /** Makes another object over the broker of the first, as another process would. @default the first one itself */
  readonly another?: ((queue: QueueProvider) => QueueProvider | Promise<QueueProvider>) | undefined;
  /** Called after each case with the queues that it used, already closed: removes what they left. */
  readonly dispose?: ((queue: QueueProvider) => unknown) | undefined;
  /** What can be done to the broker underneath. A case that needs one that is not given fails and says so, unless it is `known`. */
  readonly hooks?: BrokerHooks | undefined;
  /** Cases that this queue cannot keep, by `group: case`, and why. Each must still fail, so that a gap that closed is noticed. */
  readonly known?: Readonly<Record<string, string>> | undefined;
  /** Messages in the cases under load. @default 200 */
  readonly messages?: number | undefined;
  /** Milliseconds after which what did not come is taken not to come. @default 50 */
  readonly quietMs?: number | undefined;
  /** Milliseconds for one case. @default 30,000 */
  readonly timeoutMs?: number | undefined;
}

type MakeQueue = () => QueueProvider | Promise<QueueProvider>;

/**
 * Tests what a queue promises: one call in one test file. Every case gets a queue object and topics of its own; the features that the queue declares
 * choose what is proved, and what it does not declare is proved to be refused or not to happen.
 *
 * @param name of the queue, as it stands in the report
 * @param makeQueue makes a fresh queue object; cases name topics and groups that nobody used before
 * @param framework the test functions
 * @param options what this broker needs
 * @throws OmniError INVALID_ARGUMENT when `known` names a case that there is not
 */
export function queueKit(name: string, makeQueue: MakeQueue, framework: TestFramework, options: QueueKitOptions = {}): void {
  const { features, known = {}, timeoutMs = 30_000 } = options;
  checkKnown(known);
  const bench = new QueueBench(makeQueue, makeChecks(framework.expect), options, timeoutMs);
  framework.describe(name, () => {
    for (const group of QUEUE_GROUPS) {
      const cases = group.cases.filter((one) => !features || !missingQueueNeed(group, one, features));
      if (cases.length === 0) continue;
      framework.describe(group.name, () => {
        for (const one of cases) {
          const gap = known[`${group.name}: ${one.name}`];
          const run = gap === undefined ? () => bench.run(group, one) : () => bench.stillFails(group, one);
          // The framework's own limit comes later: the kit's says which case it was.
          framework.test(gap === undefined ? one.name : `${one.name} (known gap: ${gap})`, run, timeoutMs + 15_000);
        }
      });
    }
  });
}

/** How many cases there are. */
export const QUEUE_KIT_CASES: number = QUEUE_GROUPS.reduce((sum, group) => sum + group.cases.length, 0);

function checkKnown(known: Readonly<Record<string, string>>): void {
  const all = QUEUE_GROUPS.flatMap((group) => group.cases.map((one) => `${group.name}: ${one.name}`));
  for (const name of Object.keys(known)) {
    if (all.includes(name)) continue;
    const meant = nearest(name, all);
    const hint = meant === undefined ? "" : `; there is "${meant}"`;
    throw new OmniError("INVALID_ARGUMENT", { reason: `known: there is no case "${name}"${hint}` });
  }
}

/** Sets cases up, runs them, and cleans up. */
class QueueBench {
  readonly #make: MakeQueue;
  readonly #checks: Checks;
  readonly #options: QueueKitOptions;
  readonly #sizes: QueueKitSizes;
  readonly #timeoutMs: number;

  constructor(make: MakeQueue, checks: Checks, options: QueueKitOptions, timeoutMs: number) {
    this.#make = make;
    this.#checks = checks;
    this.#options = options;
    this.#sizes = { messages: options.messages ?? 200, quietMs: options.quietMs ?? 50 };
    this.#timeoutMs = timeoutMs;
  }

  async run(group: QueueGroup, one: QueueCase): Promise<void> {
    const opened = new Set<QueueProvider>();
    const what = `the case "${group.name}: ${one.name}"`;
    const [outcome] = await Promise.allSettled([within(this.#timeoutMs, what, () => this.#try(group, one, opened))]);
    const [cleaned] = await Promise.allSettled([within(10_000, `cleaning up after ${what}`, () => this.#cleanUp(opened))]);
    // What the case says comes first.
    for (const result of [outcome, cleaned]) if (result.status === "rejected") throw result.reason;
  }

  /** A known gap: the case must fail. */
  async stillFails(group: QueueGroup, one: QueueCase): Promise<void> {
    const failed = await this.run(group, one).then(
      () => false,
      () => true,
    );
    if (!failed)
      throw new Error(`the known gap "${group.name}: ${one.name}" is closed: take it out of \`known\` and of the README`);
  }

  async #try(group: QueueGroup, one: QueueCase, opened: Set<QueueProvider>): Promise<void> {
    const queue = await this.#make();
    opened.add(queue);
    const trial = this.#trial(queue, opened);
    const missing = missingQueueNeed(group, one, queue.features);
    await (missing ? missing.absent(trial) : one.run(trial));
  }

  #trial(queue: QueueProvider, opened: Set<QueueProvider>): QueueTrial {
    const { another, hooks = {} } = this.#options;
    return {
      queue,
      features: queue.features,
      check: this.#checks,
      sizes: this.#sizes,
      hooks: {
        restartBroker: hooks.restartBroker ?? missingHook("restartBroker"),
        disconnect: hooks.disconnect ?? missingHook("disconnect"),
        freeze: hooks.freeze ?? missingHook("freeze"),
      },
      topic: (name = "topic") => `kit-${name}-${newId().slice(-12)}`,
      group: (name = "group") => `kit-${name}-${newId().slice(-12)}`,
      another: async () => {
        const other = another ? await another(queue) : queue;
        opened.add(other);
        return other;
      },
      quiet: () => sleep(this.#sizes.quietMs),
    };
  }

  async #cleanUp(opened: ReadonlySet<QueueProvider>): Promise<void> {
    for (const queue of opened) await queue.close({ drainMs: 0 });
    for (const queue of opened) await this.#options.dispose?.(queue);
  }
}

function missingHook(name: keyof BrokerHooks): () => Promise<never> {
  return () =>
    Promise.reject(
      new OmniError("INVALID_ARGUMENT", {
        reason: `this broker lives outside of the process: give the kit the hook \`${name}\`, or name the case in \`known\``,
      }),
    );
}
