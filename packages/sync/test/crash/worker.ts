// One migration that is killed: tells every write to the destination before it is begun, and how it ended. It kills itself, at the write that it was
// told: whoever looks from outside is late on a busy machine.
import { writeSync } from "node:fs";
import { createBackend } from "@omni/core";
import { migrate } from "@omni/sync";
import { openStore, type StoreSpec } from "./stores.ts";

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

interface Task {
  readonly from: StoreSpec;
  readonly to: StoreSpec;
  /** Before or during which write it is killed; absent: never. */
  readonly kill?: { readonly atWrite: number; readonly during: boolean };
}

const { from, to, kill } = JSON.parse(process.argv[2] ?? "") as Task;
const die = (): void => void process.kill(process.pid, "SIGKILL");
let writes = 0;
const store = openStore(to);
const told = createBackend({
  ...store.driver,
  write: (path, body, options) => {
    if (path.startsWith(".omni/")) return store.driver.write(path, body, options);
    say({ write: path });
    writes += 1;
    if (writes === kill?.atWrite && !kill.during) die();
    const written = store.driver.write(path, body, options);
    if (writes === kill?.atWrite) setImmediate(die);
    return written;
  },
});
const report = await migrate({ from: openStore(from), to: told, maxEntries: 0 });
say({ ok: report.ok, failures: report.toJSON().failures, maxRss: process.resourceUsage().maxRSS * 1024 });
process.exit(0);
