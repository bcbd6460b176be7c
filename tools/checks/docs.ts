// The documentation's site: it is made anew, and what is linked has to be there.
import { join } from "node:path";

import { sourceFlags } from "../bootstrap/toolchain.mjs";
import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";

export async function docsSite(context: CheckContext): Promise<CheckOutcome> {
  const program = join("docs", ".vitepress", "site.ts");
  const output = await context.run(process.execPath, [...sourceFlags(), program, "build"], { env: { NODE_OPTIONS: undefined } });
  const links = /^(\d+) links to headings lead there$/m.exec(output);
  if (!links) throw new CheckFailure("the site was not made to its end");
  return { passed: Number(links[1]) };
}
