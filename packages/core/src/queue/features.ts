/** Where a new group may start to read. */
export const START_POSITIONS = ["earliest", "latest", "time"] as const;

/** One of {@link START_POSITIONS}. */
export type StartPosition = (typeof START_POSITIONS)[number];

/** Facts and limits of a queue driver that are not methods. The conformance kit proves what is declared, and that the rest is refused. */
export interface QueueDriverFeatures {
  /**
   * What order deliveries keep within one group.
   *
   * - `"key"`: the messages of one key arrive in publish order and are with one consumer of the group at a time;
   * - `"topic"`: deliveries leave in publish order, but consumers that compete may handle two of one key at the same time;
   * - `"none"`: no order.
   */
  readonly ordering: "key" | "topic" | "none";
  /** `"at-least-once"`: what is not acknowledged is delivered again; `"at-most-once"`: a lost delivery is lost. */
  readonly delivery: "at-least-once" | "at-most-once";
  /** What an acknowledged message outlives: nothing (`"none"`), the process' life only, the restart of one host, or the loss of a host. */
  readonly durable: "none" | "process" | "host" | "store";
  /** Named groups each see every message, and the consumers of one group compete. */
  readonly groups: boolean;
  /** Where a new group may start. `"earliest"` among them = a new group sees what was published before it. */
  readonly startFrom: readonly StartPosition[];
  /** The broker drops a second message of one (topic, id) within so many milliseconds of the first; `false`: it never does. */
  readonly dedupe: false | { readonly windowMs: number };
  /** `nack` keeps the message back for at least its delay; else it comes again at once. */
  readonly delayedNack: boolean;
  /** Of one group, a delivery that waits for its redelivery does not keep others of other keys from being delivered. */
  readonly independentNack: boolean;
  /** What remembers how often a message was delivered: the broker, so that all consumers of the group count together, or one process. */
  readonly attempts: "group" | "process" | false;
  /** A delivery that is neither settled nor extended for so many milliseconds goes to another consumer. Absent: only when its consumer is gone. */
  readonly ackDeadlineMs?: number | undefined;
  /** Concurrent `publish` calls take effect in the order of the calls: core then chains nothing per key. */
  readonly pipelined: boolean;
  /** Headers travel beside the body; else the form has to be `"json"`. */
  readonly headers: boolean;
  /** Most bytes of one message as {@link QueueDriver.sizeOf} counts them: TOO_LARGE before anything is sent. */
  readonly maxBytes?: number | undefined;
  /** Most messages that the queue holds before `publish` waits or is refused with QUEUE_FULL. */
  readonly capacity?: number | undefined;
  /** `stats().pending` is known. */
  readonly pending: boolean;
}

/** The optional methods of a queue driver: a method that is present is an ability. */
export const QUEUE_ABILITIES = ["browse"] as const;

/** The name of an optional method of a queue driver that applications may ask for. */
export type QueueAbility = (typeof QUEUE_ABILITIES)[number];

/** Everything a queue can do: the driver's facts, completed, and its abilities. */
export type QueueFeatures = QueueDriverFeatures & { readonly [A in QueueAbility]: boolean };

const NONE: QueueDriverFeatures = {
  ordering: "none",
  delivery: "at-most-once",
  durable: "none",
  groups: false,
  startFrom: ["latest"],
  dedupe: false,
  delayedNack: false,
  independentNack: false,
  attempts: false,
  pipelined: false,
  headers: true,
  pending: false,
};

/**
 * Completes what a driver states: a fact left out is "no".
 *
 * @param stated the driver's own features
 * @param has which optional methods the driver has
 */
export function completeQueueFeatures(
  stated: Partial<QueueDriverFeatures>,
  has: (ability: QueueAbility) => boolean,
): QueueFeatures {
  const abilities = Object.fromEntries(QUEUE_ABILITIES.map((ability) => [ability, has(ability)])) as Record<QueueAbility, boolean>;
  return Object.freeze({ ...NONE, ...stated, ...abilities });
}
