import type { PublishEntry } from "./parcel.ts";

/** What a key has under way and what waits behind it. */
interface Lane {
  /** Messages of the key that were sent and have no word yet. */
  sent: number;
  readonly waiting: PublishEntry[];
}

/**
 * Order per (topic, key): while messages of a key are under way, later ones of it wait, and then go together as one ordered batch. Messages without a
 * key go at once, and so does everything where the driver keeps the order of calls itself.
 */
export class KeyLanes {
  readonly #pipelined: boolean;
  readonly #send: (topic: string, entries: readonly PublishEntry[]) => void;
  readonly #lanes = new Map<string, Map<string, Lane>>();
  readonly #entries = new Set<PublishEntry>();

  constructor(pipelined: boolean, send: (topic: string, entries: readonly PublishEntry[]) => void) {
    this.#pipelined = pipelined;
    this.#send = send;
  }

  /** Everything that is under way or waits. */
  entries(): readonly PublishEntry[] {
    return [...this.#entries];
  }

  /** As `submit` does it. */
  submitOne(entry: PublishEntry): void {
    const { topic, key } = entry.message;
    if (!this.#pipelined && key !== undefined) {
      this.submit(topic, [entry]);
      return;
    }
    this.#send(topic, [entry]);
    if (entry.state !== "settled") this.#entries.add(entry);
  }

  /** Sends what may go, keeps the rest. Entries that were settled meanwhile are left out. */
  submit(topic: string, entries: readonly PublishEntry[]): void {
    const now = this.#freeIn(topic, entries);
    if (now.length > 0) this.#send(topic, now);
    for (const entry of entries) if (entry.state !== "settled") this.#entries.add(entry);
  }

  #freeIn(topic: string, entries: readonly PublishEntry[]): readonly PublishEntry[] {
    const now: PublishEntry[] = [];
    const joined = new Set<Lane>();
    for (const entry of entries) {
      if (entry.state === "settled") continue;
      const lane = this.#laneOf(topic, entry);
      if (!lane) {
        now.push(entry);
      } else if (lane.sent > 0 && !joined.has(lane)) {
        lane.waiting.push(entry);
      } else {
        joined.add(lane);
        lane.sent += 1;
        now.push(entry);
      }
    }
    return now;
  }

  /** A message has its word: those that waited for it go. */
  leave(entry: PublishEntry): void {
    this.#entries.delete(entry);
    const { topic, key } = entry.message;
    if (this.#pipelined || key === undefined) return;
    const lane = this.#lanes.get(topic)?.get(key);
    if (!lane) return;
    if (entry.parcel) lane.sent -= 1;
    if (lane.sent > 0) return;
    const next = lane.waiting.splice(0).filter((waiting) => waiting.state === "waiting");
    lane.sent = next.length;
    if (next.length === 0) this.#remove(topic, key);
    else this.#send(topic, next);
  }

  #laneOf(topic: string, entry: PublishEntry): Lane | undefined {
    const { key } = entry.message;
    if (this.#pipelined || key === undefined) return undefined;
    let lanes = this.#lanes.get(topic);
    if (!lanes) {
      lanes = new Map();
      this.#lanes.set(topic, lanes);
    }
    let lane = lanes.get(key);
    if (!lane) {
      lane = { sent: 0, waiting: [] };
      lanes.set(key, lane);
    }
    return lane;
  }

  #remove(topic: string, key: string): void {
    const lanes = this.#lanes.get(topic);
    lanes?.delete(key);
    if (lanes?.size === 0) this.#lanes.delete(topic);
  }
}
