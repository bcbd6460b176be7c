import { nearest } from "../call-options.ts";
import { OmniError } from "../error.ts";
import { importPackage } from "../registry.ts";
import type { QueueOptions, QueueProvider } from "./provider.ts";

/** The values of QUEUE_TYPE, and the package of each. */
const QUEUE_PACKAGES = {
  memory: "@omni/queue-memory",
  nats: "@omni/queue-nats",
  kafka: "@omni/queue-kafka",
  composite: "@omni/queue-composite",
} as const;

/** A value of `QUEUE_TYPE`. */
export type QueueType = keyof typeof QUEUE_PACKAGES;

/** The values that QUEUE_TYPE may have. */
export const QUEUE_TYPES: readonly QueueType[] = Object.keys(QUEUE_PACKAGES) as QueueType[];

/** Names that queues are configured by. A name that differs from one of them by a slip is refused. */
export const QUEUE_ENV_NAMES = [
  "QUEUE_TYPE",
  "QUEUE_TOPIC",
  "QUEUE_SIZE",
  "QUEUE_WHEN_FULL",
  "NATS_URL",
  "NATS_STREAM",
  "KAFKA_BROKERS",
  "KAFKA_TOPIC",
  "KAFKA_CONSUMER_GROUP",
  "COMPOSITE_PROVIDERS",
  "COMPOSITE_STRATEGY",
  "COMPOSITE_SUBSCRIBE",
  "COMPOSITE_MEMBER_TIMEOUT_MS",
] as const;

/** Topic where neither QUEUE_TOPIC nor KAFKA_TOPIC names one. */
const DEFAULT_TOPIC = "messages";

/** What the package of a queue exports for {@link createQueueFromEnv}. */
export type QueueFromEnv = (env: QueueEnv, options: QueueOptions) => QueueProvider | Promise<QueueProvider>;

/** Environment variables, trimmed; empty ones are absent. */
export type QueueEnv = Readonly<Record<string, string | undefined>>;

/**
 * Makes the queue that the environment names: `QUEUE_TYPE=memory|nats|kafka|composite`, `QUEUE_TOPIC`, `QUEUE_SIZE` and `QUEUE_WHEN_FULL` (memory),
 * `NATS_URL`, `NATS_STREAM`, `KAFKA_BROKERS`, `KAFKA_TOPIC`, `KAFKA_CONSUMER_GROUP`, `COMPOSITE_PROVIDERS`, `COMPOSITE_STRATEGY`, `COMPOSITE_SUBSCRIBE`,
 * `COMPOSITE_MEMBER_TIMEOUT_MS`. Only the package that is named is loaded.
 *
 * @param env the variables; values are trimmed, and empty ones are taken as absent @default process.env
 * @param options what goes for every queue; the environment's topic comes first
 * @throws OmniError INVALID_ARGUMENT for a value that is not allowed or a misspelt name; NOT_INSTALLED says what to install
 */
export async function createQueueFromEnv(env: QueueEnv = process.env, options: QueueOptions = {}): Promise<QueueProvider> {
  const clean = cleanEnv(env);
  checkNames(clean);
  const type = queueTypeOf(clean.QUEUE_TYPE);
  const topic = clean.QUEUE_TOPIC ?? (type === "kafka" ? clean.KAFKA_TOPIC : undefined) ?? options.topic ?? DEFAULT_TOPIC;
  const make = await loadQueueFromEnv(type);
  const queue = await make(clean, { ...options, topic });
  // A composite says it for each of its members.
  if (type !== "composite") options.logger?.info({ provider: type }, "adapter created");
  return queue;
}

/**
 * Loads what makes a queue of one type from the environment; for composites.
 *
 * @throws OmniError NOT_INSTALLED
 */
export async function loadQueueFromEnv(type: QueueType): Promise<QueueFromEnv> {
  const name = QUEUE_PACKAGES[type];
  const module = await importPackage(name);
  if (typeof module?.queueFromEnv === "function") return module.queueFromEnv as QueueFromEnv;
  const reason = module
    ? `${name} has no queueFromEnv; install the version that fits @omni/core`
    : `QUEUE_TYPE "${type}" needs a package that is not installed: npm install @omni/core ${name}`;
  throw new OmniError("NOT_INSTALLED", { backend: type, operation: "createQueueFromEnv", reason });
}

/** @throws OmniError INVALID_ARGUMENT unless the value is one of {@link QUEUE_TYPES} */
export function queueTypeOf(value: string | undefined, name = "QUEUE_TYPE"): QueueType {
  const allowed = QUEUE_TYPES.join(", ");
  if (value === undefined) throw invalid(`${name} is not set; allowed: ${allowed}`);
  const type = QUEUE_TYPES.find((one) => one === value.toLowerCase());
  if (type) return type;
  const meant = nearest(value.toLowerCase(), QUEUE_TYPES);
  throw invalid(
    `${name} is ${JSON.stringify(value)}${meant === undefined ? "" : ` (did you mean "${meant}"?)`}; allowed: ${allowed}`,
  );
}

function cleanEnv(env: QueueEnv): QueueEnv {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const trimmed = value?.trim();
    if (trimmed !== undefined && trimmed !== "") clean[name] = trimmed;
  }
  return clean;
}

// Only slips are refused: an environment has many names that are none of ours (Kubernetes makes NATS_PORT and KAFKA_SERVICE_HOST).
function checkNames(env: QueueEnv): void {
  const known: readonly string[] = QUEUE_ENV_NAMES;
  for (const name of Object.keys(env)) {
    if (known.includes(name) || !/^(QUEUE|NATS|KAFKA|COMPOSITE)_/.test(name)) continue;
    const meant = nearest(name, known);
    if (meant !== undefined) throw invalid(`unknown variable ${name}: did you mean ${meant}?`);
  }
}

function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { operation: "createQueueFromEnv", reason });
}
