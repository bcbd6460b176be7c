/** One server with its folder and its processes: started, killed, paused, started again, removed. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Endpoint, ProcessPlan, Program, ServerKind, Site, StartOptions } from "./kind.ts";
import { runDirectory } from "./places.ts";
import { freePorts } from "./ports.ts";
import {
  descendants,
  end,
  gone,
  isOurs,
  marked,
  residentBytes,
  signal,
  signalAll,
  standsStill,
  startDetached,
} from "./processes.ts";
import type { ServerName } from "./versions.ts";

/** What is known of an instance outside of the process that started it; one file in its folder, replaced whole. */
export interface InstanceRecord {
  readonly id: string;
  readonly name: ServerName;
  /** The process, or the `up` of a clone, that the instance lives for. */
  readonly owner: string;
  readonly version: string;
  readonly from: "path" | "cache" | "docker";
  readonly endpoint: Endpoint;
  readonly startedAt: string;
  readonly startMs: number;
  readonly pids: Readonly<Record<string, number>>;
  readonly directory: string;
  /** Docker only: the compose project. */
  readonly project?: string;
}

const recordFile = "instance.json";

/** Every instance on this machine that has a folder, of whatever owner. */
export async function instances(): Promise<InstanceRecord[]> {
  const found: InstanceRecord[] = [];
  for (const id of await readdir(runDirectory()).catch(() => [] as string[])) {
    const text = await readFile(join(runDirectory(), id, recordFile), "utf8").catch(() => undefined);
    if (text !== undefined) found.push(JSON.parse(text) as InstanceRecord);
  }
  return found;
}

export async function writeRecord(record: InstanceRecord): Promise<void> {
  const file = join(record.directory, recordFile);
  await writeFile(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** Whether any process of the instance lives. */
export async function isRunning(record: InstanceRecord): Promise<boolean> {
  for (const pid of Object.values(record.pids)) if (await isOurs(pid, record.id)) return true;
  return false;
}

/** The resident memory of all processes of an instance, in bytes. */
export function memory(record: InstanceRecord): number {
  return Object.values(record.pids).reduce((sum, pid) => sum + (residentBytes(pid) ?? 0), 0);
}

/** Ends the processes that a record names and removes the folder. Safe to call twice and from any process. */
export async function remove(record: InstanceRecord, patienceMs = 1000): Promise<void> {
  const recorded = Object.values(record.pids).reverse();
  for (const pid of recorded) {
    const below = descendants(pid);
    await end(pid, record.id, patienceMs);
    signalAll(below, "SIGKILL");
  }
  for (const pid of marked(record.id)) await end(pid, record.id, patienceMs);
  await rm(record.directory, { recursive: true, force: true, maxRetries: 3 });
}

export function newId(name: ServerName): string {
  return `omni-${name}-${randomBytes(5).toString("hex")}`;
}

/** An instance in the hands of the process that started it. */
export interface Instance {
  readonly record: () => InstanceRecord;
  readonly roles: readonly string[];
  kill(roles?: readonly string[]): Promise<void>;
  restart(): Promise<void>;
  pause(roles?: readonly string[]): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
  logs(): Promise<string>;
}

/** Starts a server and waits until it serves. A port that was taken by somebody meanwhile means another try on other ports. */
export async function startInstance(kind: ServerKind, program: Program, owner: string, options: StartOptions): Promise<Instance> {
  for (let attempt = 1; ; attempt++) {
    const instance = new Running(kind, program, owner, options);
    try {
      await instance.start();
      return instance;
    } catch (error) {
      const taken = /address already in use|BindException|EADDRINUSE/i.test(String(error));
      await instance.stop();
      if (!taken || attempt === 3 || options.ports) throw error;
    }
  }
}

class Running implements Instance {
  readonly #kind: ServerKind;
  readonly #program: Program;
  readonly #owner: string;
  readonly #options: StartOptions;
  readonly #id: string;
  readonly #directory: string;
  #ports: Readonly<Record<string, number>> = {};
  #plans: readonly ProcessPlan[] = [];
  #pids: Record<string, number> = {};
  #prepared = new Set<string>();
  #startedAt = new Date();
  #startMs = 0;

  constructor(kind: ServerKind, program: Program, owner: string, options: StartOptions) {
    this.#kind = kind;
    this.#program = program;
    this.#owner = owner;
    this.#options = options;
    this.#id = newId(kind.name);
    this.#directory = join(runDirectory(), this.#id);
  }

  get roles(): readonly string[] {
    return this.#plans.map((plan) => plan.role);
  }

  record(): InstanceRecord {
    return {
      id: this.#id,
      name: this.#kind.name,
      owner: this.#owner,
      version: this.#program.version,
      from: this.#program.from,
      endpoint: this.#kind.endpoint({ ports: this.#ports, options: this.#options, directory: this.#directory }),
      startedAt: this.#startedAt.toISOString(),
      startMs: this.#startMs,
      pids: { ...this.#pids },
      directory: this.#directory,
    };
  }

  async start(): Promise<void> {
    await mkdir(join(this.#directory, "log"), { recursive: true, mode: 0o755 });
    const names = this.#kind.portNames(this.#options);
    const free = await freePorts(names.length);
    this.#ports = Object.fromEntries(names.map((name, index) => [name, this.#options.ports?.[name] ?? free[index]!]));
    await this.restart();
  }

  /** Starts what does not run: everything the first time, later what was killed; same ports, same data. */
  async restart(): Promise<void> {
    const begun = performance.now();
    this.#startedAt = new Date();
    await writeRecord(this.record()); // before the first process, so that nothing can be started that nobody would find
    this.#plans = await this.#kind.plan(this.#site());
    for (const plan of this.#plans) {
      const pid = this.#pids[plan.role];
      if (pid === undefined || !(await isOurs(pid, this.#id))) await this.#launch(plan);
    }
    this.#startMs = Math.round(performance.now() - begun);
    await writeRecord(this.record());
  }

  #site(): Site {
    return { id: this.#id, directory: this.#directory, ports: this.#ports, program: this.#program, options: this.#options };
  }

  async #launch(plan: ProcessPlan): Promise<void> {
    const first = !this.#prepared.has(plan.role);
    if (first) await plan.prepare?.();
    const pid = await startDetached(plan, this.#id, this.#directory, this.#log(plan.role));
    this.#pids[plan.role] = pid;
    await writeRecord(this.record());
    const last = performance.now() + (this.#kind.startTimeoutMs ?? 30_000);
    while (!(await plan.ready())) {
      if (!(await isOurs(pid, this.#id))) throw new Error(`${this.#kind.name} ended while starting\n${await this.logs()}`);
      if (performance.now() > last) throw new Error(`${this.#kind.name} does not serve in time\n${await this.logs()}`);
      await delay(20); // a server that is not there yet sends no event: it can only be asked
    }
    if (first) await plan.finish?.();
    this.#prepared.add(plan.role);
  }

  #log(role: string): string {
    return join(this.#directory, "log", `${role}.log`);
  }

  /** SIGKILL; without roles every process that the kind allows. Resolves when they are gone. */
  async kill(roles?: readonly string[]): Promise<void> {
    for (const [, pid] of this.#select(roles, (plan) => plan.killable !== false)) {
      const below = descendants(pid);
      await signal(pid, this.#id, "SIGKILL");
      signalAll(below, "SIGKILL");
      if (!(await gone(pid, this.#id, 5000))) throw new Error(`${this.#id}: process ${pid} survives SIGKILL`);
    }
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  async pause(roles?: readonly string[]): Promise<void> {
    for (const [role, pid] of this.#select(roles, (plan) => plan.killable !== false)) {
      if (!(await signal(pid, this.#id, "SIGSTOP"))) throw new Error(`${this.#id}: ${role} does not run, so it cannot be paused`);
      await standsStill(pid);
      signalAll(descendants(pid), "SIGSTOP");
    }
  }

  async resume(): Promise<void> {
    for (const pid of Object.values(this.#pids)) {
      await signal(pid, this.#id, "SIGCONT");
      signalAll(descendants(pid), "SIGCONT");
    }
  }

  async stop(): Promise<void> {
    await remove(this.record());
  }

  /** The ends of the logs of all processes. */
  async logs(): Promise<string> {
    const parts: string[] = [];
    for (const role of Object.keys(this.#pids)) {
      const text = await readFile(this.#log(role), "utf8").catch(() => "");
      parts.push(`--- ${role}\n${text.slice(-2000)}`);
    }
    return parts.join("\n");
  }

  #select(roles: readonly string[] | undefined, standard: (plan: ProcessPlan) => boolean): readonly (readonly [string, number])[] {
    for (const role of roles ?? []) {
      if (!this.roles.includes(role))
        throw new Error(`${this.#kind.name} has no process "${role}": it has ${this.roles.join(", ")}`);
    }
    const chosen = this.#plans.filter((plan) => (roles ? roles.includes(plan.role) : standard(plan)));
    return chosen.flatMap((plan) => (this.#pids[plan.role] === undefined ? [] : [[plan.role, this.#pids[plan.role]!] as const]));
  }
}
