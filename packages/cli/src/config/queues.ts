import { OmniError } from "@omni/core";
import type { QueueProvider } from "@omni/core/queue";
import { createQueueFromEnv } from "@omni/core/queue";
import { shown } from "./address.ts";
import { isQueue, type QueueEntry, type QueueSettings } from "./entry.ts";
import { expand } from "./environment.ts";
import type { Packages } from "./packages.ts";
import { configError, locate } from "./problem.ts";
import type { Place } from "./stores.ts";

/** The package of each type of queue, and its factory. */
const QUEUES = {
  memory: ["@omni/queue-memory", "memoryQueue"],
  nats: ["@omni/queue-nats", "natsQueue"],
  kafka: ["@omni/queue-kafka", "kafkaQueue"],
} as const;

const SCHEMES: Readonly<Record<string, QueueSettings["type"]>> = { memory: "memory", nats: "nats", tls: "nats", kafka: "kafka" };
const URL_FORM = /^([a-z]+):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?(.*))?$/is;

/** A queue's URL taken apart: `nats://host:4222/topic?stream=ORDERS`, `kafka://a:9092,b:9092/topic`, `memory://local/topic`. */
export interface QueueUrl {
  readonly type: QueueSettings["type"];
  readonly options: Readonly<Record<string, unknown>>;
  readonly topic?: string | undefined;
}

/** @returns `undefined` for what is no URL; @throws OmniError INVALID_ARGUMENT for the URL of another kind of thing */
export function parseQueueUrl(text: string): QueueUrl | undefined {
  const match = URL_FORM.exec(text);
  if (!match) return undefined;
  const [, scheme = "", host = "", path = "", query = ""] = match;
  const type = SCHEMES[scheme.toLowerCase()];
  const forms = "nats://host:4222/topic, tls://host:4222/topic, kafka://host:9092/topic or memory://local/topic";
  if (!type)
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `${shown(text)} is no queue; write ${forms}, or the name of a configured one`,
    });
  if (host === "" && type !== "memory")
    throw new OmniError("INVALID_ARGUMENT", { reason: `${shown(text)} names no host; write ${forms}` });
  const place = type === "nats" ? { url: `${scheme.toLowerCase()}://${host}` } : type === "kafka" ? { brokers: host } : {};
  const topic = decodeURIComponent(path) || undefined;
  return {
    type,
    topic,
    options: { ...Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, typed(value)])), ...place },
  };
}

function typed(value: string): unknown {
  if (value === "true" || value === "false") return value === "true";
  return /^\d{1,15}$/.test(value) ? Number(value) : value;
}

/** Makes queues of what configurations and command lines say. */
export class Queues {
  readonly #env: NodeJS.ProcessEnv;
  readonly #packages: Packages;

  constructor(env: NodeJS.ProcessEnv, packages: Packages) {
    this.#env = env;
    this.#packages = packages;
  }

  /** The queue of a URL. */
  async typed({ type, options, topic }: QueueUrl): Promise<QueueProvider> {
    return this.#make(type, { ...options, topic: topic ?? options.topic });
  }

  /** The queue that QUEUE_TYPE and its variables describe. */
  ofEnvironment(): Promise<QueueProvider> {
    return createQueueFromEnv(this.#env);
  }

  /** What a configuration describes. */
  async described(entry: QueueEntry, place: Place): Promise<QueueProvider> {
    const key = place.path.map(String).join(".");
    try {
      const made = typeof entry === "function" ? await entry() : entry;
      if (isQueue(made)) return made;
      if (typeof entry === "function") throw configError(place.file, key, "the function has to give a queue");
      const settings = expand(made, this.#env, place.file, place.path) as string | QueueSettings;
      if (typeof settings !== "string") {
        const { type, ...options } = settings;
        return await this.#make(type, options);
      }
      const url = parseQueueUrl(settings);
      if (!url)
        throw configError(
          place.file,
          key,
          `${shown(settings)} is no URL of a queue; write nats://host:4222/topic or kafka://host:9092/topic`,
        );
      return await this.typed(url);
    } catch (error) {
      throw locate(error, place.file, key);
    }
  }

  async #make(type: QueueSettings["type"], options: Readonly<Record<string, unknown>>): Promise<QueueProvider> {
    const [name, factory] = QUEUES[type];
    const make = (await this.#packages.load(name))[factory] as (options: Readonly<Record<string, unknown>>) => QueueProvider;
    return make(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
  }
}
