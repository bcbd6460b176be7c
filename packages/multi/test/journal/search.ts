// A complete search of the journal's protocol in small scope: every interleaving of writers, recoverers, late, lost and repeated requests, crashes
// and expiring tokens, breadth first. What the actors decide is decided by the real functions of src/journal/protocol.ts.
import { isOpen } from "../../src/journal/protocol.ts";
import { breadthFirst, type Searched } from "./breadth-first.ts";
import { Actors } from "./search-actors.ts";
import { FIRST, FIRST_PHASE, MEMBERS, type Scope, type State, type Weakness } from "./search-scope.ts";
import { Stores } from "./search-stores.ts";

/** @returns how many states there are, and the first way that leads to harm */
export function search(scope: Scope, weakness?: Weakness): { readonly states: number; readonly harm?: string } {
  return breadthFirst(new Model(scope, weakness));
}

class Model implements Searched<State> {
  readonly #scope: Scope;
  readonly #weakness: Weakness | undefined;
  readonly #stores: Stores;
  readonly #actors: Actors;

  constructor(scope: Scope, weakness: Weakness | undefined) {
    this.#scope = scope;
    this.#weakness = weakness;
    this.#stores = new Stores(scope, weakness);
    this.#actors = new Actors(scope, weakness, this.#stores);
  }

  first(): State {
    const { crashes = 0, expiries = 0, late = 0, lost = 0, repeats = 0, accidents = 0, actors, isEmpty } = this.#scope;
    const last = { id: FIRST, at: 0, counter: 0, ...(isEmpty ? { deleted: true as const } : {}) };
    return {
      // What a repair goes by must have been decided.
      ...(actors.includes("repair") ? { head: { v: 1, path: "p", seq: 1, nonce: "first", last, recent: [] } } : {}),
      members: Object.fromEntries(MEMBERS.map((member) => [member, { shows: isEmpty ? null : FIRST, generation: 0 }])),
      tokens: {},
      net: [],
      actors: actors.map((what) => ({ phase: FIRST_PHASE[what], known: [] })),
      left: { crashes, expiries, late, lost, repeats, accidents },
      order: [],
      acknowledged: [],
    };
  }

  /** Everything that can happen next, with its name. */
  moves(text: string): [string, State][] {
    const state = JSON.parse(text) as State;
    const moves: [string, State][] = [];
    const add = (name: string, change: (copy: State) => void): void => {
      const copy = JSON.parse(text) as State;
      change(copy);
      moves.push([name, copy]);
    };
    state.actors.forEach(({ phase }, at) => {
      if (phase === "end") return;
      for (const [name, change] of this.#actors.act(state, at)) add(`${at} ${name}`, change);
      if (state.left.crashes > 0)
        add(`${at} crashes`, (copy) => {
          copy.left.crashes -= 1;
          copy.actors[at] = { phase: "end", known: [] };
        });
    });
    state.net.forEach((request, at) => {
      add(`late ${request.on} ${request.member ?? ""}`, (copy) => {
        copy.net.splice(at, 1);
        this.#stores.apply(copy, request);
      });
    });
    if (state.left.expiries > 0)
      for (const [token, standing] of Object.entries(state.tokens))
        if (standing === "staged")
          add(`${token} expires`, (copy) => {
            copy.left.expiries -= 1;
            copy.tokens[token] = "gone";
          });
    if (state.left.accidents > 0)
      for (const member of MEMBERS)
        for (const shows of [null, FIRST])
          if (state.members[member]?.shows !== shows)
            add(shows === null ? `${member} loses its object` : `${member} has its first object again`, (copy) => {
              copy.left.accidents -= 1;
              copy.accident = "happened";
              copy.members[member] = { shows, generation: (state.members[member]?.generation ?? 0) + 1 };
            });
    return moves;
  }

  /** Nobody does anything any more: one undisturbed recovery must close what is open, and then all members hold what was decided last. */
  harmOf(state: State): string | undefined {
    this.#undisturbed(state, "recover");
    if (isOpen(state.head)) return "never closes";
    // Nothing else may be left to a repair: what was decided after an accident was brought to every member.
    if (state.accident) this.#undisturbed(state, "repair");
    const decided = state.order.at(-1) ?? (this.#scope.isEmpty ? null : FIRST);
    const by = decided === null || decided === FIRST ? "x" : (this.#scope.actors[Number(decided.slice(1)) - 1] ?? "repair");
    // What a repair has in the order of changes is a delete.
    const expected = by === "delete" || by === "repair" ? null : decided;
    const shown = MEMBERS.map((member) => this.#stores.seenIn(state.members[member]?.shows ?? null));
    if (new Set(shown).size > 1) return `members differ (${shown.join(", ")})`;
    if (this.#weakness !== "no order per path" && shown[0] !== expected) return `members show ${shown[0]}, decided was ${decided}`;
    const lost = state.acknowledged.find((id) => !state.order.includes(id));
    return lost === undefined ? undefined : `${lost} was acknowledged and is lost`;
  }

  /** One more actor, alone. */
  #undisturbed(state: State, what: "recover" | "repair"): void {
    state.actors.push({ phase: FIRST_PHASE[what], known: [] });
    state.left = { crashes: 0, expiries: 0, late: 0, lost: 0, repeats: 0, accidents: 0 };
    const at = state.actors.length - 1;
    const actors = state.actors.map((_, nth) => (nth === at ? what : (this.#scope.actors[nth] ?? "recover")));
    const model = new Model({ ...this.#scope, actors }, this.#weakness);
    for (let steps = 0; state.actors[at]?.phase !== "end" && steps <= 60; steps++) {
      const [move] = [...model.#actors.act(state, at)];
      move?.[1](state);
    }
  }
}
