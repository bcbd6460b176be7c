import { OmniError } from "@omni/core";
import type { Delivery, Message, QueueProvider, Subscription } from "@omni/core/queue";
import { type Context, UsageError } from "../command.ts";

/** A queue and its topic. @throws UsageError when none is named */
export async function queueAt(
  context: Context,
  text: string,
): Promise<{ readonly provider: QueueProvider; readonly topic: string }> {
  const { provider, topic } = await (await context.targets()).queue(text);
  if (topic !== undefined) return { provider, topic };
  throw new UsageError(
    `${JSON.stringify(text)} names no topic; write ${text.includes("://") ? "scheme://host/topic" : `${text.replace(/:$/, "")}:topic`}`,
  );
}

/** A message as `--json` shows it: `data` where it is text, else `dataBase64`. */
export function messageFields({ id, topic, key, source, timestamp, metadata, data, position }: Message): Record<string, unknown> {
  const text = textOf(data);
  const body = text === undefined ? { dataBase64: Buffer.from(data).toString("base64") } : { data: text };
  return { id, topic, key, source, timestamp, metadata, ...body, position: position && { ...position } };
}

/** What a message says, or what it is where that is no text. */
export function messageText({ data }: Message): string {
  return (
    textOf(data) ??
    `(${data.byteLength} bytes: ${Buffer.from(data.subarray(0, 32)).toString("hex")}${data.byteLength > 32 ? "…" : ""})`
  );
}

function textOf(data: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    // It is no UTF-8.
    return undefined;
  }
}

/** `name=value` options as a record. @throws UsageError */
export function metadataOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new UsageError(`--metadata takes name=value, not ${JSON.stringify(pair)}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/**
 * Deliveries of a subscription, until it ends or none came for a while.
 *
 * @param idleMs milliseconds; none = for ever
 */
export async function* deliveriesOf(
  subscription: Subscription,
  idleMs: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<Delivery, void> {
  await subscription.ready();
  try {
    for (;;) {
      const next = subscription.next();
      const idle = Promise.withResolvers<undefined>();
      const timer = idleMs === undefined ? undefined : setTimeout(() => idle.resolve(undefined), idleMs);
      const result = await Promise.race([next, idle.promise]).finally(() => clearTimeout(timer));
      signal.throwIfAborted();
      if (result === undefined || result.done) {
        // Its answer is not waited for: closing ends it, and gives back what it may still bring.
        next.catch(() => {});
        return;
      }
      yield result.value;
    }
  } finally {
    await subscription.close();
  }
}

/** What a subscription says where the broker cannot do it. */
export function needsBrowse(provider: QueueProvider, topic: string): void {
  if (provider.supports("browse")) return;
  throw new OmniError("NOT_SUPPORTED", {
    backend: provider.name,
    operation: "browse",
    topic,
    reason: "this broker cannot be read without consuming",
  });
}
