// A microservice in a fresh folder that has only the packages of a dual write, on a real NATS server and a real Kafka broker: as an ES module, and from
// TypeScript compiled to CommonJS with a jest test. Its files and its command lines are those of the guide.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { type CheckContext, CheckFailure } from "../checks/check.ts";
import type { PublishedPackage } from "../checks/packages.ts";
import { type RunningServer, server } from "../servers/src/index.ts";
import { tsJest } from "./consumers.ts";
import { commandLines, readmeBlocks, writeBlocks } from "./readme.ts";
import type { Registry } from "./registry.ts";

const GUIDE = "docs/guides/dual-write.md";

export interface Microservice {
  readonly context: CheckContext;
  readonly folder: string;
  readonly registry: Registry;
  readonly packages: readonly PublishedPackage[];
  /** Executables of every Node that the packages support. */
  readonly nodes: readonly string[];
}

/** @returns how many uses were tried, all with success */
export async function dualWrite(service: Microservice): Promise<number> {
  const { context, folder, nodes } = service;
  const blocks = readmeBlocks(context.root, "A microservice", GUIDE);
  const [installing = "", ...lines] = commandLines(blocks);
  const names = installing.split(" ").filter((word) => word.startsWith("@omni/"));
  const starting = [server("nats"), server("kafka")] as const;
  try {
    await install(service, names);
    const [nats, kafka] = await Promise.all(starting);
    writeBlocks(blocks, folder);
    let uses = 0;
    for (const [at, node] of nodes.entries()) {
      const env = environment(service, node, nats, kafka);
      const topic = `rehearsal-${uses}`;
      const composite = { QUEUE_TYPE: "composite", COMPOSITE_PROVIDERS: "nats, kafka", QUEUE_TOPIC: topic };
      said(await context.run(node, ["service.mts"], { cwd: folder, env: { ...env, ...composite } }), "handled 1 pizza");
      // What the compiler makes is the same on every Node.
      const used = at === 0 ? lines : lines.filter((line) => line !== "tsc");
      for (const line of used) {
        const output = await context.run("sh", ["-c", line], { cwd: folder, env });
        if (line.startsWith("node ")) said(output);
      }
      uses += 1 + used.length;
    }
    return uses;
  } finally {
    // Those that did start; the failure of one is told by the `await` above.
    for (const end of await Promise.allSettled(starting)) if (end.status === "fulfilled") await end.value.stop();
  }
}

/** What the guide says to install, from the local registry, and beside it only what compiles and tests. */
async function install({ context, folder, registry, packages }: Microservice, names: readonly string[]): Promise<void> {
  const root = JSON.parse(readFileSync(join(context.root, "package.json"), "utf8")) as { devDependencies: Record<string, string> };
  const tools = ["typescript", "@types/node", "jest", "@types/jest"].map((name) => [name, root.devDependencies[name]]);
  const versions = names.map((name) => {
    const found = packages.find(({ manifest }) => manifest.name === name);
    if (!found) throw new CheckFailure(`${GUIDE} installs ${name}, which is not published`);
    return [name, found.manifest.version];
  });
  const manifest = {
    name: "microservice",
    private: true,
    dependencies: Object.fromEntries(versions),
    devDependencies: { ...Object.fromEntries(tools), "ts-jest": tsJest },
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2));
  writeFileSync(join(folder, ".npmrc"), registry.npmrc);
  await context.run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
}

function environment(
  { context, folder }: Microservice,
  node: string,
  nats: RunningServer,
  kafka: RunningServer,
): Record<string, string | undefined> {
  const path = `${dirname(node)}:${join(folder, "node_modules", ".bin")}:${context.env.PATH ?? ""}`;
  return { PATH: path, NODE_OPTIONS: undefined, NATS_URL: nats.url, KAFKA_BROKERS: kafka.url };
}

/** @throws CheckFailure unless the program said that both brokers took the message */
function said(output: string, more = ""): void {
  for (const words of ["nats acked, kafka acked", more]) {
    if (!output.includes(words)) throw new CheckFailure(`the microservice did not say "${words}": ${output}`);
  }
}
