import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Backend } from "@omni/core";
import type { MultiBackend } from "@omni/multi";
import { HeadLog } from "../../../src/journal/log.ts";
import { type RemoteMemoryServer, serveMemory } from "../remote-memory.ts";
import type { ActorConfig, Entry, Step, Stop } from "./actor.ts";
import { bytesOf, optionsOf, seenAt } from "./content.ts";
import { nameOf, openGroup, openStore, type Store, type StoresConfig } from "./stores.ts";

/** What became of a run. */
export interface CrashReport {
  readonly kills: number;
  /** Kills of a process in the middle of `recover()`. */
  readonly killsInRecover: number;
  /** Owners that stood still while others finished their intent, and then went on. */
  readonly pauses: number;
  /** Intents that recoveries found open. */
  readonly recovered: number;
  /** Of these, how many were carried out. */
  readonly finished: number;
  /** The highest call that was reached, by scenario: each from 1 to there was a place to be killed at. */
  readonly reached: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

const ACTOR = fileURLToPath(new URL("./actor.ts", import.meta.url));
const PATHS = ["a", "deep/b", "c"] as const;
const HOWS = ["before", "during", "after", "pause"] as const;

/** What an actor does and with which company. Versions are named by the run. */
interface Scenario {
  readonly name: string;
  readonly steps: (name: () => string) => readonly Step[];
  /** A second process, which is not killed. */
  readonly rival?: (name: () => string) => readonly Step[];
  /** Whether the killed process recovers what another one, killed before it, left open. */
  readonly recovers?: boolean;
  /** Whether a member loses an object past the journal before it begins, so that there is something to repair. */
  readonly loses?: boolean;
}

const write = (path: string, name: () => string, size = 300): Step => ({ do: "write", path, name: name(), size });
const SCENARIOS: readonly Scenario[] = [
  { name: "write", steps: (name) => [write("a", name)] },
  { name: "stream", steps: (name) => [{ do: "stream", path: "a", name: name(), size: 120_000 }] },
  { name: "delete", steps: (name) => [{ do: "delete", path: "a" }, write("a", name)] },
  { name: "copy", steps: () => [{ do: "copy", path: "a", to: "deep/b" }] },
  { name: "move", steps: (name) => [{ do: "move", path: "deep/b", to: "c" }, write("deep/b", name)] },
  {
    name: "create",

    steps: (name) => [
      { do: "delete", path: "c" },
      { do: "create", path: "c", name: name(), size: 300 },
    ],
  },
  { name: "two writers", steps: (name) => [write("a", name)], rival: (name) => [write("a", name), write("a", name)] },
  { name: "writer and deleter", steps: (name) => [write("c", name)], rival: () => [{ do: "delete", path: "c" }] },
  { name: "recover a write", recovers: true, steps: (name) => [write("a", name)] },
  { name: "recover a delete", recovers: true, steps: () => [{ do: "delete", path: "deep/b" }] },
  { name: "repair", loses: true, steps: () => [{ do: "repair" }] },
  {
    name: "repair and others",
    loses: true,

    steps: () => [{ do: "repair" }],
    rival: (name) => [write("a", name), { do: "delete", path: "a" }],
  },
];

/** More calls than any scenario makes. */
const MOST_CALLS = 48;
/** Every scenario, manner and call. */
const PLACES = SCENARIOS.length * HOWS.length * MOST_CALLS;
/** Prime to the places: step by step all of them are gone through, and a few steps lead to places of every kind. */
const STRIDE = 389;

/** By scenario and number of members, the call after which an intent is open. */
const DECIDED_AT = new Map<string, number>();

/** The stores of a run, with what only the harness can see of them. */
export interface Stage {
  readonly stores: StoresConfig;
  readonly servers: readonly RemoteMemoryServer[];
  readonly roots: readonly string[];
}

/** Kills processes that change a group, each at another call to a store, and looks whether what is left can be brought to one state. */
export class CrashRun {
  readonly #stage: Stage;
  readonly #violations: string[] = [];
  readonly #reached: Record<string, number> = {};
  readonly #counts = { kills: 0, killsInRecover: 0, pauses: 0, recovered: 0, finished: 0 };
  /** What each path held when the round began: the name of a version, or nothing. */
  readonly #held = new Map<string, string | undefined>();
  readonly #offset: number;
  #members: readonly Backend[] = [];
  #group!: MultiBackend;
  #named = 0;
  #turn = 0;

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#offset = seed;
  }

  /** @param kills how many processes to kill */
  async run(kills: number, signal?: AbortSignal): Promise<CrashReport> {
    this.#members = await Promise.all(this.#stage.stores.members.map(openStore));
    this.#group = await openGroup(this.#stage.stores);
    for (const path of PATHS) await this.#renew(path);
    while (this.#counts.kills < kills && !signal?.aborted) await this.#round();
    await this.#group.close();
    await Promise.all(this.#members.map((member) => member.close()));
    return { ...this.#counts, reached: this.#reached, violations: this.#violations };
  }

  #name(): string {
    this.#named += 1;
    return `v${this.#named}`;
  }

  async #renew(path: string): Promise<void> {
    const name = this.#name();
    const bytes = bytesOf(name, 300);
    await this.#group.write(path, bytes, optionsOf(name, bytes));
    this.#held.set(path, name);
  }

  /** One process that is stopped at its next call in the order of scenarios and manners; then everything is brought together and looked at. */
  async #round(): Promise<void> {
    const place = ((this.#turn++ + this.#offset) * STRIDE) % PLACES;
    const scenario = SCENARIOS[place % SCENARIOS.length] as Scenario;
    const key = scenario.name;
    const how = HOWS[Math.floor(place / SCENARIOS.length) % HOWS.length] as Stop["how"];
    const call = (Math.floor(place / SCENARIOS.length / HOWS.length) % (this.#reached[key] ?? MOST_CALLS)) + 1;
    const stop = { call, how: how === "pause" && scenario.recovers ? "after" : how } as const;
    if (scenario.loses) await (this.#members[this.#turn % this.#members.length] as Backend).delete("a");
    const actors = scenario.recovers ? await this.#recovered(scenario, stop) : await this.#changed(scenario, stop);
    const at = `${key}, ${stop.how} call ${stop.call}`;
    await this.#recover(at);
    if (scenario.loses) await this.#repair(at);
    await this.#check(at, actors);
    await this.#checkOrphans(at);
    for (const path of PATHS) if (this.#held.get(path) === undefined) await this.#renew(path);
  }

  async #changed(scenario: Scenario, stop: Stop): Promise<readonly Actor[]> {
    const name = (): string => this.#name();
    const { stores } = this.#stage;
    const actor = new Actor({ stores, steps: scenario.steps(name), stop });
    const rival = scenario.rival && new Actor({ stores, steps: scenario.rival(name) });
    const [paused] = await Promise.all([actor.pausedOrEnded(), rival?.ended()]);
    if (paused) {
      // Others finish what it decided, and write on.
      this.#counts.pauses += 1;
      await this.#recover(`${scenario.name}, while its owner stands still`);
      const after = new Actor({ stores, steps: [write("a", name), write("deep/b", name)] });
      await after.ended();
      actor.goOn();
      await actor.ended();
      this.#note(scenario.name, actor, stop);
      return rival ? [actor, rival, after] : [actor, after];
    }
    this.#note(scenario.name, actor, stop);
    return rival ? [actor, rival] : [actor];
  }

  /** A writer is killed with its intent open, then whoever recovers it. */
  async #recovered(scenario: Scenario, stop: Stop): Promise<readonly Actor[]> {
    const { stores } = this.#stage;
    const writer = new Actor({ stores, steps: scenario.steps(() => this.#name()), stop: await this.#justDecided(scenario) });
    await writer.ended();
    if (writer.wasKilled) this.#counts.kills += 1;
    const recoverer = new Actor({ stores, steps: [{ do: "recover" }], stop });
    await recoverer.ended();
    this.#note(scenario.name, recoverer, stop);
    if (recoverer.wasKilled) this.#counts.killsInRecover += 1;
    return [writer];
  }

  /** The call after which an intent is open: found once for each scenario, by killing at one after the other. */
  async #justDecided(scenario: Scenario): Promise<Stop> {
    const key = `${scenario.name}, ${this.#members.length} members`;
    for (let call = DECIDED_AT.get(key) ?? 1; ; call++) {
      if (DECIDED_AT.has(key)) return { call: call + (this.#turn % 3), how: "before" };
      const probe = new Actor({
        stores: this.#stage.stores,
        steps: scenario.steps(() => this.#name()),
        stop: { call, how: "before" },
      });
      await probe.ended();
      if (probe.trouble || call > MOST_CALLS)
        throw new Error(`${scenario.name}: no intent is open before call ${call}; ${probe.trouble}`);
      this.#counts.kills += probe.wasKilled ? 1 : 0;
      for await (const _ of this.#group.intents()) DECIDED_AT.set(key, call);
      await this.#recover(scenario.name);
      await this.#check(`${scenario.name}, before call ${call}`, [probe]);
      for (const path of PATHS) if (this.#held.get(path) === undefined) await this.#renew(path);
    }
  }

  #note(key: string, actor: Actor, { call }: Stop): void {
    if (actor.wasKilled) this.#counts.kills += 1;
    // It ended before that call: from now on the places up to here are gone through again.
    else if (actor.calls !== undefined && actor.calls < call) this.#reached[key] = actor.calls;
    if (actor.trouble) this.#violations.push(`${key}: ${actor.trouble}`);
  }

  /** Two recoverers race until nothing is open. */
  async #recover(at: string): Promise<void> {
    const other = await openGroup(this.#stage.stores);
    for (let round = 1; ; round++) {
      const reports = await Promise.all([this.#group.recover(), other.recover()]);
      this.#counts.recovered += Math.max(...reports.map(({ finished, aborted, open }) => finished + aborted + open));
      this.#counts.finished += Math.max(...reports.map(({ finished }) => finished));
      if (reports.every(({ open }) => open === 0)) break;
      if (round === 5) {
        this.#violations.push(`${at}: still open after ${round} recoveries: ${JSON.stringify(reports)}`);
        break;
      }
    }
    for await (const intent of other.intents()) this.#violations.push(`${at}: ${JSON.stringify(intent)} is open`);
    await other.close();
  }

  /** What a killed repair left undone the next one does, and then nothing is left to do. */
  async #repair(at: string): Promise<void> {
    await this.#group.repair();
    const again = await this.#group.repair();
    if (!again.clean || again.written + again.removed > 0)
      this.#violations.push(`${at}: a second repair is not idle: ${JSON.stringify(again)}`);
  }

  /** One write id on all members, whole, and one that the processes' own words allow. */
  async #check(at: string, actors: readonly Actor[]): Promise<void> {
    const log = new HeadLog(await openStore(this.#stage.stores.journal), {
      clock: undefined,
      memberTimeoutMs: 20_000,
      logger: undefined,
    });
    const found = new Map<string, string | undefined>();
    for (const path of PATHS) {
      const [first, ...others] = await Promise.all(
        this.#members.map((member) => seenAt(member, path).catch((error: Error) => ({ name: error.message, id: "torn" }))),
      );
      for (const other of others)
        if (other?.id !== first?.id || other?.name !== first?.name)
          this.#violations.push(`${at}: ${path} is ${JSON.stringify([first, other])}`);
      const last = (await log.head(path))?.last;
      if ((last?.deleted ? undefined : last?.id) !== first?.id)
        this.#violations.push(`${at}: ${path} is ${first?.id}, the head says ${JSON.stringify(last)}`);
      const allowed = allowedAt(path, this.#held, actors);
      if (!allowed.has(first?.name))
        this.#violations.push(
          `${at}: ${path} is ${first?.name}, allowed: ${[...allowed].join(", ")}; ${JSON.stringify(actors.map(({ entries }) => entries))}`,
        );
      found.set(path, first?.name);
    }
    // Only now: what was copied from another path is judged by what that one held before.
    for (const [path, name] of found) this.#held.set(path, name);
  }

  async #checkOrphans(at: string): Promise<void> {
    const { members, journal } = this.#stage.stores;
    for (const path of PATHS) await this.#group.sweepStale({ olderThanMs: 0, prefix: path });
    for (const server of this.#stage.servers)
      if (server.staged.length > 0) this.#violations.push(`${at}: ${server.staged.length} staged writes are left at ${server.url}`);
    for (const store of [...members, journal]) if (store.kind === "file") await this.#checkFolder(at, store.root);
    for (const [number, store] of members.entries())
      if (store.kind === "s3" || store.kind === "gcs") {
        const again = await this.#group.sweepStale({ olderThanMs: 0, prefix: PATHS[this.#turn % PATHS.length] ?? "" });
        const { removed } = again[nameOf(store, number)] as { removed: number };
        if (removed > 0) this.#violations.push(`${at}: ${removed} staged writes are left`);
      }
    for (const [number, member] of this.#members.entries())
      for await (const { path } of member.list())
        if (!(PATHS as readonly string[]).includes(path)) this.#violations.push(`${at}: member ${number} lists ${path}`);
  }

  async #checkFolder(at: string, root: string): Promise<void> {
    const left = (await readdir(join(root, ".omni", "stage"))).filter((name) => !name.endsWith(".done"));
    if (left.length > 0) this.#violations.push(`${at}: left behind in ${root}: ${left.join(", ")}`);
  }
}

/** What a path may hold: of each process the last acknowledged change or a later one; what it held before where none was acknowledged. */
function allowedAt(
  path: string,
  held: ReadonlyMap<string, string | undefined>,
  actors: readonly Actor[],
): ReadonlySet<string | undefined> {
  const allowed = new Set<string | undefined>();
  let isReplaced = false;
  for (const actor of actors) {
    const others = actors.filter((other) => other !== actor);
    const effects = actor.effectsAt(path, held, others);
    const last = effects.findLastIndex(({ isDone }) => isDone);
    if (last >= 0) isReplaced = true;
    for (const { names } of effects.slice(Math.max(0, last))) for (const name of names) allowed.add(name);
  }
  if (!isReplaced) allowed.add(held.get(path));
  return allowed;
}

/** One process, as the harness sees it. */
class Actor {
  readonly entries: Entry[] = [];
  readonly #config: ActorConfig;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #pause: Promise<boolean>;
  #errors = "";

  constructor(config: ActorConfig) {
    this.#config = config;
    const flags = ["--experimental-strip-types", "--no-warnings", "--conditions=@omni/source"];
    this.#child = spawn(process.execPath, [...flags, ACTOR, JSON.stringify(config)], {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "", NODE_COMPILE_CACHE: join(tmpdir(), "omni-crash-cache") },
    });
    this.#child.stdin?.on("error", () => {
      // It is dead already.
    });
    this.#child.stderr?.on("data", (text) => {
      this.#errors += text;
    });
    const exit = once(this.#child, "exit");
    const lines = createInterface({ input: this.#child.stdio[3] as Readable });
    const pause = Promise.withResolvers<boolean>();
    this.#pause = pause.promise;
    const read = (async () => {
      for await (const line of lines) {
        // The last line may be cut off.
        if (!line.endsWith("}")) continue;
        this.entries.push(JSON.parse(line) as Entry);
        if (this.entries.at(-1)?.say === "paused") pause.resolve(true);
      }
    })();
    this.#exit = Promise.all([exit, read]).finally(() => pause.resolve(false));
  }

  ended(): Promise<unknown> {
    return this.#exit;
  }

  pausedOrEnded(): Promise<boolean> {
    return this.#pause;
  }

  goOn(): void {
    this.#child.stdin?.write("go\n");
  }

  get wasKilled(): boolean {
    return this.#child.signalCode === "SIGKILL";
  }

  /** How many calls it made, when it came to its end. */
  get calls(): number | undefined {
    const end = this.entries.at(-1);
    return end?.say === "end" ? end.calls : undefined;
  }

  /** What went wrong that must not. */
  get trouble(): string | undefined {
    if (!this.wasKilled && this.#child.exitCode !== 0) return `ended with ${this.#child.exitCode}: ${this.#errors.slice(0, 2_000)}`;
    return undefined;
  }

  /** What it made of a path, one after the other. What it copied may be what others wrote there meanwhile. */
  effectsAt(
    path: string,
    held: Held,
    others: readonly Actor[],
  ): readonly { names: readonly (string | undefined)[]; isDone: boolean }[] {
    const effects: { names: readonly (string | undefined)[]; isDone: boolean }[] = [];
    const own = new Map<string, readonly (string | undefined)[]>(
      [...held].map(([at, name]) => [at, [name, ...others.flatMap((other) => other.#writtenTo(at))]] as const),
    );
    for (const entry of this.entries) {
      if (entry.say !== "start") continue;
      const step = this.#config.steps[entry.step] as Step;
      const said = this.entries.find((other) => "step" in other && other.step === entry.step && other.say !== "start")?.say;
      // A move whose source was replaced meanwhile is refused when its copy is there already.
      if (said === "refused" && step.do !== "move") continue;
      const made = effectsOf(step, own);
      for (const [at, names] of said === "refused" ? made.slice(0, 1) : made) {
        own.set(at, names);
        if (at === path) effects.push({ names, isDone: said === "done" });
      }
    }
    return effects;
  }

  #writtenTo(path: string): readonly string[] {
    return this.#config.steps.flatMap((step) => ("name" in step && step.path === path ? [step.name] : []));
  }
}

type Held = ReadonlyMap<string, string | undefined>;
type Effect = readonly [path: string, names: readonly (string | undefined)[]];

function effectsOf(step: Step, held: ReadonlyMap<string, readonly (string | undefined)[]>): readonly Effect[] {
  if (step.do === "recover" || step.do === "repair") return [];
  if (step.do === "delete") return [[step.path, [undefined]]];
  if (step.do === "copy" || step.do === "move") {
    const copied = (held.get(step.path) ?? []).filter((name) => name !== undefined);
    return step.do === "copy"
      ? [[step.to, copied]]
      : [
          [step.to, copied],
          [step.path, [undefined]],
        ];
  }
  return [[step.path, [step.name]]];
}

/** Stores of which none is killed: a folder, memory in this process, and what else is given. The journal is in memory too, or a folder. */
export async function setStage(others: readonly Store[], journal: "remote" | "file" | "member"): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), "omni-journal-"));
  const [member, log] = await Promise.all([serveMemory(), serveMemory()]);
  const folder: Store = { kind: "file", root: join(root, "member") };
  const members: Store[] = [folder, { kind: "remote", url: member.url }, ...others];
  const journals = {
    remote: { kind: "remote", url: log.url },
    file: { kind: "file", root: join(root, "journal") },
    member: folder,
  } as const;
  return { stores: { members, journal: journals[journal] }, servers: [member, log], roots: [root] };
}

export async function clearStage({ servers, roots }: Stage): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
  for (const root of roots) await rm(root, { recursive: true, force: true });
}
