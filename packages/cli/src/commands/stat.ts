import type { Run } from "../command.ts";
import { objectAt, urlOf } from "../places.ts";
import { objectFields } from "./ls.ts";

/** `omni stat`. */
export const run: Run<object> = async ({ targets, out, signal }, objects) => {
  for (const [at, text] of objects.entries()) {
    const target = objectAt(await (await targets()).store(text), text);
    const info = await target.backend.stat(target.path, { signal });
    const url = urlOf(target, info.path);
    await out.result({ url, ...objectFields(info) }, () => {
      const lines = factsOf(info, url).map(([name, value]) => `${`${name}:`.padEnd(22)} ${out.name(value)}`);
      return `${at === 0 ? "" : "\n"}${lines.join("\n")}`;
    });
  }
};

function factsOf(info: Parameters<typeof objectFields>[0], url: string): [string, string][] {
  const facts: [string, string][] = [["url", url]];
  for (const [name, value] of Object.entries(objectFields(info))) {
    if (value === undefined || name === "isDirectory" || name === "path") continue;
    if (typeof value === "object")
      for (const [key, text] of Object.entries(value as object)) facts.push([`${name}.${key}`, String(text)]);
    else facts.push([name, String(value)]);
  }
  return facts;
}
