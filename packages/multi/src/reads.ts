import {
  type Backend,
  comparePaths,
  type DriverListOptions,
  type DriverRead,
  type DriverReadOptions,
  type ObjectInfo,
  OmniError,
} from "@omni/core";
import { groupInfo } from "./fan-out.ts";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import type { MultiSettings } from "./options.ts";

/** Errors that another member does not cure: the call itself is wrong. */
const FINAL = ["INVALID_PATH", "INVALID_ARGUMENT", "NOT_SUPPORTED"] as const;

/** Reads of a group: from the first member that answers. */
export class Reads {
  readonly #members: readonly Member[];
  readonly #settings: MultiSettings;

  constructor({ members, settings }: Group) {
    this.#members = members;
    this.#settings = settings;
  }

  /** How many members must say NOT_FOUND before it is believed: one of them took part in every write that resolved. */
  get notFoundNeeds(): number {
    return Math.min(this.#members.length, this.#members.length - this.#settings.needed + 1);
  }

  read(path: string, { signal, ifMatch, ...range }: DriverReadOptions): Promise<DriverRead> {
    return this.#first("read", path, signal, async (backend, timeoutMs) => {
      const reader = await backend.read(path, { ...range, signal, timeoutMs });
      if (ifMatch !== undefined && reader.info.stamp?.id !== ifMatch) {
        await reader.close();
        throw new OmniError("PRECONDITION_FAILED", {
          reason: `precondition failed: the object has write id ${reader.info.stamp?.id ?? "none"}, not ${ifMatch}`,
        });
      }
      return { info: groupInfo(reader.info), body: reader };
    });
  }

  stat(path: string, signal: AbortSignal | undefined): Promise<ObjectInfo> {
    return this.#first("stat", path, signal, async (backend, timeoutMs) =>
      groupInfo(await backend.stat(path, { signal, timeoutMs })),
    );
  }

  /** One member's view. It goes on at another member only where both list in order: never a short list that looks complete. */
  async *list(prefix: string, options: DriverListOptions): AsyncGenerator<ObjectInfo, void> {
    let last = options.startAfter;
    let failure: unknown;
    for (const { backend } of this.#members) {
      if (failure !== undefined && last !== options.startAfter && !backend.features.sortedList) continue;
      try {
        for await (const info of backend.list(prefix, {
          ...options,
          startAfter: last,
          timeoutMs: this.#settings.memberTimeoutMs,
        })) {
          if (last !== undefined && comparePaths(info.path, last) <= 0 && backend.features.sortedList) continue;
          yield groupInfo(info);
          last = info.path;
        }
        return;
      } catch (error) {
        if (options.signal?.aborted || OmniError.is(error, ...FINAL)) throw error;
        if (last !== options.startAfter && !backend.features.sortedList) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  async #first<T>(
    operation: string,
    path: string,
    signal: AbortSignal | undefined,
    ask: (backend: Backend, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const errors: unknown[] = [];
    let missing = 0;
    for (const { backend } of this.#members) {
      try {
        return await ask(backend, this.#settings.memberTimeoutMs);
      } catch (error) {
        if (signal?.aborted || OmniError.is(error, ...FINAL)) throw error;
        errors.push(error);
        if (OmniError.is(error, "NOT_FOUND") && ++missing >= this.notFoundNeeds) throw notFound(operation, path, error);
      }
    }
    const telling = errors.find((error) => !OmniError.is(error, "NOT_FOUND"));
    if (OmniError.is(telling, "PRECONDITION_FAILED")) throw telling;
    const reason =
      missing === 0
        ? "no member answered"
        : `${missing} of ${this.#members.length} members say that it is not there, ${this.notFoundNeeds} must; the others did not answer`;
    throw new OmniError("UNAVAILABLE", {
      backend: "multi",
      operation,
      path,
      reason: `${reason}: ${messageOf(telling)}`,
      cause: telling,
    });
  }
}

function notFound(operation: string, path: string, cause: unknown): OmniError {
  return new OmniError("NOT_FOUND", { backend: "multi", operation, path, cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
