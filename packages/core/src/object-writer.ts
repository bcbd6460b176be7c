import type { ObjectWriter } from "./backend.ts";
import { concat, toBytes } from "./body.ts";
import type { DriverBody, DriverWriter } from "./driver.ts";
import { OmniError } from "./error.ts";
import type { ObjectInfo } from "./object-info.ts";
import { PushBody } from "./push-body.ts";
import { type SourceChecks, SourceTally } from "./source.ts";

/** Objects up to this size reach the driver in one piece: no stream is set up for them. */
const SMALL_BYTES = 64 * 1024;

/** Writes through a driver's `write`. */
export class FedWriter implements ObjectWriter {
  readonly path: string;
  readonly #publish: (body: DriverBody) => Promise<ObjectInfo>;
  readonly #signal: AbortSignal | undefined;
  #small: Uint8Array[] = [];
  #smallBytes = 0;
  #body: PushBody | undefined;
  #result: Promise<ObjectInfo> | undefined;
  #closed: "no" | "closed" | "aborted" = "no";

  /**
   * @param path of the object
   * @param publish starts the write with a body
   * @param signal of the caller: before the write has started nobody else looks at it
   */
  constructor(path: string, publish: (body: DriverBody) => Promise<ObjectInfo>, signal: AbortSignal | undefined) {
    this.path = path;
    this.#publish = publish;
    this.#signal = signal;
  }

  async write(chunk: Uint8Array | string): Promise<void> {
    if (this.#closed !== "no") throw writerClosed(this.path, "write", this.#closed);
    this.#signal?.throwIfAborted();
    const bytes = toBytes(chunk);
    if (this.#body) return this.#body.push(bytes);
    this.#small.push(bytes);
    this.#smallBytes += bytes.byteLength;
    if (this.#smallBytes > SMALL_BYTES || this.#small.length === 1024) return this.#startStream();
  }

  async close(): Promise<ObjectInfo> {
    if (this.#closed === "aborted") throw writerClosed(this.path, "close", "aborted");
    if (this.#closed === "no") {
      this.#closed = "closed";
      if (this.#body) this.#body.end();
      else this.#start(concat(this.#small.length === 0 ? [new Uint8Array(0)] : this.#small));
    }
    return this.#result as Promise<ObjectInfo>;
  }

  async abort(reason: unknown = writerClosed(this.path, "write", "aborted")): Promise<void> {
    if (this.#closed !== "no") return;
    this.#closed = "aborted";
    this.#small = [];
    if (!this.#body) return;
    this.#body.fail(reason);
    // The write underneath fails with `reason`: that is what was asked for.
    await this.#result?.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  #startStream(): Promise<void> {
    const body = new PushBody();
    this.#body = body;
    let room = Promise.resolve();
    for (const chunk of this.#small) room = body.push(chunk);
    this.#small = [];
    this.#start(body);
    return room;
  }

  #start(body: DriverBody): void {
    this.#result = this.#publish(body);
    this.#result.catch((error) => this.#body?.fail(error));
  }
}

/** Writes through a driver's own writer, which takes pushes. */
export class DirectWriter implements ObjectWriter {
  readonly path: string;
  readonly #writer: DriverWriter;
  readonly #wrap: (error: unknown) => unknown;
  #result: Promise<ObjectInfo> | undefined;
  #aborted = false;
  #answer: Promise<void> | undefined;
  #taken: Promise<void> | undefined;

  constructor(path: string, writer: DriverWriter, wrap: (error: unknown) => unknown) {
    this.path = path;
    this.#writer = writer;
    this.#wrap = wrap;
  }

  write(chunk: Uint8Array | string): Promise<void> {
    if (this.#result || this.#aborted)
      return Promise.reject(writerClosed(this.path, "write", this.#aborted ? "aborted" : "closed"));
    try {
      const answer = this.#writer.write(toBytes(chunk));
      // A driver that takes a chunk at once may answer with one promise for all: then one wrapped promise does for all, too.
      if (answer === this.#answer && this.#taken) return this.#taken;
      this.#answer = answer;
      this.#taken = answer.catch(this.#throwWrapped);
      return this.#taken;
    } catch (error) {
      return Promise.reject(this.#wrap(error));
    }
  }

  async close(): Promise<ObjectInfo> {
    if (this.#aborted) throw writerClosed(this.path, "close", "aborted");
    this.#result ??= this.#writer.close().catch(this.#throwWrapped);
    return this.#result;
  }

  async abort(reason: unknown = writerClosed(this.path, "write", "aborted")): Promise<void> {
    if (this.#aborted || this.#result) return;
    this.#aborted = true;
    await this.#writer.abort(reason).catch(this.#throwWrapped);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  readonly #throwWrapped = (error: unknown): never => {
    throw this.#wrap(error);
  };
}

/**
 * A driver's writer that is watched as a body would be: counted, and compared with `sizeBytes` and `checksum` before it closes. What fails the
 * comparison is aborted.
 */
export function checkedWriter(writer: DriverWriter, checks: SourceChecks): DriverWriter {
  const tally = new SourceTally(checks);
  const orAbort = async <T>(work: () => T): Promise<T> => {
    try {
      return work();
    } catch (error) {
      await writer.abort(error);
      throw error;
    }
  };
  return {
    write: async (chunk) => {
      await orAbort(() => tally.add(chunk));
      return writer.write(chunk);
    },
    close: async () => {
      await orAbort(() => tally.end());
      return writer.close();
    },
    abort: (reason) => writer.abort(reason),
  };
}

function writerClosed(path: string, operation: string, how: "closed" | "aborted"): OmniError {
  const reason =
    how === "closed" ? "the writer is closed; open another to write again" : "the writer was aborted; nothing was written";
  return new OmniError("WRITER_CLOSED", { operation, path, reason, outcome: "not-applied" });
}
