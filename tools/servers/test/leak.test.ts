import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "../src/places.ts";
import { gone, typeScriptFlags } from "../src/processes.ts";
import { tryServer } from "../src/server.ts";

/** A program that starts servers of its own and then waits to be killed; it says where they are. */
const program = (name: string) => `
import { server } from ${JSON.stringify(fileURLToPath(new URL("../src/index.ts", import.meta.url)))};
import { instances } from ${JSON.stringify(fileURLToPath(new URL("../src/instance.ts", import.meta.url)))};
const running = await server(${JSON.stringify(name)}, { private: true });
console.log(JSON.stringify((await instances()).find((record) => record.endpoint.url === running.url)));
setInterval(() => {}, 1000);
`;

function reaches(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-servers-test-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Programs are found where they are; what runs is kept apart from other tests and from the developer's own `up`. */
function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: "", OMNI_SERVERS_RUN: folder, ...extra };
}

it.each(["nats", "gcs"] as const)("a test that is killed leaves no %s behind", async (name) => {
  const found = await tryServer(name, { private: true });
  if ("skipped" in found) return void process.stderr.write(`${found.skipped}\n`);
  await found.stop();
  const child = spawn(process.execPath, [...typeScriptFlags, "--input-type=module-typescript", "-e", program(name)], {
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const record = JSON.parse(line) as { id: string; pids: Record<string, number>; endpoint: { url: string } };
  expect(await reaches(record.endpoint.url)).toBe(true);
  child.kill("SIGKILL");
  for (const pid of Object.values(record.pids)) expect(await gone(pid, record.id, 20_000)).toBe(true);
  expect(await reaches(record.endpoint.url)).toBe(false);
  while ((await readdir(folder)).length > 0) await delay(20);
});

describe("the command", () => {
  const cli = join(repositoryRoot, "tools/servers/cli.ts");

  async function command(args: readonly string[], extra: Record<string, string> = {}): Promise<{ code: number; out: string }> {
    const child = spawn(process.execPath, [...typeScriptFlags, cli, ...args], {
      env: environment(extra),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (out += text));
    const [code] = (await once(child, "close")) as [number];
    return { code, out };
  }

  it("up starts once, shows the pinned versions, and down stops what it started", async () => {
    const first = await command(["up", "nats"]);
    if (first.out.includes("skipped: nats")) return;
    expect(first.out).toMatch(/^nats +v2\.\d+\.\d+ +go +github\.com/m);
    const url = /running: nats +(\S+)/.exec(first.out)![1]!;
    expect(await reaches(url)).toBe(true);
    expect((await command(["up", "nats"])).out).toContain(url);
    expect((await command(["status"])).out).toContain(url);
    expect((await command(["down"])).out).toContain("stopped: nats");
    expect(await reaches(url)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it("ends the servers of up when their time is over", async () => {
    const { out } = await command(["up", "nats", "--ttl-minutes", "0.02"]);
    if (out.includes("skipped: nats")) return;
    const url = /running: nats +(\S+)/.exec(out)![1]!;
    while (await reaches(url)) await delay(50);
    while ((await readdir(folder)).length > 0) await delay(20);
  });

  it("says visibly what cannot be had, and fails where servers are required", async () => {
    const bare = { PATH: "/nonexistent", JAVA_HOME: "", OMNI_CACHE: join(folder, "cache"), OMNI_REQUIRE_SERVERS: "" };
    const lenient = await command(["up", "kafka"], bare);
    expect(lenient.out).toMatch(/^skipped: kafka \(no java on the PATH; install a Java runtime/m);
    expect(lenient.code).toBe(0);
    const strict = await command(["up", "kafka"], { ...bare, OMNI_REQUIRE_SERVERS: "1" });
    expect(strict.code).toBe(1);
    expect((await command(["up", "nats"], bare)).out).toMatch(/^skipped: nats \(.*npm run servers -- install nats \(needs Go\)/m);
  });

  it("refuses words that it does not know", async () => {
    const wrong = await command(["up", "rabbit"]);
    expect(wrong.out).toContain('no server is called "rabbit": choose from nats, kafka, ');
    expect(wrong.code).not.toBe(0);
  });
});
