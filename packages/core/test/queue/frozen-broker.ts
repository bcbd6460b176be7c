import type { PublishOutcome, QueueDriver } from "@omni/core/queue";
import type { BrokerHooks } from "@omni/core/testing";

/** What a driver says of a publish that was under way when its time was over. */
export type Answer = "unknown" | "rejected" | "acked" | "silence";

/** A driver with a broker that can be frozen: what is published meanwhile takes effect when it goes on. */
export function freezable(driver: QueueDriver, answer: Answer): { readonly driver: QueueDriver; readonly hooks: BrokerHooks } {
  let thawed: Promise<void> | undefined;
  const frozen: QueueDriver = {
    ...driver,
    features: { ...driver.features, durable: "host" },
    publish: async (topic, batch, options) => {
      const { signal } = options;
      if (!thawed) return driver.publish(topic, batch, options);
      const late = thawed.then(() => driver.publish(topic, batch, {}));
      if (answer === "silence") return late;
      if (answer === "acked") return batch.map(() => ({ state: "acked" }));
      await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
      return batch.map((): PublishOutcome => ({ state: answer, error: signal?.reason }));
    },
  };
  const freeze = async (): Promise<() => Promise<void>> => {
    let thaw = (): void => undefined;
    thawed = new Promise((resolve) => {
      thaw = resolve;
    });
    return async () => {
      thawed = undefined;
      thaw();
    };
  };
  return { driver: frozen, hooks: { freeze } };
}
