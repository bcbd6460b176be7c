import type { QueueHealth } from "@omni/core/queue";
import type { Link } from "./link.ts";
import { orAbort } from "./or-abort.ts";

/** Whether the server answers now: a connection that is lost is down at once, one that was never made is tried. */
export async function healthOf(link: Link, signal: AbortSignal | undefined, prepare: () => Promise<unknown>): Promise<QueueHealth> {
  if (link.isOpen && !link.client) return { status: "down", reason: link.downError().reason };
  try {
    await prepare();
    const { client } = link;
    if (!client) return { status: "down", reason: link.downError().reason };
    await orAbort(client.flush(), signal);
    return { status: "up" };
  } catch (error) {
    return { status: "down", reason: error instanceof Error ? error.message : String(error) };
  }
}
