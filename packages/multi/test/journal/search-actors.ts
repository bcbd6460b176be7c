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
import { type Actor, type Answer, FIRST, MEMBERS, type Request, type Scope, type State, type Weakness } from "./search-scope.ts";
import type { Stores } from "./search-stores.ts";

/** Something that can happen, by its name. */
export type Move = [string, (copy: State) => void];

/** Writers, deleters, recoverers and repairs: what they do next is decided by the real functions of the protocol. */
export class Actors {
  readonly #scope: Scope;
  readonly #weakness: Weakness | undefined;
  readonly #stores: Stores;

  constructor(scope: Scope, weakness: Weakness | undefined, stores: Stores) {
    this.#scope = scope;
    this.#weakness = weakness;
    this.#stores = stores;
  }

  /** What an actor may do next, with its name. */
  *act(state: State, at: number): Generator<Move> {
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
          for (const token of Object.values(this.#stores.tokensOf(at, what))) copy.tokens[token] = "staged";
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
      yield* this.#decide(state, at, { id: `w${at + 1}`, kind, at: 0, counter: 0, tokens: this.#stores.tokensOf(at, what), bases });
    }
    if (actor.phase === "finish") yield* this.#finish(state, at);
  }

  *#decide(state: State, at: number, intent: Intent): Generator<Move> {
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
      return this.#stores.sightOf(member, there);
    };
    return Object.fromEntries(MEMBERS.map((member) => [member, isAsked ? asked(member) : last.deleted ? null : { id: last.id }]));
  }

  /** A repair looks at one member after the other, before it reads the head. */
  *#lookAround(state: State, at: number): Generator<Move> {
    const { sights = {} } = state.actors[at] as Actor;
    const [member = "", ...others] = MEMBERS.filter((each) => !(each in sights));
    yield [
      `looks at ${member}`,
      (copy) => {
        const me = copy.actors[at] as Actor;
        me.sights = { ...sights, [member]: this.#stores.seenIn(copy.members[member]?.shows ?? null) };
        if (others.length === 0) me.phase = "read";
      },
    ];
  }

  /** Nothing is open: a repair compares what it saw with what was decided last, and decides to bring members to that. */
  *#mend(state: State, at: number): Generator<Move> {
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
    if (wanted === null)
      return yield* this.#decide(state, at, { ...base, kind: "delete", tokens: this.#stores.tokensOf(at, "delete") });
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
  *#put(state: State, at: number, targets: readonly string[], wanted: string | null): Generator<Move> {
    const { sights = {} } = state.actors[at] as Actor;
    const [member] = targets;
    const there = state.members[member as string] as State["members"][string];
    // Who saw this object saw its etag.
    const etag = there.shows === sights[member as string] ? this.#stores.etagOf(member as string, there) : "another";
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

  *#finish(state: State, at: number): Generator<Move> {
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
  *#cas(state: State, at: number, record: Head, after: (copy: State, stands: boolean) => void): Generator<Move> {
    const name = record.open ? `sets ${record.open.id} into ${record.seq}` : `closes ${record.seq}`;
    yield [name, (copy) => after(copy, this.#stores.apply(copy, { on: "cas", record }) !== undefined)];
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
  *#send(state: State, request: Request, answered: (copy: State, answer: Answer) => void): Generator<Move> {
    const name = `${request.on} ${request.intent?.id} at ${request.member}`;
    const changes = request.on !== "look";
    yield [name, (copy) => answered(copy, this.#stores.apply(copy, request) as Answer)];
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
            this.#stores.apply(copy, request);
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
          answered(copy, this.#stores.apply(copy, request) as Answer);
          copy.net.push(request);
        },
      ];
  }
}
