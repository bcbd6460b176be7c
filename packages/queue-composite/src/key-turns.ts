import type { WireMessage } from "@omni/core/queue";

/** Messages that may be sent once those before them of their keys are settled. */
export interface Turn {
  readonly batch: readonly WireMessage[];
  /** Where they stand in the whole batch. */
  readonly places: readonly number[];
  /** Resolves when it is their turn; `undefined` = now. */
  readonly after: Promise<unknown> | undefined;
  /** Their keys are free again. */
  done(): void;
}

/**
 * One unsettled publish per (topic, key) of a member that does not keep the order of calls itself. The queue on top cannot do it: it goes on when
 * the strategy is satisfied, while a slow member is still at work.
 */
export class KeyTurns {
  readonly #tails = new Map<string, Promise<void>>();

  /** Splits a batch into what may go now and what has to wait, one turn per key that is busy. */
  take(topic: string, batch: readonly WireMessage[]): readonly Turn[] {
    const free: number[] = [];
    const busy = new Map<string, number[]>();
    for (let place = 0; place < batch.length; place++) {
      const { key } = batch[place] as WireMessage;
      const lane = key === undefined ? undefined : laneOf(topic, key);
      if (lane === undefined || !this.#tails.has(lane)) free.push(place);
      else if (busy.has(lane)) busy.get(lane)?.push(place);
      else busy.set(lane, [place]);
    }
    const turns = [...busy].map(([lane, places]) => this.#turn(batch, places, [lane], this.#tails.get(lane)));
    if (free.length === 0) return turns;
    const keys = new Set<string>();
    for (const place of free) {
      const { key } = batch[place] as WireMessage;
      if (key !== undefined) keys.add(laneOf(topic, key));
    }
    return [this.#turn(batch, free, [...keys], undefined), ...turns];
  }

  #turn(
    batch: readonly WireMessage[],
    places: readonly number[],
    lanes: readonly string[],
    after: Promise<unknown> | undefined,
  ): Turn {
    let resolve!: () => void;
    const tail = new Promise<void>((settle) => {
      resolve = settle;
    });
    for (const lane of lanes) this.#tails.set(lane, tail);
    const done = (): void => {
      for (const lane of lanes) if (this.#tails.get(lane) === tail) this.#tails.delete(lane);
      resolve();
    };
    return { batch: places.map((place) => batch[place] as WireMessage), places, after, done };
  }
}

function laneOf(topic: string, key: string): string {
  return `${topic}\n${key}`;
}
