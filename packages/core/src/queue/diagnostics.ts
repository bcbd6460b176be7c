import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";

/** What subscribers of the tracing channel `omni:queue` see of every publish, and of every handler's run. */
export interface QueueOperation {
  /** Name of the driver. */
  readonly provider: string;
  readonly operation: "publish" | "consume";
  /** Topic; absent for a list of messages of several. */
  readonly topic: string | undefined;
  /** Group of the consumer. */
  readonly group?: string | undefined;
  /** The message's id; absent for a list, and for a message that has none yet. */
  readonly id?: string | undefined;
  /** Messages of the call. */
  readonly count: number;
  /** Which attempt the handler's run is. */
  readonly attempt?: number | undefined;
  /** Metadata of the message that is handled: `traceparent` among them. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds that it took, set at its end. */
  durationMs?: number | undefined;
  /** Its error, set at its end. */
  error?: unknown;
}

/** Start, end and error of every publish and every handler's run, by `node:diagnostics_channel`. Costs nothing while nobody subscribes. */
export const queueChannel: TracingChannel<unknown, QueueOperation> = tracingChannel<unknown, QueueOperation>("omni:queue");

/** Runs an operation under the tracing channel. */
export function tracedQueue<T>(operation: QueueOperation, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const timed = async (): Promise<T> => {
    try {
      return await work();
    } finally {
      operation.durationMs = performance.now() - start;
    }
  };
  return queueChannel.tracePromise(timed, operation) as Promise<T>;
}
