import { OmniError } from "@omni/core";
import {
  loadQueueFromEnv,
  QUEUE_TYPES,
  type QueueEnv,
  type QueueOptions,
  type QueueProvider,
  type QueueType,
} from "@omni/core/queue";
import type { CompositeDriver } from "./driver.ts";
import { compositeQueue } from "./factory.ts";
import type { SubscribeFrom } from "./options.ts";
import { STRATEGIES, type Strategy } from "./strategy.ts";

const ALLOWED: readonly QueueType[] = QUEUE_TYPES.filter((type) => type !== "composite");

/**
 * The queue that `QUEUE_TYPE=composite` names: `COMPOSITE_PROVIDERS=nats,kafka` are its members, each configured by variables of its own,
 * `COMPOSITE_STRATEGY` is one of {@link STRATEGIES}, `COMPOSITE_SUBSCRIBE` (first, all, none, or names) says which members are read, and
 * `COMPOSITE_MEMBER_TIMEOUT_MS` when a call to a member is given up.
 *
 * @throws OmniError INVALID_ARGUMENT naming the variable, its value and what is allowed; NOT_INSTALLED says what to install
 */
export async function queueFromEnv(env: QueueEnv, options: QueueOptions = {}): Promise<QueueProvider<CompositeDriver>> {
  const types = typesOf(env.COMPOSITE_PROVIDERS);
  const strategy = strategyOf(env.COMPOSITE_STRATEGY);
  const subscribe = readersOf(env.COMPOSITE_SUBSCRIBE);
  const memberTimeoutMs = timeoutOf(env.COMPOSITE_MEMBER_TIMEOUT_MS);
  const { topic } = options;
  const members: { readonly name: string; readonly provider: QueueProvider }[] = [];
  for (const type of types) {
    const make = await loadQueueFromEnv(type);
    members.push({ name: type, provider: await make(env, options) });
  }
  // Kafka's own name for the topic, where it has one.
  const own = types.includes("kafka") && topic !== undefined ? env.KAFKA_TOPIC : undefined;
  const topics = own === undefined || topic === undefined || own === topic ? {} : { kafka: { [topic]: own } };
  const group = options.group ?? (types.includes("kafka") ? env.KAFKA_CONSUMER_GROUP : undefined);
  return compositeQueue(members, { ...options, group, strategy, subscribe, memberTimeoutMs, topics });
}

function typesOf(list: string | undefined): readonly QueueType[] {
  const names = (list ?? "").split(",").map((name) => name.trim().toLowerCase());
  const given = names.filter((name) => name !== "");
  const allowed = ALLOWED.join(", ");
  if (given.length === 0)
    throw invalid(
      `QUEUE_TYPE is "composite" and COMPOSITE_PROVIDERS is not set: name the queues, like "nats,kafka"; allowed: ${allowed}`,
    );
  if (given.length < names.length) throw invalid(`COMPOSITE_PROVIDERS is "${list}", with an empty name in it; allowed: ${allowed}`);
  return given.map((name, index) => {
    if (name === "composite")
      throw invalid(`COMPOSITE_PROVIDERS is "${list}": a composite cannot be in itself; allowed: ${allowed}`);
    const type = ALLOWED.find((one) => one === name);
    if (!type) throw invalid(`COMPOSITE_PROVIDERS is "${list}", and "${name}" is no queue; allowed: ${allowed}`);
    if (given.indexOf(name) !== index)
      throw invalid(`COMPOSITE_PROVIDERS is "${list}" and names "${name}" twice; allowed, each once: ${allowed}`);
    return type;
  });
}

function strategyOf(value: string | undefined): Strategy {
  if (value === undefined) return "fail-fast";
  const strategy = STRATEGIES.find((one) => one === value.toLowerCase());
  if (strategy) return strategy;
  throw invalid(`COMPOSITE_STRATEGY is "${value}"; allowed: ${STRATEGIES.join(", ")}`);
}

function readersOf(value: string | undefined): SubscribeFrom | undefined {
  const choice = value?.toLowerCase();
  if (choice === undefined || choice === "first" || choice === "all") return choice;
  return choice === "none" ? false : choice.split(",").map((name) => name.trim());
}

function timeoutOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw invalid(`COMPOSITE_MEMBER_TIMEOUT_MS is "${value}"; it has to be a whole number of milliseconds, 1 or more`);
}

function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { backend: "composite", operation: "createQueueFromEnv", reason });
}
