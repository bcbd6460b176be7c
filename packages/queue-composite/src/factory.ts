import { createQueue, type QueueProvider } from "@omni/core/queue";
import { type CompositeDriver, compositeDriver } from "./driver.ts";
import type { CompositeMember, CompositeOptions } from "./options.ts";

/**
 * Makes one queue of several: a publish goes to all of them, a subscription reads those that `subscribe` names.
 *
 * Messages are serialised once; every member gets the same id, bytes and headers. The members belong to the queue from here on: `close()` closes them.
 *
 * @param members queues, or queues with a name and settings of their own; `null` and `undefined` are left out
 * @throws OmniError INVALID_ARGUMENT
 */
export function compositeQueue(
  members: readonly (QueueProvider | CompositeMember | null | undefined)[],
  options: CompositeOptions = {},
): QueueProvider<CompositeDriver> {
  return createQueue(compositeDriver(members, options), options);
}
