import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { OmniError } from "@omni/core";
import { isPublishFailure, type MessageInput, type PublishResult, type QueueProvider } from "@omni/core/queue";
import { type Context, type Run, UsageError } from "../command.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { countOf } from "../output/format.ts";
import { metadataOf, queueAt } from "./queue-target.ts";
import type { PUBLISH_OPTIONS } from "./queues.ts";

type Options = OptionsOf<typeof PUBLISH_OPTIONS>;

/** Messages of one publish. */
const BATCH = 256;

/** `omni queue publish`. */
export const run: Run<Options> = async (context, [text = "", ...messages], options) => {
  const { out, signal, dryRun } = context;
  if (options.id !== undefined && messages.length !== 1 && !options.whole)
    throw new UsageError("--id goes with one message alone, or --whole");
  if (messages.length > 0 && (options.whole || options.jsonLines))
    throw new UsageError("--whole and --json-lines read stdin; leave the messages out");
  const { provider, topic } = await queueAt(context, text);
  const done = { acked: 0, duplicate: 0 };
  context.onInterrupt(() => `${done.acked} were published; the rest was not, or may have been`);
  let batch: MessageInput[] = [];
  const flush = async (): Promise<ExitCode | undefined> => {
    const sending = batch;
    batch = [];
    if (sending.length === 0) return undefined;
    if (!dryRun) return send(context, provider, sending, options, done);
    for (const { id, key, data } of sending) await out.result({ id, topic, key, data, dryRun }, `+ ${out.name(String(data))}`);
    return undefined;
  };
  for await (const input of inputs(context, messages, options)) {
    batch.push({ ...input, topic });
    const failed = batch.length >= BATCH ? await flush() : undefined;
    if (failed !== undefined) return failed;
    signal.throwIfAborted();
  }
  const failed = await flush();
  if (failed !== undefined) return failed;
  const repeated = done.duplicate > 0 ? `, ${done.duplicate} of them the broker had already` : "";
  if (!dryRun)
    await out.result(
      { summary: done, topic },
      `${countOf(done.acked + done.duplicate, "message")} published to ${topic}${repeated}`,
    );
  return EXIT_CODES.CLEAN;
};

async function send(
  { out, signal }: Context,
  provider: QueueProvider,
  batch: readonly MessageInput[],
  { timeout }: Options,
  done: { acked: number; duplicate: number },
): Promise<ExitCode | undefined> {
  const tell = async (results: readonly PublishResult[]): Promise<void> => {
    for (const { id, topic, state, error } of results) {
      if (state === "acked" || state === "duplicate") done[state] += 1;
      if (out.json) await out.result({ id, topic, state, ...(error && { error: error.toJSON() }) }, "");
      else if (error) out.warn(`! ${out.name(`${id}: ${state}: ${error.message}`)}`);
    }
  };
  try {
    await tell(await provider.publish(batch, { signal, timeoutMs: timeout }));
    return undefined;
  } catch (error) {
    if (!isPublishFailure(error)) throw error;
    await tell(error.results);
    const { length } = error.messages;
    out.warn(`${countOf(length, "message")} not confirmed, ${done.acked + done.duplicate} published; nothing after these was sent`);
    return OmniError.is(error, "IN_DOUBT") ? EXIT_CODES.PENDING : EXIT_CODES.FAILED;
  }
}

async function* inputs({ signal }: Context, messages: readonly string[], options: Options): AsyncGenerator<MessageInput, void> {
  const { key, id, source, whole, jsonLines } = options;
  const shared = { key, source, metadata: metadataOf(options.metadata) };
  for (const data of messages) yield { ...shared, data, ...(id === undefined ? {} : { id }) };
  if (messages.length > 0) return;
  if (whole) {
    yield { ...shared, data: await buffer(process.stdin), ...(id === undefined ? {} : { id }) };
    return;
  }
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY, signal });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (!jsonLines) yield { ...shared, data: line };
    else if (line.trim() !== "") yield { ...shared, ...parseLine(line, number) };
  }
}

const FIELDS = ["data", "dataBase64", "id", "key", "metadata", "source"] as const;

/** One line of `--json-lines`; what `omni queue consume --json` prints fits. */
function parseLine(line: string, number: number): MessageInput {
  const fail = (reason: string): Error => new OmniError("INVALID_ARGUMENT", { reason: `line ${number} of stdin: ${reason}` });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw fail("it is no JSON; without --json-lines a line is a message as it is");
  }
  if (typeof value !== "object" || value === null) throw fail(`it has to be an object with ${FIELDS.join(", ")}`);
  const { data, dataBase64, id, key, metadata, source } = value as Partial<Record<(typeof FIELDS)[number], unknown>>;
  const body =
    typeof dataBase64 === "string"
      ? Buffer.from(dataBase64, "base64")
      : typeof data === "string"
        ? data
        : data === undefined
          ? undefined
          : JSON.stringify(data);
  if (body === undefined) throw fail('it has neither "data" nor "dataBase64"');
  const texts = Object.entries({ id, key, source }).filter(([, one]) => typeof one === "string");
  const isRecord =
    typeof metadata === "object" && metadata !== null && Object.values(metadata).every((one) => typeof one === "string");
  return { data: body, ...Object.fromEntries(texts), ...(isRecord ? { metadata: metadata as Record<string, string> } : {}) };
}
