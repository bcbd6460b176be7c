import type { Run } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { queueAt } from "./queue-target.ts";
import type { STATS_OPTIONS } from "./queues.ts";

/** `omni queue stats`. */
export const run: Run<OptionsOf<typeof STATS_OPTIONS>> = async (context, [text = ""], { group }) => {
  const { out, signal } = context;
  const { provider, topic } = await queueAt(context, text);
  await provider.ready({ signal });
  const health = await provider.health({ signal });
  const { pending, stored, byMember } = await provider.stats({ topic, group, signal });
  const { features } = provider;
  const members =
    byMember &&
    Object.fromEntries(Object.entries(byMember).map(([name, one]) => [name, { pending: one.pending, stored: one.stored }]));
  const facts = { queue: provider.name, topic, group, status: health.status, reason: health.reason, pending, stored, members };
  await out.result(
    { ...facts, delivery: features.delivery, ordering: features.ordering },
    `${provider.name}: ${health.status}${health.reason === undefined ? "" : ` (${health.reason})`}`,
  );
  const known = (n: number | undefined): string => (n === undefined ? "not known" : n.toLocaleString("en-US"));
  await out.table([
    ["topic", "waiting", "kept"],
    [topic, known(pending), known(stored)],
    ...Object.entries(members ?? {}).map(([name, one]) => [`  at ${name}`, known(one.pending), known(one.stored)]),
  ]);
  return health.status === "down" ? EXIT_CODES.FAILED : EXIT_CODES.CLEAN;
};
