import { type Backend, type MultiError, OmniError } from "@omni/core";
import { type Fault, type FaultControl, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MemberSource, type MultiBackend, type MultiOptions, multi, type WriteOutcome } from "@omni/multi";
import { AutoClock } from "../auto-clock.ts";

/** A member that does not answer. */
export const DOWN: Fault = { on: ["commit", "stat", "resumeStage", "read", "stage", "delete"], do: "fail" };

/** A group and what it is made of. */
export interface SetUp {
  readonly clock: AutoClock;
  readonly stores: { readonly a: Backend; readonly b: Backend };
  /** What is wrong with `b`. */
  readonly faults: FaultControl;
  readonly journal: Backend;
  readonly members: readonly MemberSource[];
  /** The same group, as another process has it. */
  open(more?: MultiOptions): MultiBackend;
  readonly group: MultiBackend;
}

/** A group of two, `a` and `b`, of which `b` can be made to fail, and everything beside it. */
export function setUp(options: MultiOptions = {}): SetUp {
  const clock = new AutoClock();
  const stores = { a: memory({ clock }), b: memory({ clock }) };
  const b = faulty(stores.b, [], { clock });
  const journal = memory({ clock });
  const members = [
    { name: "a", backend: stores.a },
    { name: "b", backend: b },
  ];
  const open = (more: MultiOptions = {}): MultiBackend => multi(members, { journal, clock, ...options, ...more });
  return { clock, stores, faults: b.faults, journal, members, open, group: open() };
}

/** What a store holds at a path. */
export async function textAt(store: Backend, path: string): Promise<string | undefined> {
  try {
    return await (await store.read(path)).text();
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** The error of a call that must reject. */
export async function rejection(work: Promise<unknown>): Promise<MultiError<WriteOutcome> & { readonly intent?: string }> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error,
  );
}

/** Everything that comes. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
