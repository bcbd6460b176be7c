// The steps of the guide, run as they stand there: its commands, on ports that are free.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { codeBlocks } from "../../../tools/snippets/markdown.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const GUIDE = "docs/guides/dual-write.md";

/** The command lines of the guide's steps, in order; a line that goes on is one command. */
export function steps(): readonly string[] {
  const blocks = codeBlocks(readFileSync(join(ROOT, GUIDE), "utf8"), GUIDE).filter(
    ({ heading, language }) => heading === "By hand" && language === "sh",
  );
  return blocks.flatMap(({ code }) => code.replaceAll("\\\n", "").split("\n"));
}

/** The scripts of the repository. */
export function scripts(): Readonly<Record<string, string>> {
  return (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> }).scripts;
}

/** A folder in which the services write their log, and ports for them. */
export class Desk {
  readonly folder: string = mkdtempSync(join(tmpdir(), "omni-by-hand-"));
  readonly #ports: readonly number[];
  readonly #env: Readonly<Record<string, string>>;

  private constructor(ports: readonly number[], env: Readonly<Record<string, string>>) {
    this.#ports = ports;
    this.#env = env;
  }

  /** @param env where the brokers are */
  static async at(env: Readonly<Record<string, string>>): Promise<Desk> {
    return new Desk([await freePort(), await freePort(), await freePort()], env);
  }

  /** Starts what `npm run ingest -- nats,kafka > ingest.log` starts; resolves when it says that all is there. */
  async launch(env: Readonly<Record<string, string>> = {}): Promise<Launched> {
    const [gateway, ingest, processor] = this.#ports;
    const ports = { GATEWAY_PORT: `${gateway}`, INGEST_PORT: `${ingest}`, PROCESSOR_PORT: `${processor}` };
    const urls = { INGEST_URL: `http://127.0.0.1:${ingest}`, PROCESSOR_URL: `http://127.0.0.1:${processor}` };
    const flags = ["--conditions=@omni/source", "--experimental-strip-types", "--no-warnings"];
    const child = spawn(process.execPath, [...flags, join(ROOT, "examples/ingest/src/index.ts"), "nats,kafka"], {
      env: { ...process.env, NODE_OPTIONS: "", ...this.#env, ...ports, ...urls, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (data: Buffer) => appendFileSync(join(this.folder, "ingest.log"), data));
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the services ended with ${code}: ${said}`)));
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.includes("/api/v1/status")) resolve();
      });
    });
    return new Launched(child);
  }

  /** Runs a command of the guide beside the log. @returns what it printed */
  async run(command: string): Promise<string> {
    const here = this.#ports.reduce((line, port, at) => line.replaceAll(`localhost:${8080 + at}`, `127.0.0.1:${port}`), command);
    return new Promise((resolve, reject) => {
      execFile("sh", ["-c", here], { cwd: this.folder }, (error, stdout, stderr) =>
        error ? reject(new Error(`${here}: ${stderr}`, { cause: error })) : resolve(stdout),
      );
    });
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The launcher and its three services. */
export class Launched {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Ctrl-C. @returns what the launcher ended with */
  async interrupt(): Promise<number | null> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGINT");
    const [code] = (await closed) as [number | null];
    return code;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { readonly port: number };
  probe.close();
  await once(probe, "close");
  return port;
}
