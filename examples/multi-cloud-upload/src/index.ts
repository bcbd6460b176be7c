// The program.
import { OmniError } from "@omni/core";
import { settingsOf } from "./settings.ts";
import { start } from "./start.ts";

try {
  const running = await start(settingsOf(process.env));
  console.log(`drag files into ${running.url}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void running.close());
} catch (error) {
  console.error(OmniError.is(error) ? error.message : error);
  process.exitCode = 1;
}
