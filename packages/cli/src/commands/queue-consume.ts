import type { QueueProvider } from "@omni/core/queue";
import { type Context, type Run, UsageError } from "../command.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { countOf } from "../output/format.ts";
import { deliveriesOf, messageFields, messageText, needsBrowse, queueAt } from "./queue-target.ts";
import type { CONSUME_OPTIONS } from "./queues.ts";

type Options = OptionsOf<typeof CONSUME_OPTIONS>;

/** Deliveries that are out at once; a higher number would take from other consumers of the group what is only waiting here. */
const IN_FLIGHT = 16;

/** `omni queue consume`. */
export const run: Run<Options> = async (context, [text = ""], options) => {
  if (options.last !== undefined && !options.peek) throw new UsageError("--last goes with --peek");
  if (options.count === 0) throw new UsageError("--count is 1 or more");
  const { provider, topic } = await queueAt(context, text);
  return options.peek ? peek(context, provider, topic, options) : consume(context, provider, topic, options);
};

async function consume(
  context: Context,
  provider: QueueProvider,
  topic: string,
  { count, timeout, group, from }: Options,
): Promise<ExitCode> {
  const { out, signal } = context;
  let taken = 0;
  context.onInterrupt(() => `${countOf(taken, "message")} taken; what was not printed goes to others`);
  const subscription = provider.subscribe(topic, { group, from, signal, maxInFlight: Math.min(count ?? IN_FLIGHT, IN_FLIGHT) });
  for await (const delivery of deliveriesOf(subscription, timeout, signal)) {
    const { message, attempt } = delivery;
    await out.result({ ...messageFields(message), attempt }, () => out.name(messageText(message)));
    await delivery.ack();
    taken += 1;
    if (taken === count) break;
  }
  signal.throwIfAborted();
  out.note(`${countOf(taken, "message")} taken from ${topic}`);
  return count !== undefined && taken < count ? EXIT_CODES.PENDING : EXIT_CODES.CLEAN;
}

async function peek({ out, signal }: Context, provider: QueueProvider, topic: string, { count, last }: Options): Promise<ExitCode> {
  needsBrowse(provider, topic);
  let shown = 0;
  for await (const message of provider.browse(topic, { last, signal })) {
    await out.result(messageFields(message), () => out.name(messageText(message)));
    shown += 1;
    if (shown === count) break;
  }
  out.note(`${countOf(shown, "message")} shown of ${topic}; nothing was consumed`);
  return EXIT_CODES.CLEAN;
}
