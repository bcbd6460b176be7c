import type { Backend } from "../backend.ts";
import { createBackend } from "../create-backend.ts";
import { OmniError } from "../error.ts";

/** A state that the fleet was moved to. */
export interface FleetState {
  /** 0 for the first; each move adds 1. */
  readonly epoch: number;
  readonly state: string;
  /** When it was moved there, milliseconds since the epoch, by the mover's clock: for people, never for decisions. */
  readonly at: number;
  /** Whoever moved it, as it called itself. */
  readonly by: string;
  /** Moved without waiting for the instances, and why: from then on the fleet's promise is void until all run one state again. */
  readonly forced?: string;
}

/** What an instance says of itself. */
export interface Registration {
  /** One life of an instance: an instance that lost its lease comes back under another. */
  readonly life: string;
  /** The name that the instance was given. */
  readonly instance: string;
  /** The lowest epoch that anything in it still runs. */
  readonly epoch: number;
  /** Rises with every refresh: whoever sees the same number for longer than the lease knows that the lease is over. */
  readonly refresh: number;
  /** Milliseconds. */
  readonly leaseMs: number;
}

/** The records of one fleet: states as create-only numbered records, registrations as one object for each life. */
export class FleetRecords {
  readonly #backend: Backend;
  readonly #folder: string;

  /** @throws OmniError NOT_SUPPORTED when the backend has no conditional create */
  constructor(backend: Backend, name: string) {
    if (!backend.features.conditional.create) {
      const reason = "a fleet needs a backend with conditional create (ifNoneMatch), which this one does not declare";
      throw new OmniError("NOT_SUPPORTED", { backend: backend.driver.scheme, operation: "fleet", reason });
    }
    this.#backend = createBackend(backend.driver, { reserved: true });
    this.#folder = `.omni/fleet/${name}/`;
  }

  /** The newest state. */
  async head(signal?: AbortSignal): Promise<FleetState | undefined> {
    let last = -1;
    for await (const { path } of this.#backend.list(this.#states, { signal })) last = Math.max(last, Number(nameOf(path)));
    return last < 0 ? undefined : this.#state(last, signal);
  }

  /** Every state there was, the oldest first. */
  async history(signal?: AbortSignal): Promise<readonly FleetState[]> {
    const epochs: number[] = [];
    for await (const { path } of this.#backend.list(this.#states, { signal })) epochs.push(Number(nameOf(path)));
    return Promise.all(epochs.sort((a, b) => a - b).map((epoch) => this.#state(epoch, signal)));
  }

  /**
   * Adds a state, unless another was added as the same epoch before.
   *
   * @returns whether it is this one that stands
   */
  async append(state: FleetState, signal?: AbortSignal): Promise<boolean> {
    // The time and a random mark tell this record from one that says the same.
    const mark = crypto.randomUUID();
    try {
      await this.#backend.write(this.#statePath(state.epoch), JSON.stringify({ ...state, mark }), { ifNoneMatch: "*", signal });
      return true;
    } catch (error) {
      if (OmniError.is(error, "PRECONDITION_FAILED", "ALREADY_EXISTS") && error.outcome !== "unknown") return false;
      if (!OmniError.is(error) || error.outcome !== "unknown") throw error;
      // The answer was lost: what stands there now stands for good.
      const standing = await this.#json<{ readonly mark: string }>(this.#statePath(state.epoch), signal);
      if (!standing) throw error;
      return standing.mark === mark;
    }
  }

  async register(registration: Registration, signal?: AbortSignal): Promise<void> {
    await this.#backend.write(this.#lifePath(registration.life), JSON.stringify(registration), { signal });
  }

  /** Takes a life's registration away: nobody waits for it any more. */
  async remove(life: string, signal?: AbortSignal): Promise<void> {
    await this.#backend.delete(this.#lifePath(life), { signal });
  }

  async registrations(signal?: AbortSignal): Promise<readonly Registration[]> {
    const found: Registration[] = [];
    for await (const { path } of this.#backend.list(this.#lives, { signal })) {
      const registration = await this.#json<Registration>(path, signal);
      if (registration) found.push(registration);
    }
    return found;
  }

  get #states(): string {
    return `${this.#folder}states/`;
  }

  get #lives(): string {
    return `${this.#folder}lives/`;
  }

  #statePath(epoch: number): string {
    return `${this.#states}${String(epoch).padStart(9, "0")}`;
  }

  #lifePath(life: string): string {
    return `${this.#lives}${life}`;
  }

  async #state(epoch: number, signal?: AbortSignal): Promise<FleetState> {
    const record = await this.#json<FleetState & { readonly mark: string }>(this.#statePath(epoch), signal);
    if (!record)
      throw new OmniError("NOT_FOUND", {
        operation: "fleet",
        path: this.#statePath(epoch),
        reason: "the record of a state is gone",
      });
    const { mark: _, ...state } = record;
    return state;
  }

  async #json<T>(path: string, signal?: AbortSignal): Promise<T | undefined> {
    try {
      return await (await this.#backend.read(path, { signal })).json<T>();
    } catch (error) {
      // Taken away between the listing and the look.
      if (OmniError.is(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
