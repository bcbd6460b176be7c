import { dirname, resolve } from "node:path";
import { OmniError } from "@omni/core";
import type { Run } from "../command.ts";
import { asName, nameOf, refuseWithoutFolders, urlOf } from "../places.ts";
import type { StoreTarget, Targets } from "../targets.ts";

/** `omni rmdir`. */
export const run: Run<object> = async ({ targets, out, signal, dryRun, confirm, cwd }, places) => {
  for (const text of places) {
    const target = await parentOf(await targets(), text, cwd);
    const path = target.path.replace(/\/+$/, "");
    const url = urlOf(target, path);
    refuseWithoutFolders(target, "rmdir");
    await confirm(`remove the folder ${url}`);
    if (!dryRun) await target.backend.rmdir(path, { signal });
    await out.result({ action: "rmdir", url, dryRun }, `- ${out.name(url)}/`);
  }
};

/** A folder as a name in its parent: a local directory is else a store of its own. */
async function parentOf(targets: Targets, text: string, cwd: string): Promise<StoreTarget> {
  const target = await targets.store(asName(text));
  if (target.path !== "") return target;
  const isLocal = target.name === undefined && !/^[a-z][a-z0-9+.-]*:/i.test(text);
  const place = resolve(cwd, text);
  if (!isLocal || dirname(place) === place)
    throw new OmniError("INVALID_ARGUMENT", { reason: `${JSON.stringify(text)} is a whole store; name a folder in it` });
  const parent = await targets.store(`${dirname(place)}/`);
  return { ...parent, path: nameOf(place), url: `${parent.url}/${nameOf(place)}` };
}
