import type { Logger } from "@omni/core";

/**
 * What this package asks of a client library of NATS: the core protocol and nothing of JetStream, so that another client can serve. JetStream is
 * spoken over it by subjects, as https://docs.nats.io/reference/reference-protocols/nats_api_reference has it.
 */
export interface NatsClient {
  /** What the server said of itself; the latest after a reconnection. */
  readonly server: ServerFacts;
  /** Queues a message to be written; throws when it cannot be. */
  publish(subject: string, body: Uint8Array, headers?: Readonly<Record<string, string>>, reply?: string): void;
  /** `onMessage` must not throw. Subscriptions survive reconnections. */
  subscribe(subject: string, onMessage: (message: NatsMessage) => void, queue?: string): ClientSubscription;
  /** Resolves when the server has processed everything that was published before; rejects when the connection is lost. */
  flush(): Promise<void>;
  /** Flushes and disconnects for good. */
  drain(): Promise<void>;
  /** Disconnects for good, at once. */
  close(): Promise<void>;
}

/** A message as it came. */
export interface NatsMessage {
  readonly subject: string;
  /** Empty where there is none. */
  readonly reply: string;
  readonly body: Uint8Array;
  /** Made when asked for. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a message of the server itself (503: nobody answers); 0 for any other. */
  readonly status: number;
  readonly description: string;
}

/** A subscription of the client below. */
export interface ClientSubscription {
  /** Ends it; what was sent and not yet taken is dropped. */
  unsubscribe(): void;
  /** Takes what the server had sent before it knew of the end, then ends. */
  drain(): Promise<void>;
}

/** What a NATS server says of itself when a connection begins. */
export interface ServerFacts {
  /** `2.10.4` */
  readonly version: string;
  /** Most bytes of headers and body of one message. */
  readonly maxPayload: number;
  readonly headers: boolean;
  readonly jetstream: boolean;
}

/** What happens to a connection. */
export type ClientEvent =
  | { readonly type: "disconnected" }
  | { readonly type: "reconnected" }
  /** For good: the client does not try any longer. */
  | { readonly type: "closed"; readonly error?: unknown }
  /** The server refused a publish or a subscription on a subject; one event for each. */
  | { readonly type: "refused"; readonly operation: "publish" | "subscription"; readonly subject: string; readonly error: unknown }
  | { readonly type: "error"; readonly error: unknown };

/** How to connect. Secrets are handed on and never kept elsewhere. */
export interface ClientOptions {
  readonly servers: readonly string[];
  readonly name: string;
  readonly auth: NatsAuth | undefined;
  readonly tls: NatsTls | undefined;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** How long to wait before the next attempt to reconnect, in milliseconds. */
  reconnectDelayMs(): number;
  readonly logger: Logger;
  /** Told of what befalls the connection. */
  onEvent(event: ClientEvent): void;
}

/** Connects once; rejects when that fails. From then on the client reconnects by itself, for ever. */
export type ConnectClient = (options: ClientOptions) => Promise<NatsClient>;

/** One way to say who one is. */
export type NatsAuth =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }
  /** Seed of an nkey: `SU...` */
  | { readonly nkeySeed: string }
  /** Text of a `.creds` file. */
  | { readonly creds: string }
  /** Path of a `.creds` file, read at each connection. */
  | { readonly credsFile: string };

/** TLS as Node takes it; the server decides whether it is used. */
export interface NatsTls {
  /** Certificates of the authorities to trust, PEM. @default Node's */
  readonly ca?: string | undefined;
  readonly caFile?: string | undefined;
  /** Certificate and key of this client, PEM. */
  readonly cert?: string | undefined;
  readonly certFile?: string | undefined;
  readonly key?: string | undefined;
  readonly keyFile?: string | undefined;
  /** TLS before the server's first word, for servers with `handshake_first`. @default false */
  readonly handshakeFirst?: boolean | undefined;
}
