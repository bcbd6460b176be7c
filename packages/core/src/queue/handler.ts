import type { DedupeHandle } from "./dedupe.ts";
import type { Handler } from "./provider.ts";

/** What a handler gets beside the message. */
export interface HandlerContext {
  readonly topic: string;
  readonly group: string;
  /** 1 the first time. */
  readonly attempt: number;
  /** Aborts when the message went to another consumer, the handler's time is over, or the drain time of `close` is. */
  readonly signal: AbortSignal;
  /** Begins the acknowledgement deadline anew; `consume` does it by itself while the handler runs. */
  extend(): Promise<void>;
  /** With `dedupe`: marks the message done within a transaction of the application. */
  readonly dedupe: DedupeHandle | undefined;
}

/** A function around a handler. */
export type Middleware = (next: Handler) => Handler;
