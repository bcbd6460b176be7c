import { OmniError } from "@omni/core";
import type { MultiBackend } from "@omni/multi";
import { type Context, UsageError } from "../command.ts";

/** A group and the part of it that is meant. */
export interface GroupTarget {
  readonly name: string;
  readonly group: MultiBackend;
  readonly prefix: string;
}

/** The group of `name` or `name:prefix`. */
export async function groupAt(context: Context, text: string): Promise<GroupTarget> {
  const [name = "", prefix = ""] = text.split(/:(.*)/s, 2);
  return { name, group: await (await context.targets()).group(name), prefix };
}

/** The group of a command that is on whole groups. @throws UsageError for a part of one */
export async function wholeGroup(context: Context, text: string): Promise<GroupTarget> {
  const target = await groupAt(context, text);
  if (target.prefix !== "") throw new UsageError(`give the group alone, ${target.name}: its journal is one for all paths`);
  return target;
}

/** The paths at which a decided change is open; none without a journal. */
export async function openPaths(group: MultiBackend, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  try {
    for await (const { path } of group.intents({ signal })) paths.add(path);
  } catch (error) {
    if (!OmniError.is(error, "NOT_SUPPORTED")) throw error;
  }
  return paths;
}
