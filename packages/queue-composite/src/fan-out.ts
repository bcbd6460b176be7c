import type { Clock } from "@omni/core";
import type { DriverPublishOptions, PublishOutcome, WireMessage } from "@omni/core/queue";
import { failureOf } from "./failure.ts";
import type { MemberCall, MemberLink } from "./member-link.ts";
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
): Promise<readonly PublishOutcome[]> {
  const ballots = batch.map(() => new Ballot(parts.links.length));
  return parts.strategy === "failover"
    ? inTurn(parts, topic, batch, ballots, options)
    : atOnce(parts, topic, batch, ballots, options);
}

function atOnce(
  parts: FanOutParts,
  topic: string,
  batch: readonly WireMessage[],
  ballots: readonly Ballot[],
  options: DriverPublishOptions,
): Promise<readonly PublishOutcome[]> {
  const { links, strategy, needed, clock } = parts;
  const started = clock.now();
  return new Promise((resolve) => {
    let undecided = ballots.length;
    const take = (place: number, found: readonly CompositeOutcome[]): void => {
      const before = undecided;
      for (const [index, ballot] of ballots.entries()) {
        ballot.take(place, found[index] as CompositeOutcome);
        ballot.decision ??= decide(strategy, needed, ballot);
        if (!ballot.decision || ballot.decided.length > 0) continue;
        const pending = (link: MemberLink): CompositeOutcome => pendingOutcome(link.member, clock.now() - started);
        ballot.decided = links.map((link, member) => ballot.outcomes[member] ?? pending(link));
        undecided -= 1;
      }
      if (undecided === 0 && before > 0) resolve(ballots.map((ballot) => wordOf(parts, topic, ballot, settled)));
    };
    const calls = links.map((link) => link.call(topic, options.deadline));
    const free = follow(options.signal, calls);
    const settled = Promise.all(
      links.map((link, place) => link.send(calls[place] as MemberCall, batch).then((found) => take(place, found))),
    ).then(free);
  });
}

/** What the caller gives up is given up with every member. @returns stops it */
function follow(signal: AbortSignal | undefined, calls: readonly MemberCall[]): () => void {
  const giveUp = (): void => {
    for (const call of calls) call.abort(signal?.reason);
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted) giveUp();
  return () => signal?.removeEventListener("abort", giveUp);
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
    const free = follow(options.signal, [call]);
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
