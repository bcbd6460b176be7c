import { checkOptionNames, type OptionNames } from "./check.ts";
import type {
  BrowseOptions,
  ConsumeOptions,
  PublishOptions,
  QueueCallOptions,
  QueueCloseOptions,
  QueueOptions,
  StatsOptions,
  SubscribeOptions,
} from "./provider.ts";

const CALL: OptionNames<QueueCallOptions> = { signal: true, timeoutMs: true };
const PUBLISH: OptionNames<PublishOptions> = { ...CALL, topic: true };
const JOIN = { ...CALL, group: true, from: true } as const;
const SUBSCRIBE: OptionNames<SubscribeOptions> = { ...JOIN, maxInFlight: true };
const CONSUME: OptionNames<ConsumeOptions> = {
  ...JOIN,
  concurrency: true,
  maxDeliveries: true,
  backoff: true,
  retry: true,
  deadLetter: true,
  dedupe: true,
  extendEveryMs: true,
  retryIf: true,
  middleware: true,
  prefetch: true,
  onError: true,
};
const BROWSE: OptionNames<BrowseOptions> = { from: true, until: true, last: true, signal: true };
const STATS: OptionNames<StatsOptions> = { ...CALL, topic: true, group: true };
const CLOSE: OptionNames<QueueCloseOptions> = { drainMs: true };

/** A call of a queue, as errors name it. */
export type Call = "publish" | "subscribe" | "consume" | "browse" | "ready" | "stats" | "health" | "close";

const TAKES = {
  publish: PUBLISH,
  subscribe: SUBSCRIBE,
  consume: CONSUME,
  browse: BROWSE,
  ready: CALL,
  stats: STATS,
  health: CALL,
  close: CLOSE,
} as const satisfies Readonly<Record<Call, object>>;

/** @throws OmniError INVALID_ARGUMENT for an option that the call does not have */
export function checkCallNames(call: Call, options: object): void {
  checkOptionNames(call, options, TAKES[call]);
}

/** The names of the options that every queue takes, for drivers that check theirs. */
export const QUEUE_OPTION_NAMES: OptionNames<QueueOptions> = {
  topic: true,
  group: true,
  source: true,
  form: true,
  publishTimeoutMs: true,
  batch: true,
  logger: true,
  clock: true,
};
