/**
 * A Google Cloud Storage server: fake-gcs-server, in memory or (`durable`) on disk, behind a front of our own. The pinned release
 * evaluates preconditions on uploads only, appends a repeated chunk of a resumable upload, ends an upload on a status query,
 * rewrites in one call whatever the limit, and keeps metadata that a patch sets to null; the front (gcs-front/) does these by Google's rules. The project merged the preconditions
 * after this release (its pull request 2343): drop that part of the front when a release has them.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installGo, probeGo } from "../executables.ts";
import { answers } from "../http.ts";
import type { ServerKind } from "../kind.ts";
import { typeScriptFlags } from "../processes.ts";
import { pins } from "../versions.ts";

export const gcs: ServerKind = {
  name: "gcs",
  environment: (variables) => (variables.OMNI_GCS_ENDPOINT ? { url: variables.OMNI_GCS_ENDPOINT } : undefined),
  probe: () => probeGo("gcs", pins.gcs, ["-version"]),
  install: (say) => installGo(pins.gcs, say),
  portNames: () => ["client", "server"],
  endpoint: ({ ports }) => ({ url: `http://127.0.0.1:${ports.client}` }),
  async plan({ directory, ports, program, options }) {
    const data = join(directory, "data");
    await mkdir(data, { recursive: true });
    const address = `127.0.0.1:${ports.client}`;
    const store = options.durable ? "filesystem" : "memory";
    const args = ["-scheme", "http", "-host", "127.0.0.1", "-port", String(ports.server), "-log-level", "warn"];
    args.push("-backend", store, "-filesystem-root", data, "-external-url", `http://${address}`, "-public-host", address);
    const front = [
      ...typeScriptFlags,
      frontFile,
      "--instance",
      directory,
      "--listen",
      String(ports.client),
      "--target",
      String(ports.server),
    ];
    return [
      {
        role: "server",
        command: program.command,
        args,
        ready: () => answers(`http://127.0.0.1:${ports.server}/_internal/healthcheck`),
      },
      { role: "front", command: process.execPath, args: front, ready: () => answers(`http://${address}/_internal/healthcheck`) },
    ];
  },
};

const frontFile = fileURLToPath(new URL("../gcs-front/main.ts", import.meta.url));
