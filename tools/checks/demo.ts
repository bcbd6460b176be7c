// The demo command of the README.
import type { CheckContext, CheckOutcome } from "./check.ts";

export async function demoRuns(context: CheckContext): Promise<CheckOutcome> {
  await context.run("npm", ["run", "demo"]);
  return {};
}
