import type { CallOptions, ReadOptions } from "./backend.ts";
import { checkCallOptions, TAKES } from "./call-options.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Deadline } from "./deadline.ts";
import { storageChannel, traced } from "./diagnostics.ts";
import type { StorageDriver } from "./driver.ts";
import { doubtWhereTimedOut, OmniError, wrapError } from "./error.ts";
import type { Features } from "./features.ts";

/** How a backend is made from a driver. */
export interface BackendSettings {
  /** Time for deadlines and idle timers. @default the machine's clock */
  readonly clock?: Clock | undefined;
  /** Opens the reserved prefix `.omni/` to its holder: for Omni's own records. @default false */
  readonly reserved?: boolean | undefined;
  /** Time limit of calls that give none, in milliseconds. @default none */
  readonly timeoutMs?: number | undefined;
  /** Idle limit of bodies whose read gives none, in milliseconds. @default none */
  readonly idleTimeoutMs?: number | undefined;
}

/** What the parts of the portable handle share. */
export interface Core {
  readonly driver: StorageDriver;
  readonly features: Features;
  readonly run: Runner;
  readonly reserved: boolean;
  readonly maxPathBytes: number;
  /** Checks the path and the options of a call. */
  readonly check: (path: unknown, options: unknown, takes: ReadonlySet<string>) => void;
}

/** Operations after which nothing is in doubt. */
const CHANGE_NOTHING: ReadonlySet<string> = new Set(["read", "exists", "stat", "list", "signUrl", "close"]);

/** Runs calls: closed state, checks, deadline, tracing, and the context of errors. */
export class Runner {
  readonly clock: Clock;
  readonly #driver: StorageDriver;
  readonly #limits: Pick<BackendSettings, "timeoutMs" | "idleTimeoutMs">;
  #closed: Promise<void> | undefined;

  constructor(driver: StorageDriver, { clock = systemClock, timeoutMs, idleTimeoutMs }: BackendSettings) {
    checkCallOptions({ timeoutMs, idleTimeoutMs }, TAKES.read);
    this.#driver = driver;
    this.clock = clock;
    this.#limits = { timeoutMs, idleTimeoutMs };
  }

  /** A call's time limits: its own, else the backend's. */
  limits(options: ReadOptions | undefined): BackendSettings {
    return {
      timeoutMs: options?.timeoutMs ?? this.#limits.timeoutMs,
      idleTimeoutMs: options?.idleTimeoutMs ?? this.#limits.idleTimeoutMs,
    };
  }

  /** The deadline of a call; `undefined` when nothing can stop it. */
  deadline(options: CallOptions | undefined): Deadline | undefined {
    const timeoutMs = options?.timeoutMs ?? this.#limits.timeoutMs;
    return options?.signal || timeoutMs !== undefined ? new Deadline(this.clock, options?.signal, timeoutMs) : undefined;
  }

  /** Gives an error of an operation its context. */
  wrap(operation: string, path: string | undefined): (error: unknown) => OmniError {
    return (error) => {
      const wrapped = wrapError(error, { backend: this.#driver.scheme, operation, path }, this.#driver.classifyError);
      return CHANGE_NOTHING.has(operation) ? wrapped : doubtWhereTimedOut(wrapped);
    };
  }

  checkOpen(operation: string, path: string | undefined): void {
    if (this.#closed)
      throw new OmniError("BACKEND_CLOSED", { backend: this.#driver.scheme, operation, path, outcome: "not-applied" });
  }

  /** Runs what answers at once. */
  guard<T>(operation: string, path: string | undefined, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.wrap(operation, typeof path === "string" ? path : undefined)(error);
    }
  }

  /**
   * Runs one call to the driver.
   *
   * @param kind `changes` when it may leave a trace at the store: a stopped call is then given a moment to say what became of it
   */
  async call<T>(
    operation: string,
    path: string | undefined,
    options: CallOptions | undefined,
    check: () => unknown,
    kind: "reads" | "changes",
    work: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    this.checkOpen(operation, path);
    this.guard(operation, path, check);
    options?.signal?.throwIfAborted();
    if (!storageChannel.hasSubscribers) return this.#run(operation, path, options, kind, work);
    return traced({ backend: this.#driver.scheme, operation, path }, () => this.#run(operation, path, options, kind, work));
  }

  async #run<T>(
    operation: string,
    path: string | undefined,
    options: CallOptions | undefined,
    kind: "reads" | "changes",
    work: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    const deadline = this.deadline(options);
    if (deadline) {
      try {
        return await deadline.race(work(deadline.signal), kind === "changes", this.wrap(operation, path));
      } finally {
        deadline.release();
      }
    }
    try {
      return await work(undefined);
    } catch (error) {
      throw this.wrap(operation, path)(error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      try {
        await this.#driver.close?.();
      } catch (error) {
        throw this.wrap("close", undefined)(error);
      }
    })();
    return this.#closed;
  }
}
