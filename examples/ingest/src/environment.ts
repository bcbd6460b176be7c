// Every variable that the services read beside those of the queue: one table, which the compose file and the README are compared with.
import { OmniError } from "@omni/core";
import { QUEUE_ENV_NAMES } from "@omni/core/queue";

/** The services, in the order in which a message passes them. */
export const SERVICES = ["gateway", "ingest", "processor"] as const;

export type ServiceName = (typeof SERVICES)[number];

interface Variable {
  readonly services: readonly ServiceName[];
  /** `number` = whole, not negative. */
  readonly kind: "number" | "text";
  readonly default: string;
  readonly about: string;
}

/** Variables as a process has them. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Variables of the services themselves. */
export const VARIABLES = {
  HOST: { services: SERVICES, kind: "text", default: "127.0.0.1", about: "address that is listened on; 0.0.0.0 in a container" },
  GATEWAY_PORT: { services: ["gateway"], kind: "number", default: "8080", about: "0 = a free one" },
  INGEST_PORT: { services: ["ingest"], kind: "number", default: "8081", about: "0 = a free one" },
  PROCESSOR_PORT: { services: ["processor"], kind: "number", default: "8082", about: "0 = a free one" },
  INGEST_URL: { services: ["gateway"], kind: "text", default: "http://127.0.0.1:8081", about: "where the gateway finds ingest" },
  PROCESSOR_URL: {
    services: ["gateway"],
    kind: "text",
    default: "http://127.0.0.1:8082",
    about: "where the gateway finds processor",
  },
  BODY_LIMIT_BYTES: { services: SERVICES, kind: "number", default: "1048576", about: "longer bodies are answered with 413" },
  PUBLISH_TIMEOUT_MS: {
    services: ["ingest", "processor"],
    kind: "number",
    default: "10000",
    about: "after which a publish is given up, and its outcome is unknown",
  },
  FORWARD_TIMEOUT_MS: {
    services: ["gateway"],
    kind: "number",
    default: "15000",
    about: "how long the gateway waits for ingest; more than PUBLISH_TIMEOUT_MS",
  },
  IDEMPOTENCY_WINDOW_MS: {
    services: ["ingest", "processor"],
    kind: "number",
    default: "3600000",
    about: "how long the digest of a body is kept under its Idempotency-Key",
  },
  READY_TIMEOUT_MS: {
    services: ["ingest", "processor"],
    kind: "number",
    default: "30000",
    about: "how long the start waits for the brokers that are required",
  },
  PROCESSOR_CONCURRENCY: { services: ["processor"], kind: "number", default: "8", about: "handlers that run at once" },
  PROCESSOR_MAX_DELIVERIES: {
    services: ["processor"],
    kind: "number",
    default: "5",
    about: "failures after which a message goes to the dead letter topic",
  },
  DRAIN_MS: { services: SERVICES, kind: "number", default: "25000", about: "how long the end may take after SIGTERM" },
  LOG_LEVEL: { services: SERVICES, kind: "text", default: "info", about: "pino's levels, and silent" },
} as const satisfies Readonly<Record<string, Variable>>;

export type VariableName = keyof typeof VARIABLES;

/** What a service reads: its own variables, and the queue's where it has one. */
export function variablesOf(service: ServiceName): readonly string[] {
  const own = Object.entries(VARIABLES).filter(([, { services }]) => (services as readonly string[]).includes(service));
  return [...own.map(([name]) => name), ...(service === "gateway" ? TOPIC_NAMES : QUEUE_ENV_NAMES)];
}

// The gateway has no queue; what it needs is the topic, to name messages as ingest does.
const TOPIC_NAMES = ["QUEUE_TYPE", "QUEUE_TOPIC", "KAFKA_TOPIC"];

/** The topic that `createQueueFromEnv` decides on. */
export function topicOf(env: Env): string {
  const kafka = env.QUEUE_TYPE?.trim().toLowerCase() === "kafka" ? env.KAFKA_TOPIC?.trim() : undefined;
  return env.QUEUE_TOPIC?.trim() || kafka || "messages";
}

/** A variable, trimmed; empty is absent. */
export function textOf(env: Env, name: VariableName): string {
  return env[name]?.trim() || VARIABLES[name].default;
}

/** @throws OmniError INVALID_ARGUMENT naming the variable, its value and what it has to be */
export function numberOf(env: Env, name: VariableName): number {
  const text = textOf(env, name);
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  throw new OmniError("INVALID_ARGUMENT", { reason: `${name} is ${JSON.stringify(text)}, it has to be a whole number, 0 or more` });
}
