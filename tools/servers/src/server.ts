/** What tests hold: `await server("nats")`. */
import { dockerAnswers, startDocker, suitsDocker } from "./docker.ts";
import { type Instance, type InstanceRecord, instances, isRunning, startInstance } from "./instance.ts";
import { type Endpoint, isAbsent, type Program, type ServerKind, type StartOptions } from "./kind.ts";
import { kindOf } from "./kinds.ts";
import { ownerOfThisProcess } from "./owners.ts";
import { upOwner } from "./places.ts";
import type { ServerName } from "./versions.ts";

export interface ServerOptions extends StartOptions {
  /** An instance of the caller's own, to be killed and paused at will. Always so with any other option. @default false */
  readonly private?: boolean;
}

/** A server that answers. */
export interface RunningServer extends Endpoint {
  readonly name: ServerName;
  readonly version: string;
  /** Where it comes from: an address in the environment, `servers up`, or started here. */
  readonly origin: "environment" | "up" | "docker" | "path" | "cache";
  /** Milliseconds from the start to the first answer; 0 for one that ran already. */
  readonly startMs: number;
  /** The names of its processes (`server`; `node1`...; `mon`, `osd`, `gateway`); empty for a shared one. */
  readonly roles: readonly string[];
  /** Ends it and removes its data; does nothing to a shared one. */
  stop(): Promise<void>;
  /** SIGKILL. Of Ceph the gateway alone, so that objects survive. Resolves when the process is gone. */
  kill(...roles: string[]): Promise<void>;
  /** Starts what was killed, on the same ports with the same data; resolves when it serves. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  pause(...roles: string[]): Promise<void>;
  resume(): Promise<void>;
  /** The ends of its logs. */
  logs(): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server that cannot be had here. */
export interface Skipped {
  readonly name: ServerName;
  /** `skipped: kafka (no java on the PATH; install ...)` */
  readonly skipped: string;
}

/** The way to a server, found without starting anything. */
export type Way =
  | { readonly by: "environment"; readonly endpoint: Endpoint }
  | { readonly by: "up"; readonly record: InstanceRecord }
  | { readonly by: "docker" }
  | { readonly by: "program"; readonly program: Program };

/** Looks for a server in the fixed order: environment, running by `up`, Docker, PATH, cache. Environment and `up` are shared. */
export async function findServer(name: ServerName, options: ServerOptions = {}): Promise<Way | Skipped> {
  const kind = kindOf(name);
  if (!isPrivate(options)) {
    const endpoint = kind.environment(process.env);
    if (endpoint) return { by: "environment", endpoint };
    const record = await runningByUp(name);
    if (record) return { by: "up", record };
  }
  if (suitsDocker(name, options) && (await dockerAnswers())) return { by: "docker" };
  const program = await kind.probe();
  if (!isAbsent(program)) return { by: "program", program };
  return { name, skipped: `skipped: ${name} (${program.why}; ${program.remedy})` };
}

async function runningByUp(name: ServerName): Promise<InstanceRecord | undefined> {
  for (const record of await instances()) {
    if (record.owner !== upOwner() || record.name !== name) continue;
    if (record.project || (await isRunning(record))) return record;
  }
  return undefined;
}

function isPrivate(options: ServerOptions): boolean {
  return options.private === true || Object.keys(options).some((key) => key !== "private");
}

/** The server, or why there is none. Starts one for this process when none runs. */
export async function tryServer(name: ServerName, options: ServerOptions = {}): Promise<RunningServer | Skipped> {
  const way = await findServer(name, options);
  if ("skipped" in way) return way;
  if (way.by === "environment") return shared(name, "environment", "unknown", way.endpoint);
  if (way.by === "up") return shared(name, "up", way.record.version, way.record.endpoint);
  return holding(await startBy(kindOf(name), way, ownerOfThisProcess(), options));
}

/** The server; an error with the remedy when it cannot be had. */
export async function server(name: ServerName, options: ServerOptions = {}): Promise<RunningServer> {
  const found = await tryServer(name, options);
  if ("skipped" in found) throw new Error(found.skipped);
  return found;
}

/** Starts an instance for an owner. */
export function startBy(
  kind: ServerKind,
  way: Extract<Way, { by: "docker" | "program" }>,
  owner: string,
  options: ServerOptions,
): Promise<Instance> {
  const { private: _, ...start } = options;
  if (way.by === "docker") return startDocker(kind, owner, start);
  return startInstance(kind, way.program, owner, start);
}

function holding(instance: Instance): RunningServer {
  const { name, version, from, endpoint, startMs } = instance.record();
  return {
    ...endpoint,
    name,
    version,
    origin: from,
    startMs,
    roles: instance.roles,
    stop: () => instance.stop(),
    kill: (...roles) => instance.kill(roles.length > 0 ? roles : undefined),
    restart: () => instance.restart(),
    pause: (...roles) => instance.pause(roles.length > 0 ? roles : undefined),
    resume: () => instance.resume(),
    logs: () => instance.logs(),
    [Symbol.asyncDispose]: () => instance.stop(),
  };
}

function shared(name: ServerName, origin: "environment" | "up", version: string, endpoint: Endpoint): RunningServer {
  const refuse = (act: string) => async () => {
    throw new Error(`cannot ${act} ${name}: it is shared (${origin}); ask for server("${name}", { private: true })`);
  };
  const leave = async () => {};
  const acts = {
    kill: refuse("kill"),
    restart: refuse("restart"),
    pause: refuse("pause"),
    resume: refuse("resume"),
    logs: refuse("read the logs of"),
  };
  return { ...endpoint, name, version, origin, startMs: 0, roles: [], stop: leave, ...acts, [Symbol.asyncDispose]: leave };
}
