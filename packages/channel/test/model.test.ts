import type { ChannelOptions } from "@omni/channel";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { type Got, type Sent, Simulation, type Step } from "./simulation.ts";

const choice = fc.nat(50);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("openWriter", "openReader"), path: choice }) },
  { weight: 24, arbitrary: fc.record({ do: fc.constant("write"), writer: choice, size: fc.constantFrom(0, 3, 70) }) },
  { weight: 16, arbitrary: fc.record({ do: fc.constant("next"), reader: choice, calls: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("closeWriter"), writer: choice }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("abortWriter"), writer: choice }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("closeReader"), reader: choice }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete"), path: choice }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("publish"), path: choice, messages: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("broadcast"), path: choice }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("pause"), turns: fc.nat(8) }) },
);

const options: fc.Arbitrary<ChannelOptions> = fc.record({
  bufferSize: fc.integer({ min: 1, max: 9 }),
  mode: fc.constantFrom("queue", "pubsub"),
  persistent: fc.boolean(),
  lossy: fc.boolean(),
});

describe("random writers, readers, closes, deletes, aborts and broadcasts", () => {
  const unhandled: unknown[] = [];
  const keep = (reason: unknown): void => void unhandled.push(reason);
  beforeAll(() => process.on("unhandledRejection", keep));
  afterAll(() => process.off("unhandledRejection", keep));

  it("lose, double, reorder and glue no message, and leave nobody waiting", async () => {
    const { parameters } = propertyRuns({ name: "channel simulation", push: 1000, test: 300 });
    const property = fc.asyncProperty(
      options,
      fc.array(step, { minLength: 30, maxLength: 120, size: "max" }),
      async (chosen, steps) => {
        const simulation = new Simulation(chosen);
        await simulation.run(steps);
        check(simulation, chosen);
        if (unhandled.length > 0) throw new Error("a rejection was not handled", { cause: unhandled.shift() });
      },
    );
    for (const each of parameters) await fc.assert(property, { ...each });
  }, 1_800_000);
});

function check(simulation: Simulation, { mode, persistent }: ChannelOptions): void {
  const { sent, backend } = simulation;
  const got = simulation.got.map((each) => ({ ...each, ids: each.answers.filter((id) => id !== undefined) }));
  if (simulation.unanswered > 0) throw new Error(`${simulation.unanswered} calls were never answered`);
  if (backend.driver.table.size > 0) throw new Error(`${backend.driver.table.size} channels were left behind`);
  if (simulation.stuckWrites > 0) throw new Error(`${simulation.stuckWrites} writes waited though all was read`);
  for (const each of got) checkReader(each, sent);
  checkRefusals(sent);
  if (!persistent) {
    for (const each of got) checkEpoch(each, sent);
    checkBroadcasts(simulation, got);
  }
  if (!persistent && mode === "queue") checkCompetition(sent, got);
  if (!persistent && mode === "pubsub") checkSubscription(sent, got);
  if (persistent && mode === "queue") checkReplayThenCompetition(sent, got);
  if (persistent && mode === "pubsub") checkReplay(sent, got);
}

/** What one reader got, in the order of its calls. */
type Received = Got & { readonly ids: readonly number[] };

/** Nothing of an earlier or later stream. */
function checkEpoch({ ids, reader }: Received, sent: readonly Sent[]): void {
  for (const id of ids) {
    const { epoch } = sent[id] as Sent;
    if (epoch && epoch !== reader.epoch) throw new Error(`message ${id} of another stream reached a reader`);
  }
}

/** A message is refused only when its writer or its channel had ended, or the channel failed. */
function checkRefusals(sent: readonly Sent[]): void {
  for (const { id, late, state, epoch } of sent)
    if (state === "refused" && epoch && !late && !epoch.failure) throw new Error(`message ${id} was refused for no reason`);
}

/** What a report calls delivered is with somebody, unless the channel failed afterwards. */
function checkBroadcasts({ delivered }: Simulation, got: readonly Received[]): void {
  for (const { id, epoch } of delivered) {
    const there = got.filter(({ reader }) => reader.epoch === epoch);
    if (!epoch.failure && !there.some(({ ids, end }) => end === "closed" || ids.includes(id)))
      throw new Error(`broadcast ${id} was delivered and reached nobody`);
  }
}

/** Nothing glued or cut, nothing twice, each writer's messages in their order, nothing that was refused. */
function checkReader({ ids, strange, reader }: Received, sent: readonly Sent[]): void {
  if (strange.length > 0) throw new Error(`no such message was sent: ${strange.join(" | ")}`);
  if (new Set(ids).size !== ids.length) throw new Error(`a reader got a message twice: ${ids}`);
  const last = new Map<number, number>();
  for (const id of ids) {
    const { sender, state, epoch } = sent[id] as Sent;
    if (id < (last.get(sender) ?? -1)) throw new Error(`messages of writer ${sender} came out of order: ${ids}`);
    last.set(sender, id);
    // One part of a write of several may be refused after others were taken; a single one that was refused never arrives.
    if (state === "refused" && epoch) throw new Error(`message ${id} was refused and arrived nevertheless`);
    if (state === "waiting" && epoch) throw new Error(`message ${id} arrived, but its writer was not told`);
  }
  if (reader.waiting !== 0) throw new Error(`a reader is left with ${reader.waiting} waiting calls`);
}

/** What must have arrived: taken in by a channel that did not fail. */
function owed(sent: readonly Sent[]): Sent[] {
  return sent.filter(({ state, epoch }) => state === "accepted" && epoch && !epoch.failure);
}

function checkCompetition(sent: readonly Sent[], got: readonly Received[]): void {
  const taken = count(got.flatMap(({ ids }) => ids).filter((id) => (sent[id] as Sent).epoch));
  for (const [id, times] of taken) if (times > 1) throw new Error(`message ${id} went to ${times} readers`);
  for (const { id } of owed(sent)) if (!taken.has(id)) throw new Error(`message ${id} was lost`);
}

function checkSubscription(sent: readonly Sent[], got: readonly Received[]): void {
  for (const { id, epoch, at } of owed(sent)) {
    const there = got.filter(({ reader }) => reader.epoch === epoch);
    // What one reader alone was to have goes with it when it leaves.
    if (!there.some(({ ids, end }) => end === "closed" || ids.includes(id))) throw new Error(`message ${id} was lost`);
    for (const each of there)
      if (each.end === "clean" && each.at < at && !each.ids.includes(id)) throw new Error(`a subscriber missed message ${id}`);
  }
}

function checkReplay(sent: readonly Sent[], got: readonly Received[]): void {
  for (const each of got.filter(({ end }) => end === "clean")) {
    for (const id of each.stored) if (!each.ids.includes(id)) throw new Error(`a late reader missed the stored message ${id}`);
    for (const { id, epoch } of owed(sent))
      if (epoch === each.reader.epoch && !each.ids.includes(id)) throw new Error(`a reader missed message ${id} of its channel`);
  }
}

function checkReplayThenCompetition(sent: readonly Sent[], got: readonly Received[]): void {
  const live: number[] = [];
  for (const { ids, stored, end } of got) {
    if (end === "clean")
      for (const id of stored) if (!ids.includes(id)) throw new Error(`a late reader missed the stored message ${id}`);
    live.push(...ids.filter((id) => !stored.includes(id) && (sent[id] as Sent).epoch));
  }
  for (const [id, times] of count(live)) if (times > 1) throw new Error(`the live message ${id} went to ${times} readers`);
  for (const { id, epoch, at } of owed(sent)) {
    const awaited = got.some((each) => each.reader.epoch === epoch && each.end === "clean" && each.at < at);
    if (awaited && !live.includes(id)) throw new Error(`the live message ${id} reached nobody`);
  }
}

function count(ids: readonly number[]): Map<number, number> {
  const times = new Map<number, number>();
  for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
}
