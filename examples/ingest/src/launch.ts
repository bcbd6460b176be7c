// The services as processes of their own, on real brokers that are started for them. For trying out; a deployment starts each service by itself.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { OmniError } from "@omni/core";
import { type Env, numberOf, SERVICES, type ServiceName } from "./environment.ts";

/** What each broker's address is called. */
const ADDRESS = { nats: "NATS_URL", kafka: "KAFKA_BROKERS" } as const;

type Broker = keyof typeof ADDRESS;

interface Stoppable {
  stop(): Promise<void>;
}

/**
 * @param list "nats", "kafka" or "nats,kafka"
 * @throws OmniError INVALID_ARGUMENT for another word
 */
export async function launch(list: string, env: Env): Promise<void> {
  const brokers = brokersOf(list);
  const { server } = await import("@omni/servers");
  const servers: Stoppable[] = [];
  const children: ChildProcess[] = [];
  const ended = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.abort());
  const interrupted = once(ended.signal, "abort");
  try {
    const addresses: Record<string, string> = {};
    for (const broker of brokers) {
      if (ended.signal.aborted) return;
      console.error(`starting ${broker}`);
      const running = await server(broker);
      servers.push(running);
      addresses[ADDRESS[broker]] = running.url;
    }
    if (ended.signal.aborted) return;
    const settings = { ...env, ...addresses, ...queueTypeOf(brokers, env) };
    await Promise.race([startServices(settings, children), interrupted]);
    if (ended.signal.aborted) return;
    say(env);
    await Promise.race([interrupted, ...children.map((child) => once(child, "exit"))]);
  } finally {
    // In this order: what the door has taken goes through.
    for (const child of children.toReversed()) await stop(child);
    await Promise.all(servers.map((running) => running.stop()));
  }
}

function brokersOf(list: string): readonly Broker[] {
  const names = list.split(",").map((name) => name.trim());
  const strange = names.find((name) => !Object.hasOwn(ADDRESS, name));
  if (strange === undefined) return names as Broker[];
  const reason = `${JSON.stringify(strange)} is neither a service nor a broker: one of ${SERVICES.join(", ")}, or some of ${Object.keys(ADDRESS).join(",")}`;
  throw new OmniError("INVALID_ARGUMENT", { reason });
}

function queueTypeOf(brokers: readonly Broker[], env: Env): Env {
  if (brokers.length === 1) return { QUEUE_TYPE: brokers[0] };
  return { QUEUE_TYPE: "composite", COMPOSITE_PROVIDERS: brokers.join(","), COMPOSITE_STRATEGY: env.COMPOSITE_STRATEGY };
}

/** Resolves when all listen. */
async function startServices(env: Env, children: ChildProcess[]): Promise<void> {
  const program = import.meta.filename.replace("launch.ts", "index.ts");
  const starting = SERVICES.toReversed().map((name) => {
    const child = spawn(process.execPath, [...process.execArgv, program, name], {
      env: env as NodeJS.ProcessEnv,
      // The channel says nothing: a service ends when it breaks, however the launcher ended.
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      // Ctrl-C goes to the whole group; these are told one after the other.
      detached: true,
    });
    children.push(child);
    return listening(child, name);
  });
  await Promise.all(starting);
}

/** Passes a service's lines on; resolves when it says that it listens. */
async function listening(child: ChildProcess, name: ServiceName): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code, signal) => reject(new Error(`${name} ended with ${code ?? signal} before it listened`)));
    if (!child.stdout) return reject(new Error(`${name} has no output`));
    createInterface({ input: child.stdout }).on("line", (line) => {
      console.log(line);
      if (line.includes('"msg":"listening"')) resolve();
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

function say(env: Env): void {
  const url = `http://127.0.0.1:${numberOf(env, "GATEWAY_PORT")}`;
  console.error(`
curl -X POST ${url}/api/v1/ingest -H "Content-Type: application/json" -d '{"source":"test","data":"dual-write test"}'
curl ${url}/api/v1/status`);
}
