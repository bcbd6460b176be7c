#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { EXIT_CODES } from "./exit-codes.ts";

// Node's own code for what nobody caught is 1, which says here that something differs.
process.on("uncaughtException", (error) => {
  process.stderr.write(`omni: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(EXIT_CODES.FAILED);
});
// The next start finds compiled what this one loads.
enableCompileCache();
const { omni } = await import("./omni.ts");
// What a client library leaves open must not keep a command from ending: everything is flushed and closed by now.
process.exit(await omni(process.argv.slice(2)));
