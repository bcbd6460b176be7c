import type { Targets } from "./targets.ts";

/** Opens what texts of the command line mean here. The configuration is read when the first is asked for. */
export async function openTargets(configFile: string | undefined): Promise<Targets> {
  const { openTargets: openConfigured } = await import("./config/index.ts");
  return openConfigured({ env: process.env, cwd: process.cwd(), ...(configFile === undefined ? {} : { configFile }) });
}
