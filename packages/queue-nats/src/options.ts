import { type Clock, type Logger, OmniError, silentLogger, systemClock } from "@omni/core";
import { checkOptionNames, type OptionNames, QUEUE_OPTION_NAMES, type QueueOptions } from "@omni/core/queue";
import type { ConnectClient, NatsAuth, NatsTls } from "./client.ts";
import { connectNats } from "./client-nats.ts";
import { parseServers } from "./servers.ts";

/** What {@link natsQueue} takes. */
export interface NatsQueueOptions extends QueueOptions {
  /** One address or several of one cluster: `nats://host:4222`, `tls://host:4222`. @default "nats://127.0.0.1:4222" */
  readonly url?: string | readonly string[] | undefined;
  /** Name of the stream: letters, digits, `-` and `_`. @default "OMNI" */
  readonly stream?: string | undefined;
  /**
   * `"jetstream"`: messages are kept and delivered until acknowledged. `"core"`: they go to whoever listens now, and are kept by nobody; no stream is
   * used. @default "jetstream"
   */
  readonly mode?: "jetstream" | "core" | undefined;
  /** What stands before a topic to make its subject; `""` = the subject is the topic. @default the stream's name and a dot; in core mode "" */
  readonly subjectPrefix?: string | undefined;
  /** Subjects of the stream when it is made here. @default everything below the prefix */
  readonly subjects?: readonly string[] | undefined;
  /** Make the stream when it is missing. A stream that exists is adopted and never changed. @default true */
  readonly createStream?: boolean | undefined;
  /** Where the stream keeps its messages. @default "file" */
  readonly storage?: "file" | "memory" | undefined;
  /** Servers that keep a copy: 1 to 5. @default 1 */
  readonly replicas?: number | undefined;
  /** Milliseconds that a stream made here keeps messages, acknowledged or not; 0 = for ever. @default 7 days */
  readonly maxAgeMs?: number | undefined;
  /** Most bytes in a stream made here: past it `publish` is refused with QUEUE_FULL. @default no limit but the server's */
  readonly maxStreamBytes?: number | undefined;
  /** Milliseconds within which the broker drops a second message of one (topic, id). @default 120_000 */
  readonly dedupeWindowMs?: number | undefined;
  /** Milliseconds after which a delivery that is neither settled nor extended goes to another consumer. @default 30_000 */
  readonly ackDeadlineMs?: number | undefined;
  /** `"sent"`: `ack` resolves when it is on its way; `"confirmed"`: when the broker has taken it, one round trip later. @default "sent" */
  readonly ackMode?: "sent" | "confirmed" | undefined;
  /** Publishes without the broker's word at one time; more wait here, not yet handed over. @default 512 */
  readonly maxUnacked?: number | undefined;
  /**
   * Messages that may wait here, not yet handed over, where the caller does not wait for room: past it a composite's publish is refused with
   * QUEUE_FULL at once. A queue of its own lets them wait until their deadline. @default 65_536
   */
  readonly maxWaiting?: number | undefined;
  /** Deliveries of one group and topic, over all its consumers, that wait to be settled or for their delay. @default 65_536 */
  readonly maxAckPending?: number | undefined;
  /** The server's `max_payload` in bytes; 2 KiB of it are left for the broker's own header. @default 1_048_576 */
  readonly maxPayloadBytes?: number | undefined;
  /** What a publish does while the connection is down: fail at once with UNAVAILABLE, or wait until its deadline. @default "reject" */
  readonly whenDisconnected?: "reject" | "wait" | undefined;
  /** Milliseconds that a publish is tried again when no stream answers, as in an election of its leader. @default 2_000 */
  readonly noStreamRetryMs?: number | undefined;
  /** Milliseconds for one attempt to connect. @default 5_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Most milliseconds between two attempts to reconnect; the first comes after 100. @default 2_000 */
  readonly maxReconnectDelayMs?: number | undefined;
  /** Milliseconds between two signs of life; a connection is given up after three without. @default 10_000 */
  readonly pingIntervalMs?: number | undefined;
  /** Who this is; may also stand in the URL (`nats://user:password@host`). Never shown. @default nobody */
  readonly auth?: NatsAuth | undefined;
  /** @default as the server and the URL say, with Node's authorities */
  readonly tls?: NatsTls | undefined;
  /** Name of the connection, as the server's monitoring shows it. @default "omni" */
  readonly clientName?: string | undefined;
  /** Where answers come to; for users who may not subscribe to all of `_INBOX`. @default "_INBOX" */
  readonly inboxPrefix?: string | undefined;
  /** Another client library. @default the npm package nats */
  readonly connect?: ConnectClient | undefined;
}

/** Options with everything decided. */
export interface NatsSettings {
  readonly servers: readonly string[];
  /** The servers as they may be shown. */
  readonly where: string;
  readonly mode: "jetstream" | "core";
  readonly stream: string;
  readonly prefix: string;
  readonly subjects: readonly string[];
  readonly createStream: boolean;
  readonly storage: "file" | "memory";
  readonly replicas: number;
  readonly maxAgeMs: number;
  readonly maxStreamBytes: number | undefined;
  readonly dedupeWindowMs: number;
  readonly ackDeadlineMs: number;
  readonly confirmAcks: boolean;
  readonly maxUnacked: number;
  readonly maxWaiting: number;
  readonly maxAckPending: number;
  readonly maxBytes: number;
  readonly waitForConnection: boolean;
  readonly noStreamRetryMs: number;
  readonly connectTimeoutMs: number;
  readonly maxReconnectDelayMs: number;
  readonly pingIntervalMs: number;
  readonly auth: NatsAuth | undefined;
  readonly tls: NatsTls | undefined;
  readonly clientName: string;
  readonly inboxPrefix: string;
  readonly topic: string | undefined;
  readonly connect: ConnectClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

const NAMES: OptionNames<NatsQueueOptions> = {
  ...QUEUE_OPTION_NAMES,
  url: true,
  stream: true,
  mode: true,
  subjectPrefix: true,
  subjects: true,
  createStream: true,
  storage: true,
  replicas: true,
  maxAgeMs: true,
  maxStreamBytes: true,
  dedupeWindowMs: true,
  ackDeadlineMs: true,
  ackMode: true,
  maxUnacked: true,
  maxWaiting: true,
  maxAckPending: true,
  maxPayloadBytes: true,
  whenDisconnected: true,
  noStreamRetryMs: true,
  connectTimeoutMs: true,
  maxReconnectDelayMs: true,
  pingIntervalMs: true,
  auth: true,
  tls: true,
  clientName: true,
  inboxPrefix: true,
  connect: true,
};

/** Bytes of a message that the header `Nats-Msg-Id` may take: topic and id at their longest. */
export const RESERVED_BYTES = 2_048;

const DAY_MS = 24 * 3_600_000;
const MAX = Number.MAX_SAFE_INTEGER;

/** @throws OmniError INVALID_ARGUMENT */
export function checkNatsOptions(options: NatsQueueOptions): NatsSettings {
  checkOptionNames("natsQueue", options, NAMES);
  const { servers, where, auth: authInUrl, isTls } = parseServers(options.url ?? "nats://127.0.0.1:4222");
  const mode = oneOf("mode", options.mode ?? "jetstream", ["jetstream", "core"]);
  const stream = streamName(options.stream ?? "OMNI");
  const prefix = subjectPrefix(options.subjectPrefix ?? (mode === "core" ? "" : `${stream}.`));
  const maxPayload = count("maxPayloadBytes", options.maxPayloadBytes ?? 1_048_576, RESERVED_BYTES + 1);
  return {
    servers,
    where,
    mode,
    stream,
    prefix,
    subjects: checkSubjects(options.subjects, prefix, mode),
    createStream: options.createStream ?? true,
    storage: oneOf("storage", options.storage ?? "file", ["file", "memory"]),
    replicas: count("replicas", options.replicas ?? 1, 1, 5),
    maxAgeMs: count("maxAgeMs", options.maxAgeMs ?? 7 * DAY_MS, 0),
    maxStreamBytes: options.maxStreamBytes === undefined ? undefined : count("maxStreamBytes", options.maxStreamBytes, 1),
    dedupeWindowMs: dedupeWindow(options),
    ackDeadlineMs: count("ackDeadlineMs", options.ackDeadlineMs ?? 30_000, 100),
    confirmAcks: oneOf("ackMode", options.ackMode ?? "sent", ["sent", "confirmed"]) === "confirmed",
    maxUnacked: count("maxUnacked", options.maxUnacked ?? 512, 1),
    maxWaiting: count("maxWaiting", options.maxWaiting ?? 65_536, 1),
    maxAckPending: count("maxAckPending", options.maxAckPending ?? 65_536, 1),
    maxBytes: maxPayload - RESERVED_BYTES,
    waitForConnection: oneOf("whenDisconnected", options.whenDisconnected ?? "reject", ["reject", "wait"]) === "wait",
    noStreamRetryMs: count("noStreamRetryMs", options.noStreamRetryMs ?? 2_000, 0),
    connectTimeoutMs: count("connectTimeoutMs", options.connectTimeoutMs ?? 5_000, 1),
    maxReconnectDelayMs: count("maxReconnectDelayMs", options.maxReconnectDelayMs ?? 2_000, 1),
    pingIntervalMs: count("pingIntervalMs", options.pingIntervalMs ?? 10_000, 10),
    auth: checkAuth(options.auth, authInUrl),
    tls: options.tls ?? (isTls ? {} : undefined),
    clientName: options.clientName ?? "omni",
    inboxPrefix: inboxPrefix(options.inboxPrefix ?? "_INBOX"),
    topic: options.topic,
    connect: options.connect ?? connectNats,
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
  };
}

function dedupeWindow(options: NatsQueueOptions): number {
  const maxAgeMs = options.maxAgeMs ?? 7 * DAY_MS;
  const window = count("dedupeWindowMs", options.dedupeWindowMs ?? 120_000, 100);
  if (maxAgeMs === 0 || window <= maxAgeMs || options.dedupeWindowMs === undefined)
    return maxAgeMs === 0 ? window : Math.min(window, maxAgeMs);
  throw invalid("dedupeWindowMs", window, `at most maxAgeMs, which is ${maxAgeMs}`);
}

function checkAuth(given: NatsAuth | undefined, inUrl: NatsAuth | undefined): NatsAuth | undefined {
  if (given && inUrl) throw new OmniError("INVALID_ARGUMENT", { reason: "auth is given in the URL and as an option: keep one" });
  if (given === undefined) return inUrl;
  // What is wrong is said without the values: they are secrets.
  const ways: readonly (readonly string[])[] = [["user", "password"], ["token"], ["nkeySeed"], ["creds"], ["credsFile"]];
  const keys = Object.keys(given).sort().join();
  const isText = Object.values(given).every((value) => typeof value === "string" && value !== "");
  if (isText && ways.some((way) => [...way].sort().join() === keys)) return given;
  const reason =
    "auth has to be one of { user, password }, { token }, { nkeySeed }, { creds } and { credsFile }, each a text that is not empty";
  throw new OmniError("INVALID_ARGUMENT", { reason });
}

function streamName(name: string): string {
  if (typeof name === "string" && /^[A-Za-z0-9_-]{1,100}$/.test(name)) return name;
  throw invalid("stream", name, "1 to 100 letters, digits, - and _");
}

function subjectPrefix(prefix: string): string {
  if (prefix === "" || (/^[\x21-\x7e]{1,200}\.$/.test(prefix) && !/[*>]|^\.|\.\./.test(prefix))) return prefix;
  throw invalid("subjectPrefix", prefix, 'empty, or printable ASCII without blanks, * and >, ending in a dot: "orders."');
}

function inboxPrefix(prefix: string): string {
  if (/^[\x21-\x7e]{1,100}$/.test(prefix) && !/[*>]|^\.|\.$|\.\./.test(prefix)) return prefix;
  throw invalid("inboxPrefix", prefix, "printable ASCII without blanks, * and >, not beginning or ending with a dot");
}

function checkSubjects(given: readonly string[] | undefined, prefix: string, mode: string): readonly string[] {
  if (given === undefined && prefix === "" && mode === "jetstream") {
    const reason =
      'with subjectPrefix "" the option `subjects` has to say which subjects the stream takes, for example ["orders.>"]';
    throw new OmniError("INVALID_ARGUMENT", { reason });
  }
  const subjects = given ?? [`${prefix}>`];
  if (subjects.length > 0 && subjects.every((subject) => typeof subject === "string" && /^[^\s]+$/.test(subject))) return subjects;
  throw invalid("subjects", JSON.stringify(given), 'one subject or more without blanks, like "orders.>"');
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw invalid(name, value, allowed.map((one) => JSON.stringify(one)).join(" or "));
}

function count(name: string, value: unknown, least: number, most: number = MAX): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(name, value, most === MAX ? `a whole number, ${least} or more` : `a whole number from ${least} to ${most}`);
}

function invalid(name: string, value: unknown, expected: string): OmniError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new OmniError("INVALID_ARGUMENT", { reason: `${name} is ${shown}, it has to be ${expected}` });
}
