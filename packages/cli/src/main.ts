#!/usr/bin/env node
import { omni } from "./omni.ts";

// What a client library leaves open must not keep a command from ending: everything is flushed and closed by now.
process.exit(await omni(process.argv.slice(2)));
