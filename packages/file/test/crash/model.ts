import type { Entry, Step } from "./journal.ts";

/** A version that may be at a path: its id, and its note where one was set. */
export interface Expected {
  readonly id: string;
  readonly note: string;
}

type State = Expected | undefined;

/** A staged write whose commit was not heard to end. */
export interface OpenToken {
  readonly path: string;
  readonly id: string;
  readonly token: string;
}

/** What the entries of one lane allow: for each path the last acknowledged state, and what the step under way may have made of it. */
export class LaneModel {
  readonly #states = new Map<string, State>();
  readonly #also = new Map<string, State[]>();
  /** Increments of the shared counter that were acknowledged, and that may have happened besides. */
  counted = 0;
  mayHaveCounted = 0;
  open: OpenToken | undefined;
  steps = 0;
  #step: Step | undefined;

  take(entry: Entry): void {
    if (entry.say === "start") this.#begin(entry.step);
    else if (entry.say === "done") this.#end(true);
    else if (entry.say === "refused") this.#end(false);
  }

  get paths(): readonly string[] {
    return [...this.#states.keys()];
  }

  /** The states that a path may be in now. */
  allowed(path: string): readonly State[] {
    return [this.#states.get(path), ...(this.#also.get(path) ?? [])];
  }

  /** Takes over what was found: the next lane starts from it. */
  settle(path: string, state: State): void {
    this.#states.set(path, state);
  }

  /** After a kill: what was under way is over. */
  settled(): void {
    this.#also.clear();
    this.#step = undefined;
    this.open = undefined;
    this.counted = 0;
    this.mayHaveCounted = 0;
  }

  #begin(step: Step): void {
    this.#step = step;
    this.steps += 1;
    if (step.kind === "count") this.mayHaveCounted = 1;
    else for (const [path, state] of this.#effect(step)) this.#note(path, state);
    if (step.kind === "commit") this.open = { path: step.path, id: step.id, token: step.token };
  }

  #note(path: string, state: State): void {
    if (!this.#states.has(path)) this.#states.set(path, undefined);
    this.#also.set(path, [state]);
  }

  #end(done: boolean): void {
    const step = this.#step;
    if (done && step) this.#apply(step);
    this.mayHaveCounted = 0;
    this.#also.clear();
    this.#step = undefined;
    this.open = undefined;
  }

  #apply(step: Step): void {
    if (step.kind === "count") this.counted += 1;
    else for (const [path, state] of this.#effect(step)) this.#states.set(path, state);
  }

  /** What a step makes of which paths. */
  #effect(step: Exclude<Step, { kind: "count" }>): [string, State][] {
    const now = this.#states.get(step.path);
    switch (step.kind) {
      case "stage":
        return [];
      case "delete":
        return [[step.path, undefined]];
      case "describe":
        return now ? [[step.path, { ...now, note: step.note }]] : [];
      case "copy":
        return now ? [[step.to, now]] : [];
      case "move":
        return now
          ? [
              [step.to, now],
              [step.path, undefined],
            ]
          : [];
      default:
        return [[step.path, { id: step.id, note: "" }]];
    }
  }
}
