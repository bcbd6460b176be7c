import type { MultiBackend, OpenIntent } from "@omni/multi";
import type { Context, Run } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { formatDate } from "../output/format.ts";
import { wholeGroup } from "./group-target.ts";

/** `omni intents`. */
export const run: Run<object> = async (context, [text = ""]) => {
  const { group, name } = await wholeGroup(context, text);
  const open = await listIntents(context, group, () => true);
  if (open === 0) context.out.note(`${name}: nothing is open`);
  else context.out.note(`finish them with: omni recover ${name}`);
  return open > 0 ? EXIT_CODES.PENDING : EXIT_CODES.CLEAN;
};

/** Prints open intents and counts them. */
export async function listIntents(
  { out, signal }: Context,
  group: MultiBackend,
  isMeant: (intent: OpenIntent) => boolean,
): Promise<number> {
  let count = 0;
  for await (const intent of group.intents({ signal })) {
    if (!isMeant(intent)) continue;
    count += 1;
    const { id, path, kind, decidedAt, tokens } = intent;
    await out.result(
      { id, path, kind, decidedAt: decidedAt.toISOString(), staged: Object.keys(tokens) },
      `${formatDate(decidedAt)}  ${kind.padEnd(6)}  ${id}  ${out.name(path)}`,
    );
  }
  return count;
}
