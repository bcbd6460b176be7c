// A complete search of the journal's records in small scope: writers that sleep between any two requests, answers that are lost, and the removal of old
// records. Which records can go, what stands and what a head remembers is decided by the real functions of src/journal/protocol.ts.
import { close, decide, type Head, type Intent, isOpen, removableBelow, standing } from "../../src/journal/protocol.ts";
import { breadthFirst, type Searched } from "./breadth-first.ts";

/** What is left out, to be found out. */
export type LogWeakness =
  | "what was created stands, without a look for a higher record"
  | "the first record is removed, too"
  | "the highest record is removed, too"
  | "more is concluded from a head than it remembers";

export interface LogScope {
  /** How many changes each writer makes. */
  readonly writers: readonly number[];
  /** How many records are left at least. */
  readonly kept: number;
  /** How many ended changes a head remembers. */
  readonly remembered: number;
  /** Creates of which the answer is lost, so that they are tried again. */
  readonly lost?: number;
}

interface Writer {
  phase: "read" | "create" | "look" | "close" | "end";
  left: number;
  seen?: Head;
  mine?: Head;
}

interface State {
  records: Record<number, Head>;
  writers: Writer[];
  /** Numbers whose removal is under way. */
  removing: number[];
  lost: number;
  /** Ids of the changes in whose record the head was moved: the truth. */
  decided: string[];
  /** The highest number that ever was. */
  highest: number;
  wrong?: string;
}

/** @returns how many states there are, and the first way that leads to harm */
export function searchLog(scope: LogScope, weakness?: LogWeakness): { readonly states: number; readonly harm?: string } {
  return breadthFirst(new LogModel(scope, weakness));
}

class LogModel implements Searched<State> {
  readonly #scope: LogScope;
  readonly #weakness: LogWeakness | undefined;

  constructor(scope: LogScope, weakness: LogWeakness | undefined) {
    this.#scope = scope;
    this.#weakness = weakness;
  }

  first(): State {
    const writers = this.#scope.writers.map((left): Writer => ({ phase: "read", left }));
    return { records: {}, writers, removing: [], lost: this.#scope.lost ?? 0, decided: [], highest: 0 };
  }

  moves(text: string): [string, State][] {
    const state = JSON.parse(text) as State;
    const moves: [string, State][] = [];
    const add = (name: string, change: (copy: State, me: Writer) => void, at = 0): void => {
      const copy = JSON.parse(text) as State;
      change(copy, copy.writers[at] as Writer);
      moves.push([name, copy]);
    };
    state.writers.forEach((writer, at) => {
      if (writer.phase === "read") add(`${at} reads`, (copy, me) => this.#read(copy, me, at), at);
      if (writer.phase === "look") add(`${at} looks`, (copy, me) => this.#look(copy, me), at);
      if (writer.phase !== "create" && writer.phase !== "close") return;
      const name = `${at} makes record ${writer.mine?.seq}`;
      add(name, (copy, me) => this.#made(copy, me, this.#create(copy, me.mine as Head)), at);
      if (state.lost > 0)
        add(
          `${name} (answer lost)`,
          (copy, me) => {
            copy.lost -= 1;
            this.#create(copy, me.mine as Head);
          },
          at,
        );
    });
    state.removing.forEach((seq, at) => {
      add(`record ${seq} goes`, (copy) => {
        copy.removing.splice(at, 1);
        delete copy.records[seq];
      });
    });
    return moves;
  }

  harmAt({ wrong }: State): string | undefined {
    return wrong;
  }

  harmOf(end: State): string | undefined {
    const open = end.writers.filter(({ phase }) => phase !== "end");
    return open.length > 0 ? "a writer never ends" : undefined;
  }

  #head({ records }: State): Head | undefined {
    return records[Math.max(...Object.keys(records).map(Number))];
  }

  /** Decides a change over the head, or closes what is open there. */
  #read(state: State, me: Writer, at: number): void {
    const head = this.#head(state);
    const nonce = `${at}.${me.left}`;
    if (isOpen(head)) {
      me.mine = close(head, { do: "close", outcome: "committed", foreign: [] }, nonce, this.#scope.remembered);
      me.phase = "close";
    } else if (me.left === 0) this.#end(me);
    else {
      const intent: Intent = { id: `w${nonce}`, kind: "write", at: 0, counter: 0, tokens: {}, bases: {} };
      me.mine = decide("p", head, intent, nonce);
      me.phase = "create";
    }
  }

  #end(me: Writer): void {
    me.phase = "end";
    delete me.mine;
  }

  /** @returns whether nothing else has the number */
  #create(state: State, record: Head): boolean {
    const there = state.records[record.seq];
    if (there) return there.nonce === record.nonce && there.open?.id === record.open?.id;
    const isHead = Object.keys(state.records).every((seq) => Number(seq) < record.seq);
    state.records[record.seq] = record;
    if (!isHead) return true;
    if (record.seq <= state.highest) state.wrong = `number ${record.seq} was the head twice`;
    state.highest = record.seq;
    if (record.open) state.decided.push(record.open.id);
    return true;
  }

  #made(state: State, me: Writer, isMine: boolean): void {
    const { open, seq } = me.mine as Head;
    if (!isMine || !open) me.phase = "read";
    // The first record cannot be made twice.
    else if (seq === 1 || this.#weakness === "what was created stands, without a look for a higher record")
      this.#take(state, me, "stands");
    else me.phase = "look";
  }

  #look(state: State, me: Writer): void {
    const more = this.#weakness === "more is concluded from a head than it remembers" ? 1 : 0;
    this.#take(state, me, standing(me.mine as Head, this.#head(state), this.#scope.remembered + more));
  }

  /** What a writer concludes must be true. */
  #take(state: State, me: Writer, fate: ReturnType<typeof standing>): void {
    const mine = me.mine as Head;
    const id = mine.open?.id ?? "";
    const isDecided = state.decided.includes(id);
    if (fate === "lost" && isDecided) state.wrong = `${id} was decided, and its writer withdraws it`;
    if ((fate === "stands" || fate === "committed") && !isDecided)
      state.wrong = `${id} was never decided, and its writer commits it`;
    if (fate === "lost") {
      me.phase = "read";
      return;
    }
    me.left -= 1;
    me.phase = "read";
    delete me.mine;
    if (fate === "unknown") this.#end(me);
    const below = fate === "stands" ? removableBelow(mine.seq, this.#scope.kept) : undefined;
    if (below !== undefined) this.#remove(state, below);
  }

  #remove(state: State, below: number): void {
    const least = this.#weakness === "the first record is removed, too" ? 1 : 2;
    const end = this.#weakness === "the highest record is removed, too" ? below + this.#scope.kept : below;
    for (const seq of Object.keys(state.records).map(Number))
      if (seq >= least && seq < end && !state.removing.includes(seq)) state.removing.push(seq);
  }
}
