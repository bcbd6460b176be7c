import type { Clock } from "@omni/core";
import { type DriverPublishOptions, type PublishOutcome, type WireMessage, whenAborted } from "@omni/core/queue";
import { failureOf } from "./failure.ts";
import { isAtHand, type MemberCall, type MemberLink } from "./member-link.ts";
import { type CompositeOutcome, isAcked, isRefused, pendingOutcome } from "./outcome.ts";
import { decide, type Strategy } from "./strategy.ts";

/** What a fan-out works with. */
export interface FanOutParts {
  readonly links: readonly MemberLink[];
  readonly strategy: Strategy;
  readonly needed: number;
  readonly clock: Clock;
}

/** How the members stand with one message. */
class Ballot {
  readonly members: number;
  readonly outcomes: (CompositeOutcome | undefined)[];
  acked = 0;
  failed = 0;
  refused = 0;
  decision: "acked" | "rejected" | "in-doubt" | undefined;
  /** What was known when it was decided. */
  decided: readonly CompositeOutcome[] = [];

  constructor(members: number) {
    this.members = members;
    this.outcomes = new Array(members);
  }

  take(place: number, outcome: CompositeOutcome): void {
    this.outcomes[place] = outcome;
    if (isAcked(outcome)) this.acked += 1;
    else this.failed += 1;
    if (isRefused(outcome)) this.refused += 1;
  }
}

/** Publishes a batch to every member at once, or one after the other under "failover". Never rejects. */
export function fanOut(
  parts: FanOutParts,
  topic: string,
  batch: readonly WireMessage[],
  options: DriverPublishOptions,
): Promise<readonly PublishOutcome[]> | readonly PublishOutcome[] {
  const ballots = batch.map(() => new Ballot(parts.links.length));
  return parts.strategy === "failover"
    ? inTurn(parts, topic, batch, ballots, options)
    : atOnce(parts, topic, batch, ballots, options);
}

const NOTHING_OPEN = Promise.resolve();

/** Where every member's word is at hand there is no promise, and nobody to give up. */
function atOnce(
  parts: FanOutParts,
  topic: string,
  batch: readonly WireMessage[],
  ballots: readonly Ballot[],
  options: DriverPublishOptions,
): Promise<readonly PublishOutcome[]> | readonly PublishOutcome[] {
  const { links, clock } = parts;
  const round = new Round(parts, ballots, clock.now());
  const calls = links.map((link) => link.call(topic, options.deadline));
  const said = links.map((link, place) => link.send(calls[place] as MemberCall, batch));
  const words = (end: Promise<unknown>): PublishOutcome[] => ballots.map((ballot) => wordOf(parts, topic, ballot, end));
  if (said.every(isAtHand)) {
    for (let place = 0; place < said.length; place++) round.take(place, said[place] as readonly CompositeOutcome[]);
    return words(NOTHING_OPEN);
  }
  const free = follow(options, calls);
  return new Promise((resolve) => {
    const end = Promise.all(
      said.map(async (word, place) => {
        round.take(place, await word);
        if (round.isDecided) resolve(words(end));
      }),
    ).then(free);
  });
}

/** How a publish to all members at once stands. */
class Round {
  readonly #parts: FanOutParts;
  readonly #ballots: readonly Ballot[];
  readonly #started: number;
  #undecided: number;

  constructor(parts: FanOutParts, ballots: readonly Ballot[], started: number) {
    this.#parts = parts;
    this.#ballots = ballots;
    this.#started = started;
    this.#undecided = ballots.length;
  }

  get isDecided(): boolean {
    return this.#undecided === 0;
  }

  /** A member's word on each message. */
  take(place: number, found: readonly CompositeOutcome[]): void {
    const { strategy, needed } = this.#parts;
    for (let index = 0; index < this.#ballots.length; index++) {
      const ballot = this.#ballots[index] as Ballot;
      ballot.take(place, found[index] as CompositeOutcome);
      if (ballot.decision) continue;
      ballot.decision = decide(strategy, needed, ballot);
      if (ballot.decision) this.#close(ballot);
    }
  }

  /** What is known when it is decided is what the publish tells. */
  #close(ballot: Ballot): void {
    const { links, clock } = this.#parts;
    ballot.decided = links.map(
      ({ member }, place) => ballot.outcomes[place] ?? pendingOutcome(member, clock.now() - this.#started),
    );
    this.#undecided -= 1;
  }
}

/** What the caller gives up is given up with every member. @returns stops it */
function follow(options: DriverPublishOptions, calls: readonly MemberCall[]): () => void {
  return whenAborted(options, (reason) => {
    for (const call of calls) call.abort(reason);
  });
}

/** The next member gets what the former ones did not take. */
async function inTurn(
  parts: FanOutParts,
  topic: string,
  batch: readonly WireMessage[],
  ballots: readonly Ballot[],
  options: DriverPublishOptions,
): Promise<readonly PublishOutcome[]> {
  for (const [place, link] of parts.links.entries()) {
    const left = batch.map((_, index) => index).filter((index) => ballots[index]?.acked === 0);
    if (left.length === 0 || (place > 0 && options.signal?.aborted)) break;
    const call = link.call(topic, options.deadline);
    const free = follow(options, [call]);
    const found = await link.send(
      call,
      left.map((index) => batch[index] as WireMessage),
    );
    free();
    for (const [i, index] of left.entries()) ballots[index]?.take(place, found[i] as CompositeOutcome);
  }
  return ballots.map((ballot) => {
    ballot.decided = ballot.outcomes.filter((outcome) => outcome !== undefined);
    // Members that were not tried because the caller gave up do not hold it either.
    ballot.decision = decide("failover", parts.needed, ballot) ?? (ballot.failed > ballot.refused ? "in-doubt" : "rejected");
    return wordOf(parts, topic, ballot, Promise.resolve());
  });
}

/** What the composite says of a message. */
function wordOf({ strategy }: FanOutParts, topic: string, ballot: Ballot, end: Promise<unknown>): PublishOutcome {
  const { decision, decided: outcomes } = ballot;
  const acks = outcomes.filter(isAcked);
  const position = acks.find((outcome) => outcome.position)?.position;
  if (decision === "acked") {
    const state = acks.length > 0 && acks.every((outcome) => outcome.state === "duplicate") ? "duplicate" : "acked";
    return { state, position, outcomes };
  }
  const settled = end.then(() => ballot.outcomes.filter((outcome) => outcome !== undefined));
  const error = failureOf({ strategy, decision: decision ?? "rejected", topic, outcomes, settled });
  return { state: decision === "in-doubt" ? "unknown" : "rejected", position, error, outcomes };
}
