import { type Clock, delay } from "@omni/core";
import type { ClientAdmin, KafkaClient } from "./client.ts";
import { isFatal } from "./errors.ts";
import type { KafkaSettings } from "./options.ts";
import { within } from "./sockets.ts";

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 1_000;

/**
 * Whether a call that failed is worth another try: not where somebody has to change something, and not before any broker ever answered, when the
 * address is more likely wrong than the broker down.
 */
export function isWorthRetrying(client: KafkaClient, error: unknown): boolean {
  return client.answered && !isFatal(error);
}

/** Waits before the next try: 100 ms, then longer up to a second. Rejects with the signal's reason. */
export function waitBeforeRetry(attempt: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return delay(Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 8)), clock, signal);
}

/** The one connection for questions: made at the first one, and made anew after it failed. */
export class AdminConnection {
  readonly #client: KafkaClient;
  readonly #settings: KafkaSettings;
  readonly #late: (error: unknown) => void;
  #current: Promise<ClientAdmin> | undefined;

  /** @param late told of errors of connections that nobody waits for any more */
  constructor(client: KafkaClient, settings: KafkaSettings, late: (error: unknown) => void) {
    this.#client = client;
    this.#settings = settings;
    this.#late = late;
  }

  /** Asks once; where the connection turned out to be dead, a second time over another one. */
  async ask<T>(question: (admin: ClientAdmin) => Promise<T>): Promise<T> {
    const reused = this.#current !== undefined;
    try {
      return await this.#once(question);
    } catch (error) {
      if (!reused || isFatal(error)) throw error;
      return await this.#once(question);
    }
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    const admin = await current?.catch(() => undefined);
    await admin?.disconnect();
  }

  async #once<T>(question: (admin: ClientAdmin) => Promise<T>): Promise<T> {
    const connecting = this.#connected();
    try {
      const { requestTimeoutMs, clock } = this.#settings;
      return await within(2 * requestTimeoutMs, clock, "a question to the broker", connecting.then(question));
    } catch (error) {
      if (!isFatal(error)) this.#drop(connecting);
      throw error;
    }
  }

  #connected(): Promise<ClientAdmin> {
    if (this.#current) return this.#current;
    const connecting = this.#connect();
    this.#current = connecting;
    connecting.catch(() => {
      if (this.#current === connecting) this.#current = undefined;
    });
    return connecting;
  }

  async #connect(): Promise<ClientAdmin> {
    const admin = this.#client.admin();
    const { connectTimeoutMs, requestTimeoutMs, clock } = this.#settings;
    try {
      await within(connectTimeoutMs + requestTimeoutMs, clock, "connecting", admin.connect());
    } catch (error) {
      admin.disconnect().catch(this.#late);
      throw error;
    }
    return admin;
  }

  #drop(connecting: Promise<ClientAdmin>): void {
    if (this.#current === connecting) this.#current = undefined;
    connecting.then((admin) => admin.disconnect()).catch(this.#late);
  }
}
