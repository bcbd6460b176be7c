// The options of the services from the environment.
import type { AllOptions } from "./all.ts";
import { type Env, numberOf, textOf, topicOf } from "./environment.ts";
import type { GatewayOptions } from "./gateway.ts";
import type { QueueServiceOptions } from "./message-queue.ts";
import type { ProcessorOptions } from "./processor.ts";
import { createLogger, type ServiceOptions } from "./service.ts";

/** @throws OmniError INVALID_ARGUMENT naming the variable */
export function gatewaySettings(env: Env): GatewayOptions {
  return {
    ...shared(env),
    port: numberOf(env, "GATEWAY_PORT"),
    ingestUrl: textOf(env, "INGEST_URL"),
    processorUrl: textOf(env, "PROCESSOR_URL"),
    topic: topicOf(env),
    forwardTimeoutMs: numberOf(env, "FORWARD_TIMEOUT_MS"),
  };
}

/** @throws OmniError INVALID_ARGUMENT naming the variable */
export function ingestSettings(env: Env): QueueServiceOptions {
  return {
    ...shared(env),
    env,
    port: numberOf(env, "INGEST_PORT"),
    readyTimeoutMs: numberOf(env, "READY_TIMEOUT_MS"),
    publishTimeoutMs: numberOf(env, "PUBLISH_TIMEOUT_MS"),
    idempotencyWindowMs: numberOf(env, "IDEMPOTENCY_WINDOW_MS"),
  };
}

/** @throws OmniError INVALID_ARGUMENT naming the variable */
export function processorSettings(env: Env): ProcessorOptions {
  return {
    ...ingestSettings(env),
    port: numberOf(env, "PROCESSOR_PORT"),
    concurrency: numberOf(env, "PROCESSOR_CONCURRENCY"),
    maxDeliveries: numberOf(env, "PROCESSOR_MAX_DELIVERIES"),
  };
}

/** @throws OmniError INVALID_ARGUMENT naming the variable */
export function allSettings(env: Env): AllOptions {
  const { port: processor = 0, ...options } = processorSettings(env);
  const { port: gateway = 0, forwardTimeoutMs } = gatewaySettings(env);
  const { port: ingest = 0 } = ingestSettings(env);
  return { ...options, ports: { gateway, ingest, processor }, gateway: { forwardTimeoutMs } };
}

function shared(env: Env): ServiceOptions {
  return {
    host: textOf(env, "HOST"),
    bodyLimitBytes: numberOf(env, "BODY_LIMIT_BYTES"),
    drainMs: numberOf(env, "DRAIN_MS"),
    logger: createLogger(textOf(env, "LOG_LEVEL")),
  };
}
