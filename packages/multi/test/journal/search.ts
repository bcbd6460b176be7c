// A complete search of the journal's protocol in small scope: every interleaving of writers, recoverers, late, lost and repeated requests, crashes
// and expiring tokens, breadth first. What the actors decide is decided by the real functions of src/journal/protocol.ts.
import type { DeleteWay } from "../../src/journal/deleting.ts";
import {
  close,
  decide,
  type Head,
  type Intent,
  isOpen,
  type Known,
  knownAtFirst,
  nextStep,
  retoken,
  type Sight,
  type Step,
  shownBy,
  standing,
} from "../../src/journal/protocol.ts";
import { breadthFirst, type Searched } from "./breadth-first.ts";

/** What is left out of the protocol, to be found out. */
export type Weakness =
  | "no order per path"
  | "commits are plain PUTs"
  | "commits are PUTs under a content ETag"
  | "commits are PUTs under a generation"
  | "repairs past the journal"
  | "nothing committed yet, so discard"
  | "no restaging"
  | "deletes without a condition"
  | "restaged tokens are used before the head has them"
  | "close although a member is silent";

export interface Scope {
  /** What each actor does: writes bytes, deletes, recovers, or repairs. */
  readonly actors: readonly ("x" | "y" | "delete" | "recover" | "repair")[];
  /** How the members delete: under a generation, by a mark of their own first, or by a mark that stays. */
  readonly deletes: DeleteWay;
  /** How often each may happen, at any moment. */
  readonly crashes?: number;
  readonly expiries?: number;
  readonly late?: number;
  readonly lost?: number;
  readonly repeats?: number;
  /** Past the journal: a member loses its object, or has its first one again. */
  readonly accidents?: number;
  /** The members hold nothing at first. */
  readonly isEmpty?: boolean;
}

type Answer = Known;
interface Request {
  readonly on: "commit" | "remove" | "look" | "cas" | "put";
  readonly member?: string;
  readonly intent?: Intent;
  readonly sight?: Sight;
  readonly record?: Head;
}
interface Actor {
  phase: "look" | "stage" | "read" | "decide" | "mend" | "finish" | "end";
  /** What a repair saw at the members. */
  sights?: Record<string, string | null>;
  /** The head as it was read, and what is known of the members. */
  seen?: Head;
  known: [string, Known][];
  /** The record that the actor tried to decide by. */
  mine?: Head;
  restaged?: Record<string, string>;
}
interface State {
  head?: Head;
  members: Record<string, { shows: string | null; generation: number }>;
  tokens: Record<string, "staged" | "used" | "gone">;
  net: Request[];
  actors: Actor[];
  left: { crashes: number; expiries: number; late: number; lost: number; repeats: number; accidents: number };
  /** There was an accident; then a change was decided. When it is closed all members are the same again. */
  accident?: "happened" | "met";
  order: string[];
  acknowledged: string[];
}

const MEMBERS = ["a", "b"] as const;
const FIRST = "w0";
const FIRST_PHASE = { x: "stage", y: "stage", delete: "stage", recover: "read", repair: "look" } as const;

/** @returns how many states there are, and the first way that leads to harm */
export function search(scope: Scope, weakness?: Weakness): { readonly states: number; readonly harm?: string } {
  return breadthFirst(new Model(scope, weakness));
}

class Model implements Searched<State> {
  readonly #scope: Scope;
  readonly #weakness: Weakness | undefined;

  constructor(scope: Scope, weakness: Weakness | undefined) {
    this.#scope = scope;
    this.#weakness = weakness;
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
      for (const [name, change] of this.#act(state, at)) add(`${at} ${name}`, change);
      if (state.left.crashes > 0)
        add(`${at} crashes`, (copy) => {
          copy.left.crashes -= 1;
          copy.actors[at] = { phase: "end", known: [] };
        });
    });
    state.net.forEach((request, at) => {
      add(`late ${request.on} ${request.member ?? ""}`, (copy) => {
        copy.net.splice(at, 1);
        this.#apply(copy, request);
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

  *#act(state: State, at: number): Generator<[string, (copy: State) => void]> {
    const actor = state.actors[at] as Actor;
    const what = this.#scope.actors[at] as Scope["actors"][number];
    const me = (copy: State): Actor => copy.actors[at] as Actor;
    const end = (copy: State): void => {
      copy.actors[at] = { phase: "end", known: [] };
    };
    if (actor.phase === "stage")
      yield [
        "stages",
        (copy) => {
          for (const token of Object.values(this.#tokensOf(at, what))) copy.tokens[token] = "staged";
          me(copy).phase = "read";
        },
      ];
    if (actor.phase === "read")
      yield [
        "reads",
        (copy) => {
          const fate = actor.mine && standing(actor.mine, copy.head);
          if (fate === "committed" && what !== "repair") copy.acknowledged.push(`w${at + 1}`);
          if (fate === "committed" || fate === "aborted") return end(copy);
          delete me(copy).mine;
          delete me(copy).restaged;
          if (isOpen(copy.head)) this.#begin(me(copy), copy.head);
          else if (what === "recover") end(copy);
          else {
            me(copy).phase = what === "repair" ? "mend" : "decide";
            if (copy.head) me(copy).seen = copy.head;
          }
        },
      ];
    if (actor.phase === "look") yield* this.#lookAround(state, at);
    if (actor.phase === "mend") yield* this.#mend(state, at);
    if (actor.phase === "decide") {
      const kind = what === "delete" ? "delete" : "write";
      const bases = this.#basesOver(state, actor.seen);
      yield* this.#decide(state, at, { id: `w${at + 1}`, kind, at: 0, counter: 0, tokens: this.#tokensOf(at, what), bases });
    }
    if (actor.phase === "finish") yield* this.#finish(state, at);
  }

  *#decide(state: State, at: number, intent: Intent): Generator<[string, (copy: State) => void]> {
    const record = decide("p", (state.actors[at] as Actor).seen, intent, `${at}`);
    yield* this.#cas(state, at, record, (copy, stands) => {
      const me = copy.actors[at] as Actor;
      if (stands) this.#begin(me, record);
      else me.phase = "read";
      me.mine = record;
    });
  }

  /** What the head says that the members hold; where it knows of objects past the journal, they are asked. */
  #basesOver(state: State, seen: Head | undefined): Record<string, Sight> {
    const last = seen?.last ?? { id: FIRST, deleted: this.#scope.isEmpty };
    const isAsked = seen?.last?.foreign !== undefined || this.#weakness === "commits are PUTs under a generation";
    const asked = (member: string): Sight => {
      const there = state.members[member] as State["members"][string];
      return this.#sightOf(member, there);
    };
    return Object.fromEntries(MEMBERS.map((member) => [member, isAsked ? asked(member) : last.deleted ? null : { id: last.id }]));
  }

  /** A repair looks at one member after the other, before it reads the head. */
  *#lookAround(state: State, at: number): Generator<[string, (copy: State) => void]> {
    const { sights = {} } = state.actors[at] as Actor;
    const [member = "", ...others] = MEMBERS.filter((each) => !(each in sights));
    yield [
      `looks at ${member}`,
      (copy) => {
        const me = copy.actors[at] as Actor;
        me.sights = { ...sights, [member]: this.#seenIn(copy.members[member]?.shows ?? null) };
        if (others.length === 0) me.phase = "read";
      },
    ];
  }

  /** Nothing is open: a repair compares what it saw with what was decided last, and decides to bring members to that. */
  *#mend(state: State, at: number): Generator<[string, (copy: State) => void]> {
    const { sights = {}, seen, restaged } = state.actors[at] as Actor;
    const last = seen?.last as NonNullable<Head["last"]>;
    const wanted = last.deleted ? null : last.id;
    const targets = MEMBERS.filter((member) => sights[member] !== wanted);
    const source = MEMBERS.find((member) => sights[member] === wanted);
    if (targets.length === 0 || (wanted !== null && source === undefined)) {
      const end = (copy: State): void => {
        copy.actors[at] = { phase: "end", known: [] };
      };
      yield ["leaves it alone", end];
      return;
    }
    const bases = Object.fromEntries(
      MEMBERS.map((member): [string, Sight] => [member, sights[member] ? { id: sights[member] } : null]),
    );
    const base = { id: `w${at + 1}`, at: 0, counter: 0, bases };
    if (this.#weakness === "repairs past the journal") return yield* this.#put(state, at, targets, wanted);
    if (wanted === null) return yield* this.#decide(state, at, { ...base, kind: "delete", tokens: this.#tokensOf(at, "delete") });
    const tokens = Object.fromEntries(targets.map((member) => [member, `w${at + 1}@${member}`]));
    if (restaged === undefined)
      yield [
        "stages what is lost",
        (copy) => {
          const me = copy.actors[at] as Actor;
          // The copy is read under the write id.
          if (copy.members[source as string]?.shows !== wanted) copy.actors[at] = { phase: "end", known: [] };
          else me.restaged = tokens;
          for (const token of Object.values(me.restaged ?? {})) copy.tokens[token] = "staged";
        },
      ];
    else yield* this.#decide(state, at, { ...base, kind: "write", restores: wanted, tokens });
  }

  /** As without a journal: a write over what was seen, and over nothing else. */
  *#put(state: State, at: number, targets: readonly string[], wanted: string | null): Generator<[string, (copy: State) => void]> {
    const { sights = {} } = state.actors[at] as Actor;
    const [member] = targets;
    const there = state.members[member as string] as State["members"][string];
    // Who saw this object saw its etag.
    const etag = there.shows === sights[member as string] ? this.#etagOf(member as string, there) : "another";
    const intent: Intent = { id: wanted ?? "", kind: "write", at: 0, counter: 0, tokens: {}, bases: {} };
    const request: Request = { on: "put", member, intent, sight: sights[member as string] ? { etag } : null } as Request;
    yield* this.#send(state, request, (copy) => {
      copy.actors[at] = { phase: "end", known: [] };
    });
  }

  #begin(actor: Actor, head: Head): void {
    actor.phase = "finish";
    actor.seen = head;
    actor.known = MEMBERS.map((member) => [member, knownAtFirst(head.open as Intent, member)]);
  }

  *#finish(state: State, at: number): Generator<[string, (copy: State) => void]> {
    const { seen, known, restaged } = state.actors[at] as Actor;
    const me = (copy: State): Actor => copy.actors[at] as Actor;
    if (!isOpen(seen)) throw new Error("nothing to finish");
    const intent = seen.open;
    const again = (copy: State): void => {
      const { mine, sights } = me(copy);
      copy.actors[at] = { phase: "read", known: [], ...(mine ? { mine } : {}), ...(sights ? { sights } : {}) };
    };
    if (restaged) {
      const record = retoken(seen, restaged, `${at}`);
      const isWeak = this.#weakness === "restaged tokens are used before the head has them";
      yield* this.#cas(state, at, record, (copy, stands) => {
        if (!stands && !isWeak) return again(copy);
        me(copy).seen = record;
        delete me(copy).restaged;
        me(copy).known = me(copy).known.map(([member, what]) => [member, member in restaged ? { token: "new" } : what]);
      });
      return;
    }
    const step = this.#weaken(nextStep(intent, new Map(known)), new Map(known));
    if (step.do === "commit" || step.do === "look" || step.do === "remove")
      for (const member of step.members) {
        const { sight } = new Map(known).get(member) as { sight?: Sight };
        yield* this.#send(state, { on: step.do, member, intent, ...(sight === undefined ? {} : { sight }) }, (copy, answer) => {
          me(copy).known = me(copy).known.map(([name, what]) => [name, name === member ? answer : what]);
        });
      }
    if (step.do === "restage")
      yield [
        "restages",
        (copy) => {
          // The copy is read under the write id.
          if (intent.kind === "write" && !step.from.some((member) => copy.members[member]?.shows === shownBy(intent)))
            return again(copy);
          me(copy).restaged = Object.fromEntries(
            step.members.map((member) => [member, `${intent.id}@${member}#${seen.seq}.${at}`]),
          );
          for (const token of Object.values(me(copy).restaged ?? {})) copy.tokens[token] = "staged";
        },
      ];
    if (step.do === "wait") {
      yield [
        "gives up",
        (copy) => {
          copy.actors[at] = { phase: "end", known: [] };
        },
      ];
      yield ["asks again", (copy) => this.#begin(me(copy), seen)];
    }
    if (step.do === "close") {
      yield* this.#cas(state, at, close(seen, step, `${at}`), (copy) => {
        const isMine = intent.id === `w${at + 1}`;
        if (this.#weakness === "nothing committed yet, so discard" && step.outcome === "aborted")
          for (const token of Object.values(intent.tokens)) if (copy.tokens[token] === "staged") copy.tokens[token] = "gone";
        const isRepair = this.#scope.actors[at] === "repair";
        if (isMine && !isRepair && step.outcome === "committed") copy.acknowledged.push(intent.id);
        if (isMine && step.outcome === "committed") copy.actors[at] = { phase: "end", known: [] };
        else again(copy);
      });
    }
  }

  #weaken(step: Step, known: ReadonlyMap<string, Known>): Step {
    if (this.#weakness === "no restaging" && step.do === "restage") return { do: "wait", members: step.members };
    if (this.#weakness === "close although a member is silent" && step.do === "wait")
      return { do: "close", outcome: "committed", foreign: [] };
    const all = [...known.values()];
    if (
      this.#weakness === "nothing committed yet, so discard" &&
      all.some((what) => what.token === "gone") &&
      !all.some((what) => what.token === "used")
    )
      return { do: "close", outcome: "aborted", foreign: [] };
    return step;
  }

  /** A compare-and-set of the head: done, done with its answer lost, or under way when its sender gives up. */
  *#cas(
    state: State,
    at: number,
    record: Head,
    after: (copy: State, stands: boolean) => void,
  ): Generator<[string, (copy: State) => void]> {
    const name = record.open ? `sets ${record.open.id} into ${record.seq}` : `closes ${record.seq}`;
    yield [name, (copy) => after(copy, this.#apply(copy, { on: "cas", record }) !== undefined)];
    const isDecision = record.open !== undefined && (state.actors[at] as Actor).phase === "decide";
    if (!isDecision || state.left.late === 0) return;
    yield [
      `gives up while it ${name}`,
      (copy) => {
        copy.left.late -= 1;
        copy.net.push({ on: "cas", record });
        copy.actors[at] = { phase: "end", known: [] };
      },
    ];
  }

  /** A request to a member: answered; done with its answer lost; lost; late; or done and done again later. */
  *#send(
    state: State,
    request: Request,
    answered: (copy: State, answer: Answer) => void,
  ): Generator<[string, (copy: State) => void]> {
    const name = `${request.on} ${request.intent?.id} at ${request.member}`;
    const changes = request.on !== "look";
    yield [name, (copy) => answered(copy, this.#apply(copy, request) as Answer)];
    if (state.left.lost > 0) {
      const lose = (copy: State): void => {
        copy.left.lost -= 1;
        answered(copy, { token: "silent" });
      };
      yield [`${name} (lost)`, lose];
      if (changes)
        yield [
          `${name} (answer lost)`,
          (copy) => {
            this.#apply(copy, request);
            lose(copy);
          },
        ];
    }
    if (changes && state.left.late > 0)
      yield [
        `${name} (late)`,
        (copy) => {
          copy.left.late -= 1;
          copy.net.push(request);
          answered(copy, { token: "silent" });
        },
      ];
    if (changes && state.left.repeats > 0)
      yield [
        `${name} (and again later)`,
        (copy) => {
          copy.left.repeats -= 1;
          answered(copy, this.#apply(copy, request) as Answer);
          copy.net.push(request);
        },
      ];
  }

  /** What a request does where it arrives. */
  #apply(state: State, { on, member = "", intent, sight, record }: Request): Answer | undefined {
    if (on === "cas") {
      if ((state.head?.seq ?? 0) + 1 !== record?.seq && this.#weakness !== "no order per path") return undefined;
      const { head } = state;
      if (record?.open && record.open.id !== head?.open?.id && !record.open.restores) state.order.push(record.open.id);
      if (record?.open && record.open.id !== head?.open?.id && state.accident) state.accident = "met";
      const ended = record?.recent[0];
      const isLevel = !record?.open && ended?.outcome === "committed" && !record?.last?.foreign;
      if (isLevel && state.accident === "met") delete state.accident;
      if (!record?.open && ended?.outcome === "aborted") state.order = state.order.filter((id) => id !== ended.id);
      if (record && this.#weakness !== "no order per path") state.head = record;
      return { token: "used" };
    }
    const { tokens, bases } = intent as Intent;
    const id = shownBy(intent as Intent);
    const at = state.members[member] as State["members"][string];
    const put = (shows: string | null): void => {
      state.members[member] = { shows, generation: at.generation + 1 };
    };
    const token = tokens[member] ?? "";
    if (on === "look") return { token: "gone", sight: this.#sightOf(member, at) };
    if (on === "remove") {
      if (this.#weakness === "deletes without a condition" || (at.shows !== null && this.#etagOf(member, at) === sight?.etag))
        put(null);
      return { token: "gone" };
    }
    if (on === "put") {
      const isSeen = sight === null ? at.shows === null : this.#etagOf(member, at) === sight?.etag;
      if (isSeen) put(id === "" ? null : id);
      return { token: "used" };
    }
    const base = bases[member] ?? null;
    if (this.#weakness === "commits are plain PUTs") put(id);
    else if (this.#weakness === "commits are PUTs under a generation") {
      if (at.shows === null ? base === null : base?.etag === this.#etagOf(member, at)) put(id);
    } else if (this.#weakness === "commits are PUTs under a content ETag") {
      if (this.#contentOf(at.shows) === this.#contentOf(base?.id ?? null)) put(id);
    } else if (state.tokens[token] === "staged") {
      put(id);
      state.tokens[token] = "used";
    }
    if ((state.members[member] as typeof at).shows !== id) return { token: "gone" };
    return this.#seenIn(id) === null ? { token: "used", sight: null } : { token: "used" };
  }

  #tokensOf(at: number, what: Scope["actors"][number]): Record<string, string> {
    if (what === "delete" && this.#scope.deletes === "fenced") return {};
    return Object.fromEntries(MEMBERS.map((member) => [member, `w${at + 1}@${member}`]));
  }

  #sightOf(member: string, at: { shows: string | null; generation: number }): Sight {
    const id = this.#seenIn(at.shows);
    return id === null ? null : { id, etag: this.#etagOf(member, at) };
  }

  /** What readers take it for: a mark that stays is nothing. Repairs have no id of their own but for deletes. */
  #seenIn(shows: string | null): string | null {
    const isMark =
      shows !== null && shows !== FIRST && /^(delete|repair)$/.test(this.#scope.actors[Number(shows.slice(1)) - 1] ?? "repair");
    return this.#scope.deletes === "kept" && isMark ? null : shows;
  }

  /** The former bytes are "x"; a write of "x" restores them. A mark has its writer's id for content. */
  #contentOf(id: string | null): string {
    const what = id === FIRST ? "x" : id === null ? "nothing" : this.#scope.actors[Number(id.slice(1)) - 1];
    return what === "x" || what === "y" || what === "nothing" ? what : String(id);
  }

  #etagOf(member: string, { shows, generation }: { shows: string | null; generation: number }): string {
    return this.#scope.deletes === "fenced" ? `${member}${generation}` : this.#contentOf(shows);
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
    const shown = MEMBERS.map((member) => this.#seenIn(state.members[member]?.shows ?? null));
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
      const [move] = [...model.#act(state, at)];
      move?.[1](state);
    }
  }
}
