import { MultiError, type OmniError } from "@omni/core";
import { isPublishFailure, type PublishResult } from "@omni/core/queue";
import { propertyRuns } from "@omni/property";
import { type CompositeError, type CompositeOutcome, compositeQueue, STRATEGIES, type Strategy } from "@omni/queue-composite";
import { StepClock } from "@omni/virtual-time";
import fc from "fast-check";
import { type Answer, puppetQueue } from "./puppet-queue.ts";
import { turns } from "./turns.ts";

type Word = Answer | "skipped";
const WORDS: readonly Word[] = ["acked", "duplicate", "rejected", "unknown", "hang", "throws", "skipped"];

interface Case {
  readonly strategy: Strategy;
  readonly words: readonly Word[];
  readonly minAcks: number;
  readonly quorum: number;
  /** In which order those members answer that do. */
  readonly order: readonly number[];
}

interface Expected {
  readonly end: "acked" | "duplicate" | "rejected" | "unknown";
  readonly code?: string;
  /** Whether it ends before the members that hang have been given up. */
  readonly early: boolean;
  /** How the members of the result stand; "?" = no answer yet. */
  readonly states: readonly string[];
  /** How all tried members stand in the end. */
  readonly settled: readonly string[];
}

/**
 * The reference: what the README promises, member by member. What is skipped is known first, then what throws, then the answers in their
 * order; who hangs settles last, as unknown.
 */
function model({ strategy, words, minAcks, quorum, order: answering }: Case): Expected {
  const final = words.map((word) => (word === "hang" ? "unknown" : word === "throws" ? "rejected" : word));
  const good = (state: string): boolean => state === "acked" || state === "duplicate";
  const goods = (states: readonly string[]): number => states.filter(good).length;
  const need = { "fail-fast": words.length, all: words.length, "best-effort": minAcks, quorum, failover: 1 }[strategy];

  let tried = final;
  if (strategy === "failover") {
    const first = final.findIndex(good);
    tried = first < 0 ? final : final.slice(0, first + 1);
  }
  const rank = (i: number): number => ["skipped", "throws"].indexOf(words[i] as string) + 1 || (words[i] === "hang" ? 9 : 5);
  const moments = answering.filter((i) => rank(i) === 5);
  const others = tried.flatMap((_, i) => (rank(i) === 5 ? [] : [i])).sort((a, b) => rank(a) - rank(b) || a - b);
  const spread = [...others.filter((i) => rank(i) < 5), ...moments, ...others.filter((i) => rank(i) > 5)];
  const order = strategy === "failover" ? tried.map((_, i) => i) : spread;
  const spoken = new Set<number>();
  let decided: "yes" | "no" | undefined;
  for (const member of order) {
    spoken.add(member);
    const states = [...spoken].map((i) => tried[i] as string);
    const bad = states.length - goods(states);
    if (strategy === "fail-fast") decided = bad > 0 ? "no" : states.length === words.length ? "yes" : undefined;
    else if (strategy === "quorum") decided = goods(states) >= quorum ? "yes" : bad > words.length - quorum ? "no" : undefined;
    else if (states.length === tried.length) decided = goods(states) >= need ? "yes" : "no";
    if (decided) break;
  }
  const states = tried.map((state, i) => (spoken.has(i) ? state : "?"));
  const early =
    strategy === "failover" ? !tried.some((_, i) => words[i] === "hang") : ![...spoken].some((i) => words[i] === "hang");
  const refused = states.filter((state) => state === "rejected" || state === "skipped").length;
  if (decided === "yes") {
    const acks = states.filter(good);
    return {
      end: acks.length > 0 && acks.every((state) => state === "duplicate") ? "duplicate" : "acked",
      early,
      states,
      settled: tried,
    };
  }
  const open = words.length - refused >= need;
  const code = open ? "IN_DOUBT" : strategy === "quorum" ? "QUORUM_FAILED" : "PARTIAL_FAILURE";
  return { end: open ? "unknown" : "rejected", code, early, states, settled: tried };
}

const cases: fc.Arbitrary<Case> = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }).chain((words) =>
  fc.record({
    strategy: fc.constantFrom(...STRATEGIES),
    words: fc.constant(words),
    minAcks: fc.integer({ min: 0, max: words.length }),
    quorum: fc.integer({ min: 1, max: words.length }),
    order: fc.shuffledSubarray([...words.keys()], { minLength: words.length }),
  }),
);

function shown(outcomes: readonly CompositeOutcome[] | undefined): readonly string[] {
  return (outcomes ?? []).map(({ state, pending }) => (pending ? "?" : state));
}

async function real({ strategy, words, minAcks, quorum, order }: Case): Promise<Expected> {
  const clock = new StepClock();
  const isManual = (word: Word): boolean => strategy !== "failover" && ["acked", "duplicate", "rejected", "unknown"].includes(word);
  const puppets = words.map((word, i) => puppetQueue(`m${i}`, word === "skipped" ? "rejected" : isManual(word) ? "manual" : word));
  const members = puppets.map(({ queue }, i) => ({ name: `m${i}`, provider: queue, breaker: { failures: 1, openMs: 1_000_000 } }));
  const queue = compositeQueue(members, { strategy, minAcks, quorum, clock, topic: "t", memberTimeoutMs: 1_000, subscribe: false });
  for (const [i, word] of words.entries()) if (word === "skipped") await openBreaker(queue.driver.members[i]);
  let end: PublishResult | OmniError | undefined;
  const publish = queue.publish({ data: "x" }, { timeoutMs: 60_000 }).then(
    (result) => {
      end = result;
    },
    (error: OmniError) => {
      end = error;
    },
  );
  await turns();
  for (const i of order) {
    const state = words[i] as "acked";
    if (!isManual(state)) continue;
    puppets[i]?.seen[0]?.answer([{ state, error: puppets[i]?.error }]);
    await turns(1);
  }
  const early = end !== undefined;
  // Under failover members hang one after the other.
  for (let i = 0; i < words.length; i++) {
    clock.pass(1_000);
    await turns(2);
  }
  await publish;
  await turns(2);
  expect(clock.timers).toBeLessThanOrEqual(1);
  const sent = words.map((word, i) => (word === "skipped" ? 0 : puppets[i]?.seen.length));
  if (strategy !== "failover") expect(sent).toEqual(words.map((word) => (word === "skipped" ? 0 : 1)));
  if (!isPublishFailure(end)) {
    const result = end as PublishResult;
    const outcomes = result.outcomes as readonly CompositeOutcome[];
    return { end: result.state as "acked", early, states: shown(outcomes), settled: [] };
  }
  expect(MultiError.is(end)).toBe(true);
  const error = end as unknown as CompositeError & typeof end;
  const result = error.results[0] as PublishResult;
  expect(error.messages.map(({ id }) => id)).toEqual([result.id]);
  // Each error names its member.
  for (const outcome of error.outcomes) if (outcome.error) expect(outcome.error.message).toContain(outcome.member);
  return { end: result.state, code: error.code, early, states: shown(error.outcomes), settled: shown(await error.settled) };
}

/** Opens a member's breaker as failed publishes do. */
async function openBreaker(member: unknown): Promise<void> {
  const { breaker } = member as { readonly breaker: { record(word: string): void } };
  breaker.record("failure");
}

test("every strategy ends as the model says, whatever the members answer", async () => {
  const property = fc.asyncProperty(cases, async (one) => {
    const expected = model(one);
    const found = await real(one);
    expect(found).toEqual(expected.code === undefined ? { ...expected, settled: [] } : expected);
  });
  const runs = propertyRuns({ name: "composite strategies", push: 20_000, test: 300 });
  for (const parameters of runs.parameters) await fc.assert(property, parameters);
}, 600_000);

test("the model knows the words of the promise", () => {
  const one = (strategy: Strategy, words: readonly Word[], more: Partial<Case> = {}): Expected =>
    model({ strategy, words, minAcks: 1, quorum: 2, order: [...words.keys()], ...more });
  expect(one("best-effort", ["rejected", "rejected"]).end).toBe("rejected");
  expect(one("best-effort", ["rejected", "rejected"], { minAcks: 0 }).end).toBe("acked");
  expect(one("fail-fast", ["rejected", "hang"])).toMatchObject({ end: "rejected", early: true, states: ["rejected", "?"] });
  expect(one("quorum", ["acked", "hang", "acked"])).toMatchObject({ end: "acked", early: true, states: ["acked", "?", "acked"] });
  expect(one("failover", ["unknown", "acked", "acked"])).toMatchObject({ end: "acked", states: ["unknown", "acked"] });
  expect(one("all", ["acked", "unknown"]).code).toBe("IN_DOUBT");
});
