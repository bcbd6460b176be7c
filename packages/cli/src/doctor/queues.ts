import { randomUUID } from "node:crypto";
import { type ErrorCode, OmniError } from "@omni/core";
import type { QueueHealth, QueueProvider } from "@omni/core/queue";
import type { QueueTarget } from "../targets.ts";
import type { CheckSettings, Checkup, Finding } from "./checkup.ts";

const TOPIC = "omni-doctor";

const REACHING: Partial<Record<ErrorCode, string>> = {
  UNAVAILABLE:
    "no broker answers there: check host and port, TLS or plain, the network, and the addresses that the broker advertises",
  TIMEOUT: "no broker answers in time: check host, port and firewalls, or give --timeout more",
  UNAUTHENTICATED: "the broker does not know these credentials: check auth (NATS) or sasl (Kafka)",
  PERMISSION_DENIED: "the credentials are known but may not do this: check the broker's permissions for this topic",
  NOT_FOUND: "create the stream or topic, or allow it to be created (createStream, createTopics)",
};

const PUBLISHING: Partial<Record<ErrorCode, string>> = {
  ...REACHING,
  QUEUE_FULL: "the stream is full: raise its limit, or let consumers catch up",
};

/** Looks at a queue: that it opens, connects and answers; with `publish` that a message passes through. */
export async function checkQueue(
  checkup: Checkup,
  place: string,
  open: () => Promise<QueueTarget>,
  settings: CheckSettings,
): Promise<void> {
  const { signal, timeoutMs } = settings;
  const call = { signal, timeoutMs };
  let target: QueueTarget | undefined;
  const describe = async (): Promise<string> => {
    target = await open();
    return `${target.provider.name}${target.topic === undefined ? "" : `, topic ${target.topic}`}`;
  };
  await checkup.check(
    place,
    "configuration",
    describe,
    { NOT_INSTALLED: "install the package as it says", INVALID_ARGUMENT: "correct the configuration as it says" },
    signal,
  );
  if (!target) return;
  const { provider, topic } = target;
  const unreached = await checkup.check(place, "connect", () => connected(provider, call), REACHING, signal);
  if (unreached) return;
  await checkup.check(place, "health", async () => judge(await provider.health(call)), REACHING, signal);
  if (topic !== undefined) await checkup.check(place, "stats", () => counted(provider, topic, call), REACHING, signal);
  if (settings.publish) await checkup.check(place, "publish and consume", () => passes(provider, call), PUBLISHING, signal);
  else
    await checkup.find({
      place,
      check: "publish and consume",
      level: "skip",
      detail: `not tried; --publish sends a message on the topic ${TOPIC}`,
    });
}

type Call = Pick<CheckSettings, "signal" | "timeoutMs">;

async function connected(provider: QueueProvider, call: Call): Promise<string> {
  await provider.ready(call);
  return "the broker answers";
}

function judge({ status, reason, members }: QueueHealth): string | Omit<Finding, "place" | "check"> {
  const parts = Object.entries(members ?? {}).map(
    ([name, one]) => `${name}: ${one.status}${one.reason === undefined ? "" : ` (${one.reason})`}`,
  );
  const detail = [status, ...(reason === undefined ? [] : [reason]), ...parts].join(", ");
  if (status === "up") return detail;
  return { level: status === "down" ? "fail" : "warn", detail, remedy: "check the broker that is named" };
}

async function counted(provider: QueueProvider, topic: string, call: Call): Promise<string> {
  const { pending, stored } = await provider.stats({ ...call, topic });
  const known = [pending === undefined ? [] : [`${pending} wait`], stored === undefined ? [] : [`${stored} are kept`]].flat();
  return known.length === 0 ? "the broker does not say how many wait" : known.join(", ");
}

/** Publishes a message on a topic of our own and waits for it. */
async function passes(provider: QueueProvider, { signal, timeoutMs }: Call): Promise<string> {
  const subscription = provider.subscribe(TOPIC, { group: `omni-doctor-${randomUUID()}`, from: "latest", signal, timeoutMs });
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new OmniError("TIMEOUT", { topic: TOPIC, reason: `the message did not come back within ${timeoutMs} ms` })),
      timeoutMs,
    );
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    timer.unref();
  });
  late.catch(() => {});
  try {
    await Promise.race([subscription.ready(), late]);
    const { id } = await provider.publish({ topic: TOPIC, data: "omni doctor" }, { signal, timeoutMs });
    for (;;) {
      const { done, value: delivery } = await Promise.race([subscription.next(), late]);
      if (done) throw new OmniError("UNKNOWN", { topic: TOPIC, reason: "the subscription ended before the message came" });
      await delivery.ack();
      if (delivery.message.id === id) return `a message passed on the topic ${TOPIC}`;
    }
  } finally {
    await subscription.close();
  }
}
