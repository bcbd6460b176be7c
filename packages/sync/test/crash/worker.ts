// One migration, to be killed: tells every write to the destination before it is begun, and how it ended.
import { writeSync } from "node:fs";
import { createBackend } from "@omni/core";
import { migrate } from "@omni/sync";
import { openStore, type StoreSpec } from "./stores.ts";

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const { from, to } = JSON.parse(process.argv[2] ?? "") as { from: StoreSpec; to: StoreSpec };
const store = openStore(to);
const told = createBackend({
  ...store.driver,
  write: (path, body, options) => {
    if (!path.startsWith(".omni/")) say({ write: path });
    return store.driver.write(path, body, options);
  },
});
const report = await migrate({ from: openStore(from), to: told, maxEntries: 0 });
say({ ok: report.ok, failures: report.toJSON().failures, maxRss: process.resourceUsage().maxRSS * 1024 });
process.exit(0);
