import type { ConnectionOptions } from "node:tls";
import { type Clock, type Logger, OmniError, silentLogger, systemClock } from "@omni/core";
import type { QueueOptions } from "@omni/core/queue";
import type { TopicPlan } from "./client.ts";

/** How to sign in. Never shown: not in errors, not in log lines, not in `identity`. */
export type KafkaSasl =
  | {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: "oauthbearer";
      /** Called for each connection. */
      readonly token: () => string | Promise<string>;
    };

export const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** `gzip` is built in; the others need a codec that is registered with kafkajs, else NOT_SUPPORTED at construction. */
export type KafkaCompression = (typeof COMPRESSIONS)[number];

/** What {@link kafkaQueue} takes. */
export interface KafkaQueueOptions extends QueueOptions {
  /** Addresses to begin with: `"a:9092,b:9092"` or a list. The port is 9092 where none is given. */
  readonly brokers: string | readonly string[];
  /** Name of this client in the brokers' logs and quotas. @default "omni" */
  readonly clientId?: string | undefined;
  /** TLS: `true`, or what `tls.connect` takes. @default false */
  readonly tls?: boolean | ConnectionOptions | undefined;
  /** @default none */
  readonly sasl?: KafkaSasl | undefined;
  /** Of what is published. What was published by others is read whatever it is, if its codec is there. @default "none" */
  readonly compression?: KafkaCompression | undefined;
  /** Create topics that do not exist when they are first used. @default true */
  readonly createTopics?: boolean | undefined;
  /** Partitions of topics that are created. @default the broker's `num.partitions` */
  readonly partitions?: number | undefined;
  /** Copies of topics that are created. @default the broker's `default.replication.factor` */
  readonly replicationFactor?: number | undefined;
  /** Configuration of topics that are created: `{ "retention.ms": "3600000" }`. @default {} */
  readonly topicConfig?: Readonly<Record<string, string>> | undefined;
  /** Largest record, as the topic's `max.message.bytes` says. @default 1_048_588 */
  readonly maxMessageBytes?: number | undefined;
  /**
   * Messages that may wait here for the batch before them where the caller does not wait for room: past it a composite's publish is refused with
   * QUEUE_FULL at once. A queue of its own lets them wait until their deadline. @default 65_536
   */
  readonly maxWaiting?: number | undefined;
  /** Milliseconds without a heartbeat after which the group gives a consumer up. @default 30_000 */
  readonly sessionTimeoutMs?: number | undefined;
  /** @default 3_000, at most a third of the session timeout */
  readonly heartbeatMs?: number | undefined;
  /** Milliseconds that the members of a group have to join anew. @default 60_000 */
  readonly rebalanceTimeoutMs?: number | undefined;
  /** Milliseconds that a broker may hold a fetch back when there is nothing; also how long leaving a group takes. @default 250 */
  readonly fetchWaitMs?: number | undefined;
  /** Milliseconds between two commits of what was acknowledged. @default 100 */
  readonly commitEveryMs?: number | undefined;
  /** Messages of a partition that may wait, or be done, behind one that is not done. @default 10_000 */
  readonly maxUncommitted?: number | undefined;
  /** Milliseconds without a sign of life after which a consumer is made anew. @default 60_000, at least twice the session timeout */
  readonly watchdogMs?: number | undefined;
  /** @default 3_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds for one request to a broker. @default 10_000 */
  readonly requestTimeoutMs?: number | undefined;
}

/** Options with everything decided. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls: boolean | ConnectionOptions;
  readonly sasl: KafkaSasl | undefined;
  readonly compression: KafkaCompression;
  readonly createTopics: boolean;
  readonly topic: TopicPlan;
  readonly maxMessageBytes: number;
  readonly maxWaiting: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly fetchWaitMs: number;
  readonly commitEveryMs: number;
  readonly maxUncommitted: number;
  readonly watchdogMs: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

const KNOWN: readonly string[] = [
  ...["topic", "group", "source", "form", "publishTimeoutMs", "batch", "logger", "clock"],
  ...["brokers", "clientId", "tls", "sasl", "compression", "createTopics", "partitions", "replicationFactor", "topicConfig"],
  ...["maxMessageBytes", "maxWaiting", "sessionTimeoutMs", "heartbeatMs", "rebalanceTimeoutMs", "fetchWaitMs", "commitEveryMs"],
  ...["maxUncommitted", "watchdogMs", "connectTimeoutMs", "requestTimeoutMs"],
];

const MAX_MS = 2 ** 31 - 1;

/** @throws OmniError INVALID_ARGUMENT, NOT_SUPPORTED */
export function checkKafkaOptions(options: KafkaQueueOptions): KafkaSettings {
  checkNames(options);
  const sessionTimeoutMs = count("sessionTimeoutMs", options.sessionTimeoutMs ?? 30_000);
  const heartbeatMs = count("heartbeatMs", options.heartbeatMs ?? Math.min(3_000, Math.floor(sessionTimeoutMs / 3)));
  if (heartbeatMs >= sessionTimeoutMs)
    throw invalid("heartbeatMs", heartbeatMs, `less than sessionTimeoutMs (${sessionTimeoutMs}), best a third of it`);
  const { partitions, replicationFactor, topicConfig } = options;
  return {
    brokers: checkBrokers(options.brokers),
    clientId: options.clientId ?? "omni",
    tls: options.tls ?? false,
    sasl: options.sasl === undefined ? undefined : checkSasl(options.sasl),
    compression: checkCompression(options.compression ?? "none"),
    createTopics: options.createTopics ?? true,
    topic: {
      partitions: partitions === undefined ? undefined : count("partitions", partitions),
      replicationFactor: replicationFactor === undefined ? undefined : count("replicationFactor", replicationFactor),
      config: topicConfig ?? {},
    },
    maxMessageBytes: count("maxMessageBytes", options.maxMessageBytes ?? 1_048_588, 4_096),
    maxWaiting: count("maxWaiting", options.maxWaiting ?? 65_536),
    sessionTimeoutMs,
    heartbeatMs,
    rebalanceTimeoutMs: count("rebalanceTimeoutMs", options.rebalanceTimeoutMs ?? 60_000),
    fetchWaitMs: count("fetchWaitMs", options.fetchWaitMs ?? 250),
    commitEveryMs: count("commitEveryMs", options.commitEveryMs ?? 100, 0),
    maxUncommitted: count("maxUncommitted", options.maxUncommitted ?? 10_000),
    watchdogMs: count("watchdogMs", options.watchdogMs ?? Math.max(60_000, 2 * sessionTimeoutMs)),
    connectTimeoutMs: count("connectTimeoutMs", options.connectTimeoutMs ?? 3_000),
    requestTimeoutMs: count("requestTimeoutMs", options.requestTimeoutMs ?? 10_000),
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
  };
}

function checkNames(options: object): void {
  const strange = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (strange === undefined) return;
  if (/^group.?instance.?id$/i.test(strange)) {
    // kafkajs 2.2.4 sends no group.instance.id: https://github.com/tulios/kafkajs/issues/884
    const reason = "static membership (group.instance.id) is not there: kafkajs does not send it; leave the option out";
    throw new OmniError("NOT_SUPPORTED", { backend: "kafka", reason });
  }
  const near = KNOWN.find((name) => name.toLowerCase() === strange.toLowerCase().replaceAll(/[_-]/g, ""));
  const hint = near === undefined ? `; it has ${KNOWN.join(", ")}` : `: did you mean ${near}?`;
  throw new OmniError("INVALID_ARGUMENT", { backend: "kafka", reason: `kafkaQueue has no option "${strange}"${hint}` });
}

/** @throws OmniError INVALID_ARGUMENT */
export function checkBrokers(brokers: unknown): readonly string[] {
  const given: readonly unknown[] = typeof brokers === "string" ? brokers.split(",") : Array.isArray(brokers) ? brokers : [];
  const list = given.map((one) => (typeof one === "string" ? one.trim() : one)).filter((one) => one !== "");
  if (list.length === 0) throw invalid("brokers", brokers, 'addresses like "localhost:9092" or ["a:9092", "b:9092"]');
  return list.map((one) => {
    if (typeof one !== "string" || !/^(?:[\w.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/.test(one)) {
      throw invalid("a broker", one, 'host:port without a scheme, like "localhost:9092"');
    }
    return /:\d+$/.test(one) ? one : `${one}:9092`;
  });
}

function checkSasl(sasl: KafkaSasl): KafkaSasl {
  const { mechanism } = sasl;
  if (mechanism === "oauthbearer") {
    if (typeof sasl.token !== "function") throw wrongSasl("sasl.token has to be a function that gives the token");
    return sasl;
  }
  if (mechanism !== "plain" && mechanism !== "scram-sha-256" && mechanism !== "scram-sha-512") {
    throw invalid("sasl.mechanism", mechanism, '"plain", "scram-sha-256", "scram-sha-512" or "oauthbearer"');
  }
  if (typeof sasl.username !== "string" || typeof sasl.password !== "string" || sasl.username === "") {
    throw wrongSasl(`sasl.username and sasl.password have to be given for ${mechanism}`);
  }
  return sasl;
}

// What was given is never shown: it may be the password.
function wrongSasl(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { backend: "kafka", reason });
}

function checkCompression(compression: unknown): KafkaCompression {
  const found = COMPRESSIONS.find((one) => one === compression);
  if (!found) throw invalid("compression", compression, COMPRESSIONS.map((one) => `"${one}"`).join(", "));
  return found;
}

function count(name: string, value: unknown, least = 1): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= MAX_MS) return value;
  throw invalid(name, value, `a whole number, ${least} or more`);
}

export function invalid(name: string, value: unknown, expected: string): OmniError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new OmniError("INVALID_ARGUMENT", { backend: "kafka", reason: `${name} is ${shown}, it has to be ${expected}` });
}
