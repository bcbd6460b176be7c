import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** One request to the store, with its retries. */
export interface WireRequest {
  /** Name of the method in the JSON API, for errors. */
  readonly operation: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the endpoint, encoded. */
  readonly path: string;
  /** What has no value is left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: readonly Uint8Array[] | undefined;
  /** `reads`: changes nothing. `repeatable`: twice is as good as once. `single`: not sent again once it may have taken effect. */
  readonly effect: "reads" | "repeatable" | "single";
  /** Statuses that are no error, beside the 200s. */
  readonly accepts?: readonly number[] | undefined;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** An answer whose body was not read yet. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/**
 * Speaks to the store. It owes the driver: rejects soon after `signal` aborts and sends nothing afterwards; an error is annotated with the facts of its
 * request; connections and tokens are used again.
 */
export interface Wire {
  send(request: WireRequest, signal: AbortSignal | undefined): Promise<Answer>;
  /** The same for an answer with a large body. */
  open(request: WireRequest, signal: AbortSignal | undefined): Promise<OpenAnswer>;
  close(): void;
}
