import { randomUUID } from "node:crypto";
import { backoffMs, delay, type ObjectInfo, OmniError, type StagedWrite } from "@omni/core";
import type { Group } from "../group.ts";
import type { Member } from "../members.ts";
import { asError } from "../outcome.ts";
import { deleteWayOf, isMark, markOf } from "./deleting.ts";
import type { HeadLog } from "./log.ts";
import {
  type CloseStep,
  close,
  type Known,
  knownAtFirst,
  nextStep,
  type OpenHead,
  retoken,
  type Settled,
  shownBy,
  standing,
} from "./protocol.ts";
import { stageCopy } from "./stage-copy.ts";

/** How often members that do not answer are asked in all, before the intent is left open. */
const ROUNDS = 4;

/** What became of an intent. */
export interface Finished {
  readonly outcome: Settled["outcome"] | "open";
  /** The members that are known to have taken part. */
  readonly done: ReadonlySet<string>;
  readonly foreign: readonly string[];
  /** Why members did not. */
  readonly errors: ReadonlyMap<string, Error>;
  readonly infos: ReadonlyMap<string, ObjectInfo>;
}

/** Finishes one intent on every member. Any number may be at it at once, anywhere, and each may stop at any moment. */
export class Finisher {
  readonly #group: Group;
  readonly #log: HeadLog;
  readonly #path: string;
  readonly #handles: Map<string, StagedWrite>;
  readonly #rounds: number;
  readonly #errors = new Map<string, Error>();
  readonly #infos = new Map<string, ObjectInfo>();
  #head: OpenHead;
  #known: Map<string, Known>;

  /**
   * @param head with the intent
   * @param handles the staged writes of the process that staged them
   * @param rounds how often silent members are asked
   */
  constructor(
    group: Group,
    log: HeadLog,
    head: OpenHead,
    handles: ReadonlyMap<string, StagedWrite> = new Map(),
    rounds: number = ROUNDS,
  ) {
    this.#group = group;
    this.#log = log;
    this.#head = head;
    this.#path = head.path;
    this.#handles = new Map(handles);
    this.#rounds = rounds;
    this.#known = this.#nothingKnown();
  }

  /** @throws OmniError what the journal says; the signal's reason: between two steps, which leaves the intent open */
  async run(signal?: AbortSignal): Promise<Finished> {
    let round = 1;
    while (true) {
      signal?.throwIfAborted();
      const step = nextStep(this.#head.open, this.#known);
      if (step.do === "commit" || step.do === "look" || step.do === "remove") await this.#each(step.members, this.#ask[step.do]);
      else if (step.do === "restage") {
        const ended = await this.#restage(step.from, step.members);
        if (ended) return this.#result(ended, []);
      } else if (step.do === "wait") {
        if (round === this.#rounds) return this.#result("open", []);
        await delay(backoffMs(round, { baseMs: 100, maxMs: 2_000 }), this.#group.settings.clock, signal);
        for (const member of step.members) this.#known.set(member, knownAtFirst(this.#head.open, member));
        round += 1;
      } else {
        const ended = await this.#close(step);
        if (ended) return ended;
      }
    }
  }

  #result(outcome: Finished["outcome"], foreign: readonly string[]): Finished {
    const done = [...this.#known]
      .filter(([member, { token }]) => token === "used" || this.#infos.has(member))
      .map(([member]) => member);
    const all = outcome === "committed" ? [...this.#known.keys()].filter((member) => !foreign.includes(member)) : done;
    return { outcome, done: new Set(all), foreign, errors: this.#errors, infos: this.#infos };
  }

  #nothingKnown(): Map<string, Known> {
    return new Map(this.#group.members.map(({ name }) => [name, knownAtFirst(this.#head.open, name)]));
  }

  #each(names: readonly string[], work: (member: Member) => Promise<Known>): Promise<unknown> {
    return Promise.all(
      names.map(async (name) => {
        const member = this.#group.members.find((each) => each.name === name) as Member;
        let known: Known;
        try {
          known = await work(member);
          this.#errors.delete(name);
        } catch (error) {
          // Done, not done, or done later: nothing is concluded from an error.
          this.#errors.set(name, asError(error));
          this.#handles.delete(name);
          known = { token: "silent" };
        }
        this.#known.set(name, known);
      }),
    );
  }

  readonly #ask: Readonly<Record<"commit" | "look" | "remove", (member: Member) => Promise<Known>>> = {
    commit: (member) => this.#commit(member),
    look: (member) => this.#look(member),
    remove: (member) => this.#remove(member),
  };

  get #call(): { readonly timeoutMs: number } {
    return { timeoutMs: this.#group.settings.memberTimeoutMs };
  }

  async #commit({ name, backend }: Member): Promise<Known> {
    const token = this.#head.open.tokens[name] as string;
    try {
      const staged = this.#handles.get(name) ?? (await backend.resumeStage(this.#path, token, this.#call));
      if (staged.state === "gone") return { token: "gone" };
      this.#infos.set(name, await staged.commit(this.#call));
      // A mark that stays needs nothing more.
      return this.#head.open.kind === "delete" && deleteWayOf(backend) === "kept"
        ? { token: "used", sight: null }
        : { token: "used" };
    } catch (error) {
      // Gone: withdrawn, expired, or used up by somebody else. The object itself will tell.
      if (OmniError.is(error, "NOT_FOUND")) return { token: "gone" };
      throw error;
    }
  }

  async #look({ name, backend }: Member): Promise<Known> {
    const { token } = this.#known.get(name) as { readonly token: "used" | "gone" };
    try {
      const info = await backend.stat(this.#path, this.#call);
      // A mark is nothing, but to the delete that still has to remove it.
      if (isMark(info) && (deleteWayOf(backend) === "kept" || info.stamp?.id !== this.#head.open.id)) return { token, sight: null };
      if (info.stamp?.id === shownBy(this.#head.open)) this.#infos.set(name, info);
      return { token, sight: { id: info.stamp?.id, etag: info.etag } };
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) return { token, sight: null };
      throw error;
    }
  }

  /** Deletes what was seen, and nothing that came since. */
  async #remove({ name, backend }: Member): Promise<Known> {
    const { sight } = this.#known.get(name) as { readonly sight?: { readonly etag?: string | undefined } | undefined };
    const ifMatch = sight?.etag;
    if (ifMatch === undefined)
      throw new OmniError("NOT_SUPPORTED", {
        backend: name,
        operation: "delete",
        path: this.#path,
        reason: "the store shows no etag",
      });
    try {
      await backend.delete(this.#path, { ...this.#call, ifMatch });
      return { token: "gone", sight: null };
    } catch (error) {
      if (OmniError.is(error, "PRECONDITION_FAILED", "NOT_FOUND")) return { token: "gone" };
      throw error;
    }
  }

  /** Stages again where a token is gone. The new tokens are used only when the head has them: then nothing can have been closed meanwhile. */
  async #restage(from: readonly string[], members: readonly string[]): Promise<Settled["outcome"] | undefined> {
    const staged = new Map<string, StagedWrite>();
    await this.#each(members, async (member) => {
      staged.set(member.name, await this.#stageAgain(member, from));
      return this.#known.get(member.name) as Known;
    });
    if (staged.size === 0) {
      // The source may have been overwritten, because the intent was closed: the head tells.
      return this.#reread();
    }
    const tokens = Object.fromEntries([...staged].map(([name, { token }]) => [name, token]));
    const record = retoken(this.#head, tokens, randomUUID());
    if ((await this.#log.add(record)) !== "stands") {
      await Promise.all([...staged.values()].map((each) => withdraw(each, this.#call)));
      return this.#reread();
    }
    this.#head = record;
    for (const [name, handle] of staged) {
      this.#handles.set(name, handle);
      this.#known.set(name, { token: "new" });
    }
    return undefined;
  }

  async #stageAgain(member: Member, from: readonly string[]): Promise<StagedWrite> {
    const { id, kind, counter } = this.#head.open;
    if (kind === "delete") {
      const { body, metadata } = markOf(id);
      return member.backend.stage(this.#path, body, { metadata, stamp: { id, counter }, ...this.#call });
    }
    let failure: unknown;
    for (const name of from) {
      const source = this.#group.members.find((each) => each.name === name) as Member;
      try {
        return await stageCopy(this.#group, this.#path, shownBy(this.#head.open), source, member);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #close(step: CloseStep): Promise<Finished | undefined> {
    // Who saw every token used knows the outcome, whoever records it.
    const isCertain = step.outcome === "committed" && [...this.#known.values()].every(({ token }) => token === "used");
    try {
      const added = await this.#log.add(close(this.#head, step, randomUUID()), !isCertain);
      if (added === "stands") return this.#result(step.outcome, step.foreign);
      // Others closed it before; what looked foreign here may be what was decided after that.
      const ended = await this.#reread();
      return ended && this.#result(ended, []);
    } catch (error) {
      if (!isCertain || !OmniError.is(error)) throw error;
      // Every member holds it. That the journal still calls it open costs whoever comes next a look.
      this.#group.settings.logger?.warn(
        { path: this.#path, intent: this.#head.open.id, error },
        "the end of an intent was not recorded",
      );
      return this.#result("committed", []);
    }
  }

  /** Somebody else was faster: what became of the intent, or the head as it is now. */
  async #reread(): Promise<Settled["outcome"] | undefined> {
    const newest = await this.#log.head(this.#path);
    const fate = standing(this.#head, newest);
    if (fate === "committed" || fate === "aborted") return fate;
    if (fate === "stands" && newest?.open) {
      if (newest.seq === this.#head.seq) return undefined;
      this.#head = newest as OpenHead;
      this.#handles.clear();
      this.#known = this.#nothingKnown();
      return undefined;
    }
    const reason = `intent ${this.#head.open.id} was finished by others so long ago that the journal forgot how`;
    throw new OmniError("IN_DOUBT", { backend: "multi", operation: "journal", path: this.#path, reason, outcome: "unknown" });
  }
}

/** Withdraws staged bytes; what cannot be withdrawn stays invisible, for the store's sweep. */
export async function withdraw(staged: StagedWrite, call: { readonly timeoutMs: number }): Promise<void> {
  try {
    await staged.discard(call);
  } catch (error) {
    if (!OmniError.is(error)) throw error;
  }
}
