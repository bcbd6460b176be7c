import { readFileSync } from "node:fs";
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type MsgHdrs,
  type NatsConnection,
  type NatsError,
  nkeyAuthenticator,
  type Subscription,
} from "nats";
import type {
  ClientEvent,
  ClientOptions,
  ClientSubscription,
  ConnectClient,
  NatsAuth,
  NatsClient,
  NatsMessage,
  ServerFacts,
} from "./client.ts";
import { decodeHeaders, encodeHeaders } from "./header-block.ts";

/** The client over the npm package `nats` (2.29). */
export const connectNats: ConnectClient = async (options) => {
  const connection = await connect(connectionOptions(options));
  void watch(connection, options);
  void watchEnd(connection, options);
  return new NatsPackageClient(connection);
};

function connectionOptions(options: ClientOptions): ConnectionOptions {
  const { auth, tls } = options;
  return {
    servers: [...options.servers],
    name: options.name,
    ...(auth && authOptions(auth)),
    ...(tls && { tls: withoutUndefined(tls) }),
    timeout: options.connectTimeoutMs,
    pingInterval: options.pingIntervalMs,
    maxPingOut: 2,
    // Its default gives up after ten attempts, and after the second refusal: a server that is being reconfigured refuses for a while.
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => options.reconnectDelayMs(),
    // An error object with a stack for each request, to be shown when it fails: ours say more and cost nothing.
    noAsyncTraces: true,
  };
}

function authOptions(auth: NatsAuth): Partial<ConnectionOptions> {
  if ("user" in auth) return { user: auth.user, pass: auth.password };
  if ("token" in auth) return { token: auth.token };
  return { authenticator: authenticatorOf(auth) };
}

function authenticatorOf(auth: Extract<NatsAuth, { nkeySeed: string } | { creds: string } | { credsFile: string }>): Authenticator {
  const encoder = new TextEncoder();
  if ("nkeySeed" in auth) return nkeyAuthenticator(encoder.encode(auth.nkeySeed));
  if ("creds" in auth) return credsAuthenticator(encoder.encode(auth.creds));
  // Read anew each time, so that a renewed file is taken.
  return (nonce) => credsAuthenticator(readFileSync(auth.credsFile))(nonce);
}

function withoutUndefined<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never;
}

async function watch(connection: NatsConnection, { onEvent, logger }: ClientOptions): Promise<void> {
  for await (const { type, data, permissionContext } of connection.status()) {
    logger.debug({ provider: "nats", type }, "connection status");
    if (type === "disconnect") onEvent({ type: "disconnected" });
    else if (type === "reconnect") onEvent({ type: "reconnected" });
    else if (type === "error") onEvent(errorEvent(String(data), permissionContext));
  }
}

// The iterator of states does not end with the connection.
async function watchEnd(connection: NatsConnection, { onEvent }: ClientOptions): Promise<void> {
  const error = await connection.closed();
  onEvent({ type: "closed", error: error ?? undefined });
}

function errorEvent(code: string, refused: { operation: string; subject: string } | undefined): ClientEvent {
  const error = Object.assign(new Error(`the server says: ${code}`), { name: "NatsError", code });
  if (!refused) return { type: "error", error };
  const operation = refused.operation === "subscription" ? "subscription" : "publish";
  return { type: "refused", operation, subject: refused.subject, error };
}

class NatsPackageClient implements NatsClient {
  readonly #connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  get server(): ServerFacts {
    const info = this.#connection.info;
    return {
      version: info?.version ?? "0.0.0",
      maxPayload: info?.max_payload ?? 0,
      headers: info?.headers === true,
      jetstream: info?.jetstream === true,
    };
  }

  publish(subject: string, body: Uint8Array, headers?: Readonly<Record<string, string>>, reply?: string): void {
    // Of the headers the client calls `encode` alone; its own class checks each character of each name once more.
    const block = headers && ({ encode: () => encodeHeaders(headers) } as unknown as MsgHdrs);
    this.#connection.publish(subject, body, { ...(block && { headers: block }), ...(reply !== undefined && { reply }) });
  }

  subscribe(subject: string, onMessage: (message: NatsMessage) => void, queue?: string): ClientSubscription {
    const callback = (error: NatsError | null, message: ConstructorParameters<typeof PackageMessage>[0]): void => {
      if (!error) onMessage(new PackageMessage(message));
    };
    const subscription: Subscription = this.#connection.subscribe(subject, { callback, ...(queue !== undefined && { queue }) });
    return {
      unsubscribe: () => subscription.unsubscribe(),
      drain: () => subscription.drain(),
    };
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  drain(): Promise<void> {
    return this.#connection.drain();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});

/** What the package gives; the bytes of the headers are its own affair and may be absent. */
interface Given {
  readonly subject: string;
  readonly reply?: string;
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs;
  readonly _msg?: { readonly hdr?: number };
  readonly _rdata?: Uint8Array;
}

/** A message of the package, in our words. */
class PackageMessage implements NatsMessage {
  readonly #message: Given;
  readonly body: Uint8Array;

  constructor(message: Given) {
    this.#message = message;
    this.body = message.data;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get reply(): string {
    return this.#message.reply ?? "";
  }

  get headers(): Readonly<Record<string, string>> {
    const { _msg, _rdata } = this.#message;
    const length = _msg?.hdr;
    // Its own decoding checks each character of each name and makes a list of each value: several times the cost of the bytes.
    if (length !== undefined && _rdata !== undefined) return length > 0 ? decodeHeaders(_rdata.subarray(0, length)) : NONE;
    const record: Record<string, string> = {};
    for (const [name, values] of this.#message.headers ?? []) record[name] = values[0] ?? "";
    return record;
  }

  get status(): number {
    // A server's own word has no body; to ask for headers is to decode them.
    return this.body.length > 0 ? 0 : (this.#message.headers?.code ?? 0);
  }

  get description(): string {
    return this.#message.headers?.description ?? "";
  }
}
