// Starts and stops the local registry.
import { type ChildProcess, fork } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { npmSetting } from "../bootstrap/npm.mjs";
import { sourceFlags } from "../bootstrap/toolchain.mjs";
import { type CheckContext, CheckFailure } from "../checks/check.ts";

export interface Registry {
  readonly url: string;
  /** The lines of an .npmrc that send the scope here; everything else goes where npm goes on this machine. */
  readonly npmrc: string;
  readonly close: () => Promise<void>;
}

export async function startRegistry(context: CheckContext, folder: string): Promise<Registry> {
  const uplink = npmSetting("registry", context.env) ?? "";
  const cafile = npmSetting("cafile", context.env) ?? "";
  const child = fork(join(import.meta.dirname, "registry-server.ts"), [folder, uplink, cafile], {
    execArgv: sourceFlags(),
    env: { ...context.env, ...(cafile ? { NODE_EXTRA_CA_CERTS: cafile } : {}) },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    signal: context.signal,
  });
  const log = join(context.scratch, "registry.log");
  child.stderr?.on("data", (data: Buffer) => appendFileSync(log, data));
  const port = await portOf(child, log);
  const url = `http://127.0.0.1:${port}/`;
  // npm asks for a token before it publishes anywhere; this registry takes any.
  const npmrc = `@omni:registry=${url}\n//127.0.0.1:${port}/:_authToken=rehearsal\n`;
  return { url, npmrc, close: () => stop(child) };
}

function portOf(child: ChildProcess, log: string): Promise<number> {
  return new Promise((found, failed) => {
    if (!child.stdout) return failed(new CheckFailure("the local registry has no output"));
    createInterface({ input: child.stdout }).on("line", (line) => {
      appendFileSync(log, `${line}\n`);
      if (line.startsWith("{")) found((JSON.parse(line) as { port: number }).port);
    });
    child.on("error", failed);
    child.on("exit", (code) => failed(new CheckFailure(`the local registry ended with ${code} (${log})`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await gone;
}
