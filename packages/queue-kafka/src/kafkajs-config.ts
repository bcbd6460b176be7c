import { type Logger, OmniError } from "@omni/core";
import type { ConsumerConfig, KafkaConfig, RetryOptions, SASLOptions } from "kafkajs";
import kafkajs from "kafkajs";
import type { KafkaCompression, KafkaSasl, KafkaSettings } from "./options.ts";
import type { Sockets } from "./sockets.ts";

const { CompressionCodecs, CompressionTypes, logLevel } = kafkajs;

/** How often kafkajs itself tries again before this package does. Everything is given: kafkajs has other defaults under NODE_ENV=test. */
const RETRY: RetryOptions = { initialRetryTime: 100, factor: 0.2, multiplier: 2, maxRetryTime: 1_000, retries: 2 };

/**
 * One try, no second one: whoever tries again has to know what became of each try. kafkajs refuses an idempotent producer with fewer than one retry,
 * and compares with numbers: no number is neither fewer nor enough.
 */
export const PRODUCER_RETRY: RetryOptions = { ...RETRY, retries: Number.NaN };

/** About ten seconds: the restart of a broker. After that the consumer is made anew. */
export const CONSUMER_RETRY: NonNullable<ConsumerConfig["retry"]> = {
  ...RETRY,
  retries: 12,
  // kafkajs restarts some crashes by itself and others not: https://github.com/tulios/kafkajs/issues/1443. Here all are restarted, in one place.
  restartOnFailure: async (): Promise<boolean> => false,
};

export function configOf(settings: KafkaSettings, sockets: Sockets): KafkaConfig {
  const { brokers, clientId, tls, sasl, connectTimeoutMs, requestTimeoutMs, logger } = settings;
  return {
    brokers: [...brokers],
    clientId,
    ...(tls === false ? {} : { ssl: tls }),
    ...(sasl ? { sasl: saslOf(sasl) } : {}),
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: RETRY,
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => log(logger, entry.level, entry.log),
    socketFactory: sockets.factory,
  };
}

// What kafkajs calls an error is mostly something that it, or this package, recovers from: the application gets what it does not.
function log(logger: Logger, level: number, entry: { readonly message: string; readonly timestamp: string }): void {
  const { message, timestamp: _, ...details } = entry;
  if (level <= logLevel.WARN) logger.warn(details, message);
  else logger.debug(details, message);
}

function saslOf(sasl: KafkaSasl): SASLOptions {
  if (sasl.mechanism !== "oauthbearer") return { ...sasl };
  return { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: await sasl.token() }) };
}

const COMPRESSION_TYPES = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

const CODEC_NAMES = { none: "None", gzip: "GZIP", snappy: "Snappy", lz4: "LZ4", zstd: "ZSTD" } as const;

/**
 * The number of a compression in the record format.
 *
 * @throws OmniError NOT_SUPPORTED when kafkajs has no codec for it
 */
export function compressionOf(compression: KafkaCompression): number {
  const type = COMPRESSION_TYPES[compression];
  if (compression === "none") return type;
  try {
    (CompressionCodecs as Record<number, () => unknown>)[type]?.();
    return type;
  } catch (cause) {
    const name = CODEC_NAMES[compression];
    const reason = `compression "${compression}" needs a codec: import one and set CompressionCodecs[CompressionTypes.${name}] of kafkajs to it before this call, or use "gzip"`;
    throw new OmniError("NOT_SUPPORTED", { backend: "kafka", reason, cause });
  }
}
