import { type DriverOptions, MultiError, OmniError, type StagedWrite } from "@omni/core";
import type { Group } from "../group.ts";
import type { WriteOutcome } from "../outcome.ts";
import { deleteWayOf, markOf } from "./deleting.ts";
import { type Finished, Finisher, withdraw } from "./finish.ts";
import type { Added, HeadLog } from "./log.ts";
import { type Head, type Intent, isOpen } from "./protocol.ts";

/** Staged writes by member. */
export type Handles = ReadonlyMap<string, StagedWrite>;

/** A change that was decided, and how it ended. */
export interface Decision {
  readonly record: Head;
  readonly finished: Finished;
}

/** Sets intents into heads and carries them out, for changes and repairs alike. */
export class Decider {
  readonly #group: Group;
  readonly #log: HeadLog;

  constructor(group: Group, log: HeadLog) {
    this.#group = group;
    this.#log = log;
  }

  /**
   * Sets an intent into the head and finishes it; `undefined` when another record was there first.
   *
   * @param record made by `decide`
   * @throws MultiError IN_DOUBT with the intent's id when it cannot be known whether it was decided
   */
  async decide(operation: string, record: Head, handles: Handles): Promise<Decision | undefined> {
    const added = await this.#add(operation, record);
    return added === "lost" ? undefined : { record, finished: await this.#carryOut(record, added, handles) };
  }

  async #add(operation: string, record: Head): Promise<Added> {
    try {
      return await this.#log.add(record);
    } catch (error) {
      if (!OmniError.is(error, "IN_DOUBT")) throw error;
      const outcomes = this.#group.members.map(
        ({ name }) => ({ member: name, state: "unknown", phase: "stage", bytes: 0, error }) as const,
      );
      const context = { backend: "multi", operation, path: record.path, reason: error.reason, outcome: "unknown" } as const;
      throw withIntent(new MultiError("IN_DOUBT", outcomes, context), record.open as Intent);
    }
  }

  /** From here on the change is decided: it is carried on whatever becomes of the caller. */
  async #carryOut(record: Head, added: "stands" | "committed" | "aborted", handles: Handles): Promise<Finished> {
    const none = { foreign: [], errors: new Map(), infos: new Map() };
    const names = new Set(added === "committed" ? this.#group.members.map(({ name }) => name) : []);
    if (!isOpen(record) || added !== "stands")
      return { ...none, outcome: added === "aborted" ? "aborted" : "committed", done: names };
    try {
      return await new Finisher(this.#group, this.#log, record, handles).run();
    } catch (error) {
      if (!OmniError.is(error)) throw error;
      // The journal went away after the decision.
      return { ...none, outcome: "open", done: new Set(), errors: new Map([["journal", error]]) };
    }
  }

  /** Finishes what another change left open; its owner may be at it. Gives the head after that. */
  async clear(operation: string, head: Head, { signal }: DriverOptions): Promise<Head | undefined> {
    const finished = await this.finish(head, signal).catch((error) => {
      // Others finished it long ago.
      if (OmniError.is(error, "IN_DOUBT")) return undefined;
      throw error;
    });
    if (finished?.outcome !== "open") return this.#log.head(head.path, signal);
    const names = [...finished.errors.keys()].join(", ");
    const reason = `an earlier change (intent ${head.open?.id}) is not finished, because ${names} cannot be reached`;
    throw new OmniError("UNAVAILABLE", { backend: "multi", operation, path: head.path, reason, outcome: "not-applied" });
  }

  /** Finishes an open intent that somebody left; {@link Finished.outcome} says how. */
  async finish(head: Head, signal?: AbortSignal, rounds?: number): Promise<Finished | undefined> {
    return isOpen(head) ? new Finisher(this.#group, this.#log, head, undefined, rounds).run(signal) : undefined;
  }

  async withdrawAll(handles: Handles): Promise<void> {
    const call = { timeoutMs: this.#group.settings.memberTimeoutMs };
    await Promise.all([...handles.values()].map((staged) => withdraw(staged, call)));
  }

  /** Stages marks at the members that cannot delete under a condition that never repeats. */
  async stageMarks(path: string, id: string, before: Head | undefined): Promise<Handles> {
    const handles = new Map<string, StagedWrite>();
    const { body, metadata } = markOf(id);
    const options = {
      metadata,
      stamp: { id, counter: (before?.seq ?? 0) + 1 },
      timeoutMs: this.#group.settings.memberTimeoutMs,
    };
    const marked = this.#group.members.filter(({ backend }) => deleteWayOf(backend) !== "fenced");
    try {
      await Promise.all(marked.map(async ({ name, backend }) => handles.set(name, await backend.stage(path, body, options))));
    } catch (error) {
      await this.withdrawAll(handles);
      throw error;
    }
    return handles;
  }
}

/** What is staged, as an intent names it. */
export function tokensOf(handles: Handles): Readonly<Record<string, string>> {
  return Object.fromEntries([...handles].map(([name, { token }]) => [name, token]));
}

/** An error that names the intent: `intents()` shows it under that id. */
export function withIntent(error: MultiError<WriteOutcome>, { id }: Intent): MultiError<WriteOutcome> {
  return Object.defineProperty(error, "intent", { value: id, enumerable: true });
}
