import { type CommitOptions, type ObjectInfo, OmniError, type StagedWrite, type WriteConditions } from "@omni/core";
import { type Attributes, infoOf, type ObjectTable } from "./object-table.ts";
import type { StoredBytes } from "./stored-bytes.ts";

/** A staged write as the store keeps it; every handle of one token shares it. */
interface Staged {
  readonly path: string;
  readonly token: string;
  readonly bytes: StoredBytes;
  readonly attributes: Attributes;
  readonly conditions: WriteConditions;
  committed?: ObjectInfo;
}

/** The staged writes of one store. */
export class Staging {
  readonly #table: ObjectTable;
  readonly #open = new Map<string, Staged>();

  constructor(table: ObjectTable) {
    this.#table = table;
  }

  add(path: string, bytes: StoredBytes, attributes: Attributes, conditions: WriteConditions): StagedWrite {
    const staged: Staged = { path, token: crypto.randomUUID(), bytes, attributes: { ...attributes }, conditions };
    this.#open.set(staged.token, staged);
    return this.#handle(path, staged.token, "staged", staged);
  }

  /** A committed write is told from one that is gone by the object, which names the token that published it. */
  resume(path: string, token: string): StagedWrite {
    const staged = this.#open.get(token);
    if (staged?.path === path) return this.#handle(path, token, "staged", staged);
    return this.#handle(path, token, this.#published(path, token) ? "committed" : "gone", undefined);
  }

  clear(): void {
    this.#open.clear();
  }

  #handle(path: string, token: string, state: StagedWrite["state"], staged: Staged | undefined): StagedWrite {
    return {
      token,
      state,
      commit: async (options = {}) => this.#commit(path, token, staged, options),
      discard: async () => {
        this.#open.delete(token);
      },
    };
  }

  #commit(path: string, token: string, staged: Staged | undefined, options: CommitOptions): ObjectInfo {
    options.signal?.throwIfAborted();
    const done = staged?.committed ?? this.#published(path, token);
    if (done) return done;
    if (!staged || !this.#open.has(token))
      throw new OmniError("NOT_FOUND", {
        reason: "the staged write is gone: it was discarded, or its object replaced",
        outcome: "not-applied",
      });
    const conditions = {
      ifNoneMatch: options.ifNoneMatch ?? staged.conditions.ifNoneMatch,
      ifMatch: options.ifMatch ?? staged.conditions.ifMatch,
    };
    staged.committed = this.#table.put(path, staged.bytes, staged.attributes, conditions, token);
    this.#open.delete(token);
    return staged.committed;
  }

  #published(path: string, token: string): ObjectInfo | undefined {
    const object = this.#table.get(path);
    return object?.token === token ? infoOf(path, object) : undefined;
  }
}
