import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";

/** What subscribers of the tracing channel `omni:storage` see of every operation. */
export interface StorageOperation {
  /** Scheme of the backend. */
  readonly backend: string;
  readonly operation: string;
  readonly path?: string | undefined;
  /** Bytes of the object, where the operation's result says so. */
  bytes?: number | undefined;
  /** Milliseconds that the operation took, set at its end. */
  durationMs?: number | undefined;
  /** The operation's error, set at its end. */
  error?: unknown;
}

/** Start, end and error of every storage operation, by `node:diagnostics_channel`. Costs nothing while nobody subscribes. */
export const storageChannel: TracingChannel<unknown, StorageOperation> = tracingChannel<unknown, StorageOperation>("omni:storage");

/** Runs an operation under the tracing channel. */
export function traced<T>(operation: StorageOperation, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const end = (): void => {
    operation.durationMs = performance.now() - start;
  };
  return storageChannel.tracePromise(
    () =>
      work().then(
        (result) => {
          operation.bytes = sizeOf(result);
          end();
          return result;
        },
        (error) => {
          end();
          throw error;
        },
      ),
    operation,
  ) as Promise<T>;
}

/** A listing under the tracing channel: from its first item asked for to its end, however it ends. */
export async function* tracedList<T>(operation: StorageOperation, items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const start = performance.now();
  storageChannel.start.publish(operation);
  try {
    yield* items;
  } catch (error) {
    operation.error = error;
    storageChannel.error.publish(operation);
    throw error;
  } finally {
    operation.durationMs = performance.now() - start;
    storageChannel.asyncEnd.publish(operation);
  }
}

/** The size of the object that an operation gave: an info, or a reader's. */
function sizeOf(result: unknown): number | undefined {
  const { size, info } = (result ?? {}) as { size?: unknown; info?: { size?: unknown } };
  const bytes = size ?? info?.size;
  return typeof bytes === "number" ? bytes : undefined;
}
