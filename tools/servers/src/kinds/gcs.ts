/** A Google Cloud Storage server: fake-gcs-server, in memory or (`durable`) on disk. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { installGo, probeGo } from "../executables.ts";
import { answers } from "../http.ts";
import type { ServerKind } from "../kind.ts";
import { pins } from "../versions.ts";

export const gcs: ServerKind = {
  name: "gcs",
  environment: (variables) => (variables.OMNI_GCS_ENDPOINT ? { url: variables.OMNI_GCS_ENDPOINT } : undefined),
  probe: () => probeGo("gcs", pins.gcs, ["-version"]),
  install: (say) => installGo(pins.gcs, say),
  portNames: () => ["client"],
  endpoint: ({ ports }) => ({ url: `http://127.0.0.1:${ports.client}` }),
  async plan({ directory, ports, program, options }) {
    const data = join(directory, "data");
    await mkdir(data, { recursive: true });
    const address = `127.0.0.1:${ports.client}`;
    const store = options.durable ? "filesystem" : "memory";
    const args = ["-scheme", "http", "-host", "127.0.0.1", "-port", String(ports.client), "-log-level", "warn"];
    args.push("-backend", store, "-filesystem-root", data, "-external-url", `http://${address}`, "-public-host", address);
    const ready = () => answers(`http://${address}/_internal/healthcheck`);
    return [{ role: "server", command: program.command, args, ready }];
  },
};
