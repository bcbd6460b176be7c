/**
 * The servers as containers, by `docker/compose.yaml`, where a Docker engine answers. One compose project for each instance, so that
 * instances are apart; the host's ports are passed in by variables, so that they stay the same over a restart.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Instance, type InstanceRecord, newId, writeRecord } from "./instance.ts";
import type { ServerKind, StartOptions } from "./kind.ts";
import { repositoryRoot, runDirectory } from "./places.ts";
import { freePorts } from "./ports.ts";
import { mustRun, run } from "./processes.ts";
import type { ServerName } from "./versions.ts";

/** The servers that tests may take as containers. Google Cloud Storage runs behind a front of ours and stays a program. */
export const composeServices: readonly ServerName[] = ["nats", "kafka", "kafka-3.9", "s3"];

export const composeFile: string = join(repositoryRoot, "docker", "compose.yaml");

let engine: Promise<boolean> | undefined;

/** Whether a Docker engine answers and Compose is there. Asked once for each process. */
export function dockerAnswers(): Promise<boolean> {
  engine ??= (async () => {
    const version = await run({ command: "docker", args: ["version", "--format", "{{.Server.Version}}"], timeoutMs: 3000 });
    if (version.code !== 0) return false;
    return (await run({ command: "docker", args: ["compose", "version"], timeoutMs: 3000 })).code === 0;
  })();
  return engine;
}

/** Whether this server can run as a container with these options. */
export function suitsDocker(name: ServerName, options: StartOptions): boolean {
  return composeServices.includes(name) && !options.configuration && (options.nodes ?? 1) === 1;
}

function compose(project: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  return mustRun({
    command: "docker",
    args: ["compose", "-p", project, "-f", composeFile, "--profile", "servers", ...args],
    env,
    timeoutMs: 10 * 60_000,
  });
}

/** The variable by which the compose file takes the port of a service, e.g. `OMNI_PORT_KAFKA_3_9`. */
export function portVariable(name: ServerName): string {
  return `OMNI_PORT_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}

export async function startDocker(kind: ServerKind, owner: string, options: StartOptions): Promise<Instance> {
  const begun = performance.now();
  const project = newId(kind.name).replaceAll(".", "_");
  const directory = join(runDirectory(), project);
  await mkdir(directory, { recursive: true });
  const main = kind.name.startsWith("kafka") ? "node1" : "client";
  const port = options.ports?.[main] ?? (await freePorts(1))[0]!;
  const env = { [portVariable(kind.name)]: String(port) };
  let record: InstanceRecord = {
    id: project,
    name: kind.name,
    owner,
    version: "the image of docker/compose.yaml",
    from: "docker",
    endpoint: kind.endpoint({ ports: { [main]: port }, options: {} }),
    startedAt: new Date().toISOString(),
    startMs: 0,
    pids: {},
    directory,
    project,
  };
  await writeRecord(record);
  const up = () => compose(project, ["up", "--detach", "--wait", kind.name], env);
  await up();
  record = { ...record, startMs: Math.round(performance.now() - begun) };
  await writeRecord(record);
  const act = async (...args: string[]) => void (await compose(project, [...args, kind.name], env));
  return {
    record: () => record,
    roles: ["server"],
    kill: () => act("kill", "--signal", "SIGKILL"),
    restart: async () => void (await up()),
    pause: () => act("pause"),
    resume: () => act("unpause"),
    stop: () => removeDocker(project, kind.name),
    logs: () => compose(project, ["logs", "--tail", "50", kind.name], env),
  };
}

/** Removes the containers and volumes of one project. */
export async function removeDocker(project: string, name: ServerName): Promise<void> {
  await compose(project, ["down", "--volumes", "--timeout", "5"], { [portVariable(name)]: "1" });
}
