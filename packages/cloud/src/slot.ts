import { type AnyBackendDefinition, type Backend, Breaker, type BreakerOptions, type Clock, OmniError, open } from "@omni/core";
import { invalid } from "./errors.ts";
import type { CloudDefinition, GroupMember, GroupMembers } from "./options.ts";
import { type CloudView, listOf } from "./rules.ts";

/** What all clouds of a definition share. */
export interface SlotSettings {
  readonly use: readonly AnyBackendDefinition[];
  readonly clock: Clock;
  readonly breaker: BreakerOptions | false;
}

/** One cloud: its definition, its backend once it is open, and its health. */
export class Slot {
  readonly name: string;
  readonly definition: CloudDefinition;
  readonly residency: readonly string[];
  readonly breaker: Breaker;
  readonly #settings: SlotSettings;
  readonly #members: () => readonly Slot[];
  #opening: Promise<Backend> | undefined;
  #closed = false;
  #latencyMs: number | undefined;

  /** @param members the clouds of a group, in the scope that the group is in */
  constructor(name: string, definition: CloudDefinition, settings: SlotSettings, members: () => readonly Slot[]) {
    this.name = name;
    this.definition = definition;
    this.#settings = settings;
    this.#members = members;
    this.breaker = new Breaker(settings.breaker, settings.clock, "breaker");
    this.residency = residencyOf(name, definition, members);
  }

  /** The backend, opened at first use. An opening that failed is tried again. */
  backend(): Promise<Backend> {
    if (this.#closed)
      return Promise.reject(new OmniError("BACKEND_CLOSED", { backend: this.name, operation: "open", outcome: "not-applied" }));
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** @param residency where what is put here may come to rest */
  view(residency: readonly string[]): CloudView {
    const { name, definition, breaker } = this;
    return { name, region: definition.region, residency, breaker: breaker.state, latencyMs: this.#latencyMs };
  }

  /** Notes how long an insert took. */
  took(ms: number): void {
    this.#latencyMs = this.#latencyMs === undefined ? ms : this.#latencyMs * 0.8 + ms * 0.2;
  }

  /** Closes the backend, also one that was given; a second call does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { backend } = this.definition;
    // An opening that failed has nothing to close; its caller heard of it.
    const opened = this.#opening ? await this.#opening.catch(() => undefined) : typeof backend === "object" ? backend : undefined;
    await opened?.close();
  }

  async #open(): Promise<Backend> {
    const { backend, options, combine } = this.definition;
    if (combine) {
      const slots = this.#members();
      const members = await Promise.all(slots.map(async (slot) => ({ name: slot.name, backend: await slot.backend() })));
      // As many as the definition was checked for.
      return combine(members as readonly GroupMember[] as GroupMembers);
    }
    if (typeof backend === "string") return open(backend, { ...options, use: this.#settings.use });
    if (typeof backend === "function") return backend();
    return backend as Backend;
  }
}

function residencyOf(name: string, { residency, members }: CloudDefinition, slots: () => readonly Slot[]): readonly string[] {
  if (!members) return residency === undefined ? [] : [...new Set(listOf(residency))];
  if (residency !== undefined)
    throw invalid("defineClouds", `"${name}": a group is where its members are; give them the residency, and the group none`);
  const places = slots().map((slot) => slot.residency);
  // One member that does not say where it is leaves the whole group unknown.
  return places.some((each) => each.length === 0) ? [] : [...new Set(places.flat())];
}
