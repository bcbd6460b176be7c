// A process of its own: Verdaccio on a free loopback port, storage in the folder given, told to the parent as one line of JSON.
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { runServer } from "verdaccio";

const [folder = "", uplink = "", cafile = ""] = process.argv.slice(2);
mkdirSync(join(folder, "storage"), { recursive: true });

const server = await runServer({
  self_path: join(folder, "config.yaml"),
  storage: join(folder, "storage"),
  auth: { htpasswd: { file: join(folder, "htpasswd"), max_users: -1 } },
  uplinks: { npm: { url: uplink, ...(cafile ? { ca: cafile } : {}) } },
  packages: {
    // Without `proxy` a name of the scope exists only when this rehearsal has published it.
    "@omni/*": { access: "$all", publish: "$all", unpublish: "$all" },
    "**": { access: "$all", proxy: "npm" },
  },
  log: { type: "stdout", format: "pretty", level: "warn" },
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
process.on("disconnect", () => process.exit(0)); // The parent is gone, however it went.
