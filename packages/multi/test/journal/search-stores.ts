import { type Intent, type Sight, shownBy } from "../../src/journal/protocol.ts";
import { type Answer, FIRST, MEMBERS, type Request, type Scope, type State, type Weakness } from "./search-scope.ts";

/** The members and the journal: what a request does where it arrives, and what is seen there. */
export class Stores {
  readonly #scope: Scope;
  readonly #weakness: Weakness | undefined;

  constructor(scope: Scope, weakness: Weakness | undefined) {
    this.#scope = scope;
    this.#weakness = weakness;
  }

  /** What a request does where it arrives. */
  apply(state: State, { on, member = "", intent, sight, record }: Request): Answer | undefined {
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
    if (on === "look") return { token: "gone", sight: this.sightOf(member, at) };
    if (on === "remove") {
      if (this.#weakness === "deletes without a condition" || (at.shows !== null && this.etagOf(member, at) === sight?.etag))
        put(null);
      return { token: "gone" };
    }
    if (on === "put") {
      const isSeen = sight === null ? at.shows === null : this.etagOf(member, at) === sight?.etag;
      if (isSeen) put(id === "" ? null : id);
      return { token: "used" };
    }
    const base = bases[member] ?? null;
    if (this.#weakness === "commits are plain PUTs") put(id);
    else if (this.#weakness === "commits are PUTs under a generation") {
      if (at.shows === null ? base === null : base?.etag === this.etagOf(member, at)) put(id);
    } else if (this.#weakness === "commits are PUTs under a content ETag") {
      if (this.#contentOf(at.shows) === this.#contentOf(base?.id ?? null)) put(id);
    } else if (state.tokens[token] === "staged") {
      put(id);
      state.tokens[token] = "used";
    }
    if ((state.members[member] as typeof at).shows !== id) return { token: "gone" };
    return this.seenIn(id) === null ? { token: "used", sight: null } : { token: "used" };
  }

  /** The tokens of an actor that stages. */
  tokensOf(at: number, what: Scope["actors"][number]): Record<string, string> {
    if (what === "delete" && this.#scope.deletes === "fenced") return {};
    return Object.fromEntries(MEMBERS.map((member) => [member, `w${at + 1}@${member}`]));
  }

  /** What a look at a member shows. */
  sightOf(member: string, at: { shows: string | null; generation: number }): Sight {
    const id = this.seenIn(at.shows);
    return id === null ? null : { id, etag: this.etagOf(member, at) };
  }

  /** What readers take it for: a mark that stays is nothing. Repairs have no id of their own but for deletes. */
  seenIn(shows: string | null): string | null {
    const isMark =
      shows !== null && shows !== FIRST && /^(delete|repair)$/.test(this.#scope.actors[Number(shows.slice(1)) - 1] ?? "repair");
    return this.#scope.deletes === "kept" && isMark ? null : shows;
  }

  /** The former bytes are "x"; a write of "x" restores them. A mark has its writer's id for content. */
  #contentOf(id: string | null): string {
    const what = id === FIRST ? "x" : id === null ? "nothing" : this.#scope.actors[Number(id.slice(1)) - 1];
    return what === "x" || what === "y" || what === "nothing" ? what : String(id);
  }

  /** Under which it is deleted and replaced: a generation, or what depends on the bytes alone. */
  etagOf(member: string, { shows, generation }: { shows: string | null; generation: number }): string {
    return this.#scope.deletes === "fenced" ? `${member}${generation}` : this.#contentOf(shows);
  }
}
