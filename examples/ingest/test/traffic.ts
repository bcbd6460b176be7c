// Clients that post messages over HTTP until they are stopped, and what each was answered.
import { newId } from "@omni/core/queue";
import type { ShownOutcome } from "../src/problems.ts";

/** How a message was answered. */
export interface Answered {
  readonly status: number;
  readonly messageId: string;
  readonly detail: string | undefined;
  readonly outcomes: readonly ShownOutcome[];
}

export class Traffic {
  readonly answers: Answered[] = [];
  readonly #url: URL;
  readonly #clients: Promise<unknown>;
  readonly #listeners = new Set<() => void>();
  #isOver = false;
  #failed: unknown;

  /** @param gateway the url of the gateway */
  constructor(gateway: string, clients = 4) {
    this.#url = new URL("/api/v1/ingest", gateway);
    this.#clients = Promise.all(Array.from({ length: clients }, () => this.#client())).catch((error: unknown) => {
      this.#failed = error;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Resolves with the next answer, from now on, that is as wanted. */
  next(isWanted: (answer: Answered) => boolean): Promise<Answered> {
    let seen = this.answers.length;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#failed) reject(this.#failed);
        const found = this.answers.slice(seen).find(isWanted);
        seen = this.answers.length;
        if (!found) return;
        this.#listeners.delete(look);
        resolve(found);
      };
      this.#listeners.add(look);
    });
  }

  /** So many answers from now on that are as wanted. */
  async several(count: number, isWanted: (answer: Answered) => boolean): Promise<void> {
    for (let n = 0; n < count; n++) await this.next(isWanted);
  }

  /** Ends; resolves when every request is answered. @throws what a client could not make sense of */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#clients;
    if (this.#failed) throw this.#failed;
  }

  async #client(): Promise<void> {
    while (!this.#isOver) {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": newId() },
        body: JSON.stringify({ source: "traffic", data: "x".repeat(64) }),
      });
      const body = (await response.json()) as Partial<Answered>;
      const { messageId, detail, outcomes = [] } = body;
      if (!messageId) throw new Error(`an answer without an id: ${response.status} ${JSON.stringify(body)}`);
      this.answers.push({ status: response.status, messageId, detail, outcomes });
      for (const listener of this.#listeners) listener();
    }
  }
}
