import type { QueueFeatures } from "../../queue/features.ts";
import type { QueueProvider } from "../../queue/provider.ts";
import type { Checks } from "../checks.ts";

/** What a kit can do to the broker underneath. Each resolves when it is done. */
export interface BrokerHooks {
  /** Stops the broker and starts it again with its data. */
  readonly restartBroker?: (() => Promise<void>) | undefined;
  /** Cuts the connections and keeps new ones from being made; the function that it gives lets them be made again. */
  readonly disconnect?: (() => Promise<() => Promise<void>>) | undefined;
  /** Stops the broker's process without closing connections (SIGSTOP); the function that it gives lets it go on. */
  readonly freeze?: (() => Promise<() => Promise<void>>) | undefined;
}

/** Numbers that a slow or remote broker may want smaller or larger. */
export interface QueueKitSizes {
  /** Messages in the cases under load. */
  readonly messages: number;
  /** Milliseconds after which what did not come is taken not to come. */
  readonly quietMs: number;
}

/** One run of one case. */
export interface QueueTrial {
  /** Fresh, and closed after the case. */
  readonly queue: QueueProvider;
  readonly features: QueueFeatures;
  readonly check: Checks;
  readonly sizes: QueueKitSizes;
  readonly hooks: { readonly [H in keyof BrokerHooks]-?: NonNullable<BrokerHooks[H]> };
  /** A topic that nobody used before. */
  topic(name?: string): string;
  /** A group that nobody used before. */
  group(name?: string): string;
  /** Another object over the same broker, as another process would have; closed after the case. */
  another(): Promise<QueueProvider>;
  /** Waits until what would have come has come. */
  quiet(): Promise<void>;
}

/** An ability that cases need. Where a broker does not declare it, that is what is tested. */
export interface QueueNeed {
  readonly label: string;
  declared(features: QueueFeatures): boolean;
  /** The proof of what holds without it: it is refused, or it visibly does not happen. */
  absent(trial: QueueTrial): Promise<void>;
}

/** A case: one promise. */
export interface QueueCase {
  readonly name: string;
  readonly needs?: readonly QueueNeed[];
  run(trial: QueueTrial): Promise<void>;
}

/** The cases of one subject. */
export interface QueueGroup {
  readonly name: string;
  readonly needs: readonly QueueNeed[];
  readonly cases: readonly QueueCase[];
}

/** The first need that a broker does not declare. */
export function missingQueueNeed(group: QueueGroup, one: QueueCase, features: QueueFeatures): QueueNeed | undefined {
  return [...group.needs, ...(one.needs ?? [])].find((need) => !need.declared(features));
}
