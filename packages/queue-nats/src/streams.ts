import { OmniError } from "@omni/core";
import { ApiError } from "./errors.ts";
import type { JetStream, StreamConfig } from "./jetstream.ts";
import type { NatsSettings } from "./options.ts";
import { orAbort } from "./or-abort.ts";
import { covers, subjectOf } from "./subject.ts";

const NANOS = 1_000_000;

/** The stream of a queue: found or made once, and never changed. */
export class StreamKeeper {
  readonly #jetstream: JetStream;
  readonly #settings: NatsSettings;
  #found: Promise<void> | undefined;
  #isKnown = false;

  constructor(jetstream: JetStream, settings: NatsSettings) {
    this.#jetstream = jetstream;
    this.#settings = settings;
  }

  /** Whether the stream was found or made, and nothing has said since that it is gone. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Look again: something said that the stream is not there. */
  doubt(): void {
    this.#isKnown = false;
    this.#found = undefined;
  }

  /**
   * Finds the stream, or makes it. Concurrent calls share one look.
   *
   * @throws OmniError NOT_FOUND when it is missing and is not to be made; INVALID_ARGUMENT when it is another than what was asked for
   */
  async ensure(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isKnown) return;
    // Shared by callers that give up at different times: each waits with its own signal, the look itself has the timeout of its requests.
    this.#found ??= this.#ensure().then(
      () => {
        this.#isKnown = true;
      },
      (error) => {
        this.#found = undefined;
        throw error;
      },
    );
    await orAbort(this.#found, signal);
  }

  async #ensure(): Promise<void> {
    const { stream, createStream, logger } = this.#settings;
    const found = await this.#jetstream.stream(stream, undefined);
    if (found) return this.#check(found.config);
    if (!createStream) {
      const reason = `the stream "${stream}" does not exist: create it, or leave createStream at true`;
      throw new OmniError("NOT_FOUND", { reason });
    }
    try {
      const made = await this.#jetstream.createStream(this.#wanted(), undefined);
      logger.info({ provider: "nats", stream, subjects: made.config.subjects }, "stream created");
    } catch (error) {
      // Another was faster, with other settings.
      if (!(error instanceof ApiError && error.errCode === 10058)) throw error;
      const other = await this.#jetstream.stream(stream, undefined);
      if (!other) throw error;
      this.#check(other.config);
    }
  }

  #wanted(): StreamConfig {
    const { stream, subjects, storage, replicas, maxAgeMs, maxStreamBytes, dedupeWindowMs } = this.#settings;
    return {
      name: stream,
      subjects,
      retention: "limits",
      storage,
      num_replicas: replicas,
      max_age: maxAgeMs * NANOS,
      max_bytes: maxStreamBytes ?? -1,
      // Full means refused, and never that what nobody has read is dropped unseen.
      discard: "new",
      duplicate_window: dedupeWindowMs * NANOS,
    };
  }

  /** Adopts a stream that keeps at least what this queue promises; anything less is said, with both ways out. */
  #check(config: StreamConfig): void {
    const { stream, storage, replicas, dedupeWindowMs, topic, prefix } = this.#settings;
    const differences: string[] = [];
    if (config.retention !== "limits") {
      differences.push(
        `its retention is "${config.retention}", which removes a message before every group has seen it and it can be browsed: it has to be "limits"; use another stream`,
      );
    }
    const subject = topic === undefined ? undefined : subjectOf(prefix, topic);
    if (subject !== undefined && !config.subjects?.some((filter) => covers(filter, subject))) {
      differences.push(
        `its subjects ${JSON.stringify(config.subjects ?? [])} do not cover "${subject}": add it to the stream, or set subjectPrefix so that they do`,
      );
    }
    if (config.storage === "memory" && storage === "file") {
      differences.push('it keeps messages in memory: set storage: "memory", or use another stream');
    }
    if (config.num_replicas < replicas) {
      differences.push(`it has ${config.num_replicas} replicas: set replicas: ${config.num_replicas}, or raise the stream's`);
    }
    if (config.duplicate_window < dedupeWindowMs * NANOS) {
      const window = Math.floor(config.duplicate_window / NANOS);
      differences.push(`its duplicate window is ${window} ms: set dedupeWindowMs: ${window}, or raise the stream's`);
    }
    if (differences.length > 0) {
      const reason = `the stream "${stream}" exists and is not changed, but ${differences.join("; and ")}`;
      throw new OmniError("INVALID_ARGUMENT", { reason });
    }
  }
}
