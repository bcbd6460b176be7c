import { OmniError } from "@omni/core";
import { ApiError } from "./errors.ts";
import type { Link } from "./link.ts";

const NO_BODY = new Uint8Array(0);
const decoder = new TextDecoder();

/** Settings of a stream, as far as we read or write them. Durations are nanoseconds. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly retention: "limits" | "interest" | "workqueue";
  readonly storage: "file" | "memory";
  readonly num_replicas: number;
  readonly max_age: number;
  readonly max_bytes: number;
  readonly discard: "old" | "new";
  readonly duplicate_window: number;
  readonly mirror?: unknown;
}

export interface StreamInfo {
  readonly config: StreamConfig;
  readonly state: {
    readonly messages: number;
    readonly first_seq: number;
    readonly last_seq: number;
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

/** Settings of a consumer, as far as we read or write them. Durations are nanoseconds. */
export interface ConsumerConfig {
  readonly durable_name?: string;
  readonly name?: string;
  readonly deliver_policy: "all" | "new" | "by_start_time" | "by_start_sequence";
  readonly opt_start_time?: string;
  readonly opt_start_seq?: number;
  readonly ack_policy: "explicit" | "none" | "all";
  readonly ack_wait?: number;
  readonly filter_subject?: string;
  readonly max_deliver?: number;
  readonly max_ack_pending?: number;
  readonly inactive_threshold?: number;
  readonly num_replicas?: number;
  readonly mem_storage?: boolean;
  readonly deliver_subject?: string;
}

export interface ConsumerInfo {
  readonly name: string;
  readonly config: ConsumerConfig;
  readonly ack_floor: { readonly stream_seq: number };
  readonly num_pending: number;
  readonly num_ack_pending: number;
}

/** The API of JetStream, request by request. */
export class JetStream {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  /** `undefined` when there is none. */
  stream(name: string, signal: AbortSignal | undefined, filter?: string): Promise<StreamInfo | undefined> {
    return orMissing(
      this.#call<StreamInfo>(`STREAM.INFO.${name}`, filter === undefined ? undefined : { subjects_filter: filter }, signal),
      10059,
    );
  }

  createStream(config: StreamConfig, signal: AbortSignal | undefined): Promise<StreamInfo> {
    return this.#call(`STREAM.CREATE.${config.name}`, config, signal);
  }

  /** `undefined` when there is none. */
  consumer(stream: string, name: string, signal: AbortSignal | undefined): Promise<ConsumerInfo | undefined> {
    return orMissing(this.#call<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`, undefined, signal), 10014);
  }

  createConsumer(stream: string, name: string, config: ConsumerConfig, signal: AbortSignal | undefined): Promise<ConsumerInfo> {
    return this.#call(
      `CONSUMER.CREATE.${stream}.${name}`,
      { stream_name: stream, config: { ...config, name }, action: "create" },
      signal,
    );
  }

  async deleteConsumer(stream: string, name: string, signal: AbortSignal | undefined): Promise<void> {
    await orMissing(this.#call(`CONSUMER.DELETE.${stream}.${name}`, undefined, signal), 10014);
  }

  async #call<T>(path: string, body: unknown, signal: AbortSignal | undefined): Promise<T> {
    const subject = `$JS.API.${path}`;
    const payload = body === undefined ? NO_BODY : Buffer.from(JSON.stringify(body));
    const message = await this.#link.request(subject, payload, signal);
    if (message.status === 503) throw this.#nobody();
    const answer = JSON.parse(decoder.decode(message.body)) as { readonly error?: ConstructorParameters<typeof ApiError>[0] };
    if (answer.error) throw new ApiError(answer.error);
    return answer as T;
  }

  #nobody(): OmniError {
    if (this.#link.client?.server.jetstream === false) return jetStreamOff();
    const reason = "JetStream does not answer: it starts, elects a leader, or is off for this account";
    return new OmniError("UNAVAILABLE", { reason });
  }
}

function jetStreamOff(): OmniError {
  const error = new ApiError({ code: 503, err_code: 10076, description: "JetStream not enabled" });
  const reason =
    'JetStream is off on this server: start it with "jetstream" in its configuration (or nats-server -js), or use mode: "core", which keeps nothing';
  return new OmniError("NOT_SUPPORTED", { reason, cause: error });
}

async function orMissing<T>(answer: Promise<T>, errCode: number): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.errCode === errCode) return undefined;
    throw error;
  }
}
