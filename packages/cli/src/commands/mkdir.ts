import type { Run } from "../command.ts";
import { asName, refuseWithoutFolders, urlOf } from "../places.ts";

/** `omni mkdir`. */
export const run: Run<object> = async ({ targets, out, signal, dryRun }, places) => {
  for (const text of places) {
    const target = await (await targets()).store(asName(text));
    const path = target.path.replace(/\/+$/, "");
    if (path !== "") refuseWithoutFolders(target, "mkdir");
    if (path !== "" && !dryRun) await target.backend.mkdir(path, { signal });
    const url = urlOf(target, path);
    await out.result({ action: "mkdir", url, dryRun }, `+ ${out.name(url)}/`);
  }
};
