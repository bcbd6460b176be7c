/** NATS with JetStream. Streams are on disk and survive SIGKILL. */
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { installGo, probeGo } from "../executables.ts";
import type { ServerKind } from "../kind.ts";
import { pins } from "../versions.ts";

export const nats: ServerKind = {
  name: "nats",
  environment: (variables) => (variables.OMNI_NATS_URL ? { url: variables.OMNI_NATS_URL } : undefined),
  probe: () => probeGo("nats", pins.nats, ["--version"]),
  install: (say) => installGo(pins.nats, say),
  portNames: () => ["client"],
  endpoint: ({ ports }) => ({ url: `nats://127.0.0.1:${ports.client}` }),
  async plan({ directory, ports, program, options }) {
    const file = join(directory, "nats.conf");
    // Every write reaches the disk only with the system's own flush: a killed process loses nothing, a killed machine would.
    const lines = [
      `listen: "127.0.0.1:${ports.client}"`,
      `jetstream: { store_dir: ${JSON.stringify(join(directory, "data"))} }`,
      options.configuration ?? "",
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    return [{ role: "server", command: program.command, args: ["-c", file], ready: () => greets(ports.client!) }];
  },
};

/** A NATS server greets with INFO; it says so only after JetStream has recovered its streams. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setTimeout(1000, () => socket.destroy());
    socket.once("data", (data) => {
      resolve(data.toString("latin1").startsWith("INFO "));
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}
