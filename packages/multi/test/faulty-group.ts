import type { Backend, OmniError } from "@omni/core";
import { type Fault, type FaultControl, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, type MultiOptions, multi, type WriteOutcome } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";

/** Where every store of a group holds something. */
export const PATH = "a/b.txt";

/** What a store holds, if anything. */
export async function textOf(store: Backend, path = PATH): Promise<string | undefined> {
  return (await store.exists(path)) ? await (await store.read(path)).text() : undefined;
}

/** The error of a call that must reject. */
export async function rejection<E = OmniError>(work: Promise<unknown>): Promise<E> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error as E,
  );
}

/** How the members fared, in a word each. */
export function stateOf(outcomes: readonly WriteOutcome[]): string {
  return outcomes.map(({ state }) => state).join(" ");
}

/** A group and its stores, with and without their faults. */
export interface FaultyGroup {
  readonly store: MultiBackend;
  readonly members: readonly (Backend & { readonly faults: FaultControl })[];
  readonly stores: readonly Backend[];
  texts(): Promise<readonly (string | undefined)[]>;
}

/** A group of memory stores, each with its own faults, all holding "old". */
export async function group(faults: readonly (readonly Fault[])[], options: MultiOptions = {}): Promise<FaultyGroup> {
  const clock = new AutoClock();
  const stores = faults.map(() => memory({ clock }));
  await Promise.all(stores.map((store) => store.write(PATH, "old")));
  const members = stores.map((store, at) => faulty(store, faults[at] ?? [], { clock }));
  const store = multi(members, { memberTimeoutMs: 1_000, clock, ...options });
  return { store, members, stores, texts: () => Promise.all(stores.map((member) => textOf(member))) };
}

/** A body that is staged. */
export async function* large(text = "new"): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text);
}
