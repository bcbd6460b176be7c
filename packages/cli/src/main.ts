#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// The next start finds compiled what this one loads.
enableCompileCache();
const { omni } = await import("./omni.ts");
// What a client library leaves open must not keep a command from ending: everything is flushed and closed by now.
process.exit(await omni(process.argv.slice(2)));
