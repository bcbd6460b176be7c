import {
  DEAD_LETTER,
  type Delivery,
  fromDeadLetter,
  type Message,
  type MessageInput,
  newId,
  type QueueProvider,
} from "@omni/core/queue";
import { type Context, type Run, UsageError } from "../command.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatDate } from "../output/format.ts";
import { deliveriesOf, messageFields, needsBrowse, queueAt } from "./queue-target.ts";
import type { DLQ_OPTIONS } from "./queues.ts";

type Options = OptionsOf<typeof DLQ_OPTIONS>;

/** The group that replays, so that a dead letter is replayed once whoever does it. */
const GROUP = "omni-dlq";
const IDLE_MS = 5_000;

/** `omni queue dlq`. */
export const run: Run<Options> = async (context, [action = "", text = ""], options) => {
  if (action !== "list" && action !== "replay")
    throw new UsageError(`write omni queue dlq list or replay, not ${JSON.stringify(action)}`);
  const { provider, topic } = await queueAt(context, text);
  const letters = options.letters ?? (topic.endsWith(".dlq") ? topic : `${topic}.dlq`);
  return action === "list" || context.dryRun
    ? list(context, provider, letters, options)
    : replay(context, provider, letters, options);
};

async function list(
  { out, signal, dryRun }: Context,
  provider: QueueProvider,
  letters: string,
  { count, id }: Options,
): Promise<ExitCode> {
  needsBrowse(provider, letters);
  let shown = 0;
  for await (const letter of provider.browse(letters, { signal })) {
    if (id && !id.includes(letter.id)) continue;
    await out.result({ ...messageFields(letter), ...failureOf(letter), ...(dryRun ? { dryRun } : {}) }, () =>
      out.name(lineOf(letter)),
    );
    shown += 1;
    if (shown === count) break;
  }
  const { pending } = await provider.stats({ topic: letters, group: GROUP, signal });
  const waiting = pending === undefined || shown === 0 ? "" : `; ${pending} were not replayed yet`;
  out.note(`${countOf(shown, "dead letter")} on ${letters}${waiting}`);
  return EXIT_CODES.CLEAN;
}

/** What a dead letter says of its failure. */
function failureOf({ metadata }: Message): Record<string, unknown> {
  const { errorName, errorMessage, attempts, originTopic, originGroup, originPosition } = DEAD_LETTER;
  return {
    error: { name: metadata[errorName], message: metadata[errorMessage] },
    attempts: Number(metadata[attempts]) || undefined,
    originTopic: metadata[originTopic],
    originGroup: metadata[originGroup],
    originPosition: metadata[originPosition],
  };
}

function lineOf(letter: Message): string {
  const { id, timestamp, metadata } = letter;
  const { errorName = "", errorMessage = "" } = Object.fromEntries(
    (["errorName", "errorMessage"] as const).map((field) => [field, metadata[DEAD_LETTER[field]]]),
  );
  const attempts = metadata[DEAD_LETTER.attempts] ?? "?";
  const origin = metadata[DEAD_LETTER.originTopic] ?? "?";
  return `${formatDate(new Date(timestamp))}  ${id}  ${origin}  after ${attempts}: ${errorName}: ${errorMessage}`;
}

async function replay(context: Context, provider: QueueProvider, letters: string, options: Options): Promise<ExitCode> {
  const { out, signal } = context;
  const { count, id: ids, timeout = IDLE_MS } = options;
  const done = { replayed: 0, kept: 0 };
  context.onInterrupt(() => `${done.replayed} were replayed; the same command goes on with the rest`);
  // What is not meant is held until the end, not given back at once: it would come again and again.
  const held: Delivery[] = [];
  const subscription = provider.subscribe(letters, {
    group: GROUP,
    from: "earliest",
    signal,
    maxInFlight: ids ? MOST_HELD : Math.min(count ?? 16, 16),
  });
  for await (const delivery of deliveriesOf(subscription, timeout, signal)) {
    if (ids && !ids.includes(delivery.message.id)) {
      held.push(delivery);
      if (held.length < MOST_HELD) continue;
      out.warn(`${MOST_HELD} dead letters came before the ids that are meant; replay those first, or all`);
      break;
    }
    await ((await isReplayed(context, provider, delivery, letters, options.newId === true))
      ? settle(delivery, done)
      : keep(delivery, done, held));
    if (done.replayed + done.kept === count || (ids && done.replayed + done.kept === ids.length)) break;
  }
  for (const delivery of held) await delivery.nack();
  signal.throwIfAborted();
  await out.result(
    { summary: done, topic: letters },
    `${countOf(done.replayed, "dead letter")} replayed from ${letters}${done.kept > 0 ? `, ${done.kept} stay` : ""}`,
  );
  if (done.kept === 0) return EXIT_CODES.CLEAN;
  out.note(
    "the broker remembers the ids that stay, and would drop them as duplicates: try again when its window is over, or with --new-id",
  );
  return EXIT_CODES.PENDING;
}

const MOST_HELD = 1_000;

/** Publishes the message that a dead letter was. A broker that takes it for a duplicate has dropped it: then it was not replayed. */
async function isReplayed(
  { out, signal }: Context,
  provider: QueueProvider,
  { message }: Delivery,
  letters: string,
  asNew: boolean,
): Promise<boolean> {
  const original = fromDeadLetter(message);
  const input: MessageInput = {
    ...original,
    topic: original.topic ?? letters.replace(/\.dlq$/, ""),
    ...(asNew ? { id: newId() } : {}),
  };
  const { id, topic, state } = await provider.publish(input, { signal });
  const sign = state === "duplicate" ? "=" : "+";
  await out.result({ id, letter: message.id, topic, state }, `${sign} ${id}  ${out.name(topic)}`);
  return state !== "duplicate";
}

async function settle(delivery: Delivery, done: { replayed: number }): Promise<void> {
  await delivery.ack();
  done.replayed += 1;
}

async function keep(delivery: Delivery, done: { kept: number }, held: Delivery[]): Promise<void> {
  held.push(delivery);
  done.kept += 1;
}
