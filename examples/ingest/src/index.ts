// The program.
//   (nothing)                      the three services in this process, on the queue that QUEUE_TYPE names, else in memory
//   gateway | ingest | processor   that service
//   nats,kafka                     the three as processes of their own on these brokers, started here
import { OmniError } from "@omni/core";
import { drainOnSignal } from "@omni/core/queue";
import { startAll } from "./all.ts";
import { type Env, SERVICES, type ServiceName } from "./environment.ts";
import * as gateway from "./gateway.ts";
import * as ingest from "./ingest.ts";
import { isOfOneProcess } from "./message-queue.ts";
import * as processor from "./processor.ts";
import { allSettings, gatewaySettings, ingestSettings, processorSettings } from "./settings.ts";

interface Running {
  close(options: { readonly drainMs: number }): Promise<void>;
}

async function main(word: string | undefined, env: Env): Promise<void> {
  const service = SERVICES.find((name) => name === word);
  if (word !== undefined && !service) {
    const { launch } = await import("./launch.ts");
    return launch(word, env);
  }
  const running = service ? await one(service, env) : await startAll({ ...allSettings(env), env });
  drainOnSignal(running, { drainMs: ingestSettings(env).drainMs, onError: report });
  // Of a launcher that is gone, perhaps since before this listens: as if told to end.
  const end = (): boolean => process.kill(process.pid, "SIGTERM");
  if (process.connected === false) end();
  else process.once("disconnect", end);
}

async function one(service: ServiceName, env: Env): Promise<Running> {
  if (service === "gateway") return gateway.start(gatewaySettings(env));
  if (isOfOneProcess(env)) {
    const reason = `a queue in memory is one process': ${service} alone would share it with nobody. Run all three together, or set QUEUE_TYPE`;
    throw new OmniError("INVALID_ARGUMENT", { reason });
  }
  return service === "ingest" ? ingest.start(ingestSettings(env)) : processor.start(processorSettings(env));
}

function report(error: unknown): void {
  console.error(OmniError.is(error) ? error.message : error);
  process.exitCode = 1;
}

await main(process.argv[2], process.env).catch(report);
