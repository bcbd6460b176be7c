import { delay, OmniError, wrapError } from "@omni/core";
import type { ClientEvent, ClientOptions, ClientSubscription, NatsClient, NatsMessage } from "./client.ts";
import { classifyError } from "./errors.ts";
import { OpenWarning } from "./open-warning.ts";
import type { NatsSettings } from "./options.ts";
import { orAbort } from "./or-abort.ts";
import { isAtLeast } from "./version.ts";

/** Somebody who waits for an answer of the server. */
export interface ReplyHandler {
  /** Subject that was asked. */
  readonly subject: string;
  onReply(message: NatsMessage): void;
  /** No answer will come: the connection was lost, or the server refused the subject. `refused` = it certainly did nothing. */
  onFailure(error: unknown, refused: boolean): void;
}

const FIRST_DELAY_MS = 100;
const REQUEST_TIMEOUT_MS = 5_000;
/** A server that gives no sign for so long gets no goodbye. */
const DRAIN_MS = 2_000;

/**
 * The connection: made at first use, kept for ever, watched. One subscription takes all answers, so that a request costs no subscription.
 *
 * Nothing is handed to the client while it is disconnected: it would keep it in a buffer that is thrown away at the next attempt to connect.
 */
export class Link {
  readonly #settings: NatsSettings;
  readonly #handlers = new Map<string, ReplyHandler>();
  readonly #refusals = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  readonly #denied = new Set<(subject: string) => void>();
  readonly #refusedListeners = new Set<(subject: string, error: OmniError) => void>();
  #client: NatsClient | undefined;
  #connecting: Promise<NatsClient> | undefined;
  #up = false;
  #closed = false;
  #attempts = 0;
  #tokens = 0;
  #inbox = "";
  #lastError: unknown;
  #activity = 0;
  #holds = 0;
  #warning: OpenWarning | undefined;

  constructor(settings: NatsSettings) {
    this.#settings = settings;
  }

  /** The client, when messages can be handed to it now. */
  get client(): NatsClient | undefined {
    return this.#up ? this.#client : undefined;
  }

  get isOpen(): boolean {
    return this.#client !== undefined;
  }

  /** Something was done that asks for no answer. */
  touch(): void {
    this.#activity += 1;
  }

  /** A subscription needs the connection, until the function that is given is called. */
  hold(): () => void {
    this.#holds += 1;
    return () => {
      this.#holds -= 1;
    };
  }

  /** Calls back whenever the connection is lost or is there again. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The client, connected. A first connection that fails is an error at once, unless `patient`; a lost one is waited for until the signal aborts.
   *
   * @throws OmniError UNAVAILABLE, UNAUTHENTICATED; the signal's reason
   */
  async connected(signal: AbortSignal | undefined, patient: boolean): Promise<NatsClient> {
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      if (this.client) return this.client;
      if (this.#closed) throw closedError();
      if (this.#client) {
        await this.#change(signal);
        continue;
      }
      try {
        return await orAbort(this.#connect(), signal);
      } catch (error) {
        if (signal?.aborted || !patient) throw error;
        this.#settings.logger.warn({ provider: "nats", error: String(error) }, "cannot connect: trying again");
        await delay(this.#delayMs(attempt), this.#settings.clock, signal);
      }
    }
  }

  /** Why nothing can be handed over now. */
  downError(): OmniError {
    const why = this.#lastError instanceof Error ? ` (${this.#lastError.message})` : "";
    const remedy = 'retry, or choose whenDisconnected: "wait"';
    const reason = `the connection to ${this.#settings.where} is lost${why} and is being made again: ${remedy}`;
    return new OmniError("UNAVAILABLE", { reason, outcome: "not-applied" });
  }

  /** Publishes what wants an answer. Throws when it was not handed over. */
  ask(handler: ReplyHandler, body: Uint8Array, headers?: Readonly<Record<string, string>>): string {
    const client = this.client;
    if (!client) throw this.downError();
    this.#tokens += 1;
    this.#activity += 1;
    const token = this.#tokens.toString(36);
    this.#handlers.set(token, handler);
    try {
      client.publish(handler.subject, body, headers, `${this.#inbox}.${token}`);
    } catch (error) {
      this.#handlers.delete(token);
      throw error;
    }
    return token;
  }

  /** Nobody waits for this answer any longer. */
  forget(token: string): void {
    this.#handlers.delete(token);
  }

  /** Asks and waits. @throws what the client throws; OmniError TIMEOUT */
  request(
    subject: string,
    body: Uint8Array,
    signal: AbortSignal | undefined,
    timeoutMs: number = REQUEST_TIMEOUT_MS,
  ): Promise<NatsMessage> {
    const { clock } = this.#settings;
    return new Promise((resolve, reject) => {
      let token: string | undefined;
      const end = (): void => {
        clock.clearTimeout(timer);
        signal?.removeEventListener("abort", stop);
        if (token !== undefined) this.forget(token);
      };
      const fail = (error: unknown): void => {
        end();
        reject(error);
      };
      const stop = (): void => fail(signal?.reason);
      const reason = `no answer on ${subject} within ${timeoutMs} ms`;
      const timer = clock.setTimeout(() => fail(new OmniError("TIMEOUT", { reason })), timeoutMs);
      signal?.addEventListener("abort", stop, { once: true });
      const onReply = (message: NatsMessage): void => {
        end();
        resolve(message);
      };
      try {
        token = this.ask({ subject, onReply, onFailure: fail }, body);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Flushes and disconnects; when the signal aborts or the connection is down, at once. */
  async close(signal: AbortSignal | undefined): Promise<void> {
    this.#closed = true;
    this.#warning?.stop();
    const client = this.#client ?? (await this.#connecting?.catch(() => undefined));
    if (!client) return;
    const soon = AbortSignal.timeout(DRAIN_MS);
    const limit = signal ? AbortSignal.any([signal, soon]) : soon;
    if (this.#up) await orAbort(client.drain(), limit).catch((error) => this.#note("draining", error));
    await orAbort(client.close(), AbortSignal.timeout(DRAIN_MS)).catch((error) => this.#note("closing", error));
    this.#lost(closedError());
    this.#tell();
  }

  #connect(): Promise<NatsClient> {
    this.#connecting ??= this.#dial().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #dial(): Promise<NatsClient> {
    const { settings, options } = this.#dialing();
    let client: NatsClient;
    try {
      client = await settings.connect(options);
    } catch (cause) {
      throw unreachable(cause, settings.where);
    }
    if (this.#closed) {
      await client.close();
      throw closedError();
    }
    if (!isAtLeast(client.server.version, "2.9.0")) {
      await client.close();
      throw tooOld(client.server.version);
    }
    this.#inbox = `${settings.inboxPrefix}.${crypto.randomUUID().replaceAll("-", "")}`;
    this.#client = client;
    this.#subscribeReplies(client);
    this.#up = true;
    const isBusy = (): boolean => this.#holds > 0 || this.#handlers.size > 0;
    this.#warning ??= new OpenWarning(settings.where, () => (isBusy() ? "busy" : this.#activity));
    this.#tell();
    return client;
  }

  #dialing(): { readonly settings: NatsSettings; readonly options: ClientOptions } {
    const settings = this.#settings;
    const { servers, clientName: name, auth, tls, connectTimeoutMs, pingIntervalMs, logger } = settings;
    const reconnectDelayMs = (): number => this.#delayMs(this.#attempts++);
    const onEvent = (event: ClientEvent): void => this.#onEvent(event);
    return { settings, options: { servers, name, auth, tls, connectTimeoutMs, pingIntervalMs, reconnectDelayMs, logger, onEvent } };
  }

  #subscribeReplies(client: NatsClient): ClientSubscription {
    const start = this.#inbox.length + 1;
    return client.subscribe(`${this.#inbox}.*`, (message) => {
      const token = message.subject.slice(start);
      const handler = this.#handlers.get(token);
      if (!handler) return;
      this.#handlers.delete(token);
      this.guard(() => handler.onReply(message));
    });
  }

  /** Runs what reacts to a message: an exception there would end the client's reading, and with it the connection. */
  guard(react: () => void): void {
    try {
      react();
    } catch (error) {
      this.#settings.logger.error({ provider: "nats", error: String(error) }, "handling a message of the server failed");
    }
  }

  #onEvent(event: ClientEvent): void {
    const { logger, where } = this.#settings;
    if (event.type === "reconnected") {
      this.#up = true;
      this.#attempts = 0;
      this.#lastError = undefined;
      logger.info({ provider: "nats", where }, "reconnected");
      this.#tell();
    } else if (event.type === "disconnected" || event.type === "closed") {
      this.#up = false;
      if (event.type === "closed") this.#client = undefined;
      if (!this.#closed) logger.warn({ provider: "nats", where }, event.type === "closed" ? "the client closed" : "disconnected");
      this.#lost(this.downError());
      this.#tell();
    } else if (event.type === "refused") {
      this.#refused(event);
    } else {
      this.#lastError = event.error;
      logger.warn({ provider: "nats", error: String(event.error) }, "the server reports an error");
    }
  }

  /** The server refuses message by message: only when it refused as many as are under way is it sure that each of them was. */
  #refused(event: Extract<ClientEvent, { type: "refused" }>): void {
    const { operation, subject } = event;
    this.#settings.logger.warn({ provider: "nats", operation, subject }, "the server refuses a subject");
    if (operation === "subscription") {
      if (subject.startsWith(`${this.#inbox}.`)) this.#lost(noInbox(subject));
      for (const listener of this.#denied) this.guard(() => listener(subject));
      return;
    }
    const reason = `the user may not publish to "${subject}": allow it in the server's configuration`;
    const error = new OmniError("PERMISSION_DENIED", { reason, outcome: "not-applied" });
    for (const listener of this.#refusedListeners) this.guard(() => listener(subject, error));
    const waiting = [...this.#handlers].filter(([, handler]) => handler.subject === subject);
    const refusals = (this.#refusals.get(subject) ?? 0) + 1;
    this.#refusals.set(subject, refusals);
    if (refusals < waiting.length) return;
    this.#refusals.delete(subject);
    for (const [token, handler] of waiting) {
      this.#handlers.delete(token);
      this.guard(() => handler.onFailure(error, true));
    }
  }

  /** Calls back when the server refuses a publish. */
  onRefused(listener: (subject: string, error: OmniError) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  /** Calls back when the server refuses a subscription. */
  onDenied(listener: (subject: string) => void): () => void {
    this.#denied.add(listener);
    return () => this.#denied.delete(listener);
  }

  #lost(error: unknown): void {
    const handlers = [...this.#handlers.values()];
    this.#handlers.clear();
    this.#refusals.clear();
    for (const handler of handlers) this.guard(() => handler.onFailure(error, false));
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) this.guard(listener);
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        remove();
        reject(signal?.reason);
      };
      const remove = this.onChange(() => {
        remove();
        signal?.removeEventListener("abort", stop);
        resolve();
      });
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  #delayMs(attempt: number): number {
    const most = Math.min(this.#settings.maxReconnectDelayMs, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
    // Half of it at random: clients that lost one server do not come back together.
    return most / 2 + (Math.random() * most) / 2;
  }

  #note(what: string, error: unknown): void {
    this.#settings.logger.warn({ provider: "nats", error: String(error) }, `${what} failed`);
  }
}

function unreachable(cause: unknown, where: string): OmniError {
  const { code, reason, retryable, message } = wrapError(cause, {}, classifyError);
  return new OmniError(code, { reason: `${reason ?? message} (${where})`, retryable, outcome: "not-applied", cause });
}

function noInbox(subject: string): OmniError {
  const reason = `the user may not subscribe to "${subject}", where answers come to: allow it, or choose an inboxPrefix that is allowed`;
  return new OmniError("PERMISSION_DENIED", { reason });
}

function tooOld(version: string): OmniError {
  const reason = `the server has version ${version}: this package needs nats-server 2.9 or later`;
  return new OmniError("NOT_SUPPORTED", { reason, outcome: "not-applied" });
}

function closedError(): OmniError {
  return new OmniError("BACKEND_CLOSED", { reason: "the queue is closed", outcome: "not-applied" });
}
