/** Apache Kafka in KRaft mode: one node that is broker and controller, further nodes that are brokers. Logs survive SIGKILL. */
import { constants, realpathSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { absent, exists, filled, onPath } from "../executables.ts";
import { knowsBrokers } from "../kafka-metadata.ts";
import type { Absent, ProcessPlan, Program, ServerKind, Site } from "../kind.ts";
import { cacheDirectory } from "../places.ts";
import { mustRun } from "../processes.ts";
import { type MavenProgram, mavenDependencyPlugin, pins, slf4jBinding } from "../versions.ts";

export const kafka: ServerKind = kafkaKind("kafka", pins.kafka);
export const kafka39: ServerKind = kafkaKind("kafka-3.9", pins["kafka-3.9"]);

/** Any valid cluster id would do; one for all lets three nodes be formatted apart. */
const clusterId = "b21uaS10ZXN0LWNsdXN0ZQ";

function kafkaKind(name: "kafka" | "kafka-3.9", pin: MavenProgram): ServerKind {
  const variable = name === "kafka" ? "OMNI_KAFKA_BROKERS" : "OMNI_KAFKA39_BROKERS";
  return {
    name,
    environment: (variables) => (variables[variable] ? { url: variables[variable] } : undefined),
    probe: () => probe(name, pin),
    install: (say) => install(pin, say),
    portNames: (options) => ["controller1", ...numbers(options.nodes).map((node) => `node${node}`)],
    endpoint: ({ ports, options }) => ({
      url: numbers(options.nodes)
        .map((node) => `127.0.0.1:${ports[`node${node}`]}`)
        .join(","),
    }),
    plan: (site) => Promise.all(numbers(site.options.nodes).map((node) => planNode(site, node))),
    startTimeoutMs: 60_000,
  };
}

function numbers(nodes = 1): readonly number[] {
  return Array.from({ length: nodes }, (_, index) => index + 1);
}

async function probe(name: string, pin: MavenProgram): Promise<Program | Absent> {
  const java = await javaCommand();
  if (!java)
    return {
      why: "no java on the PATH",
      remedy: `install a Java runtime, version 17 or later, then npm run servers -- install ${name}`,
    };
  const script = (await onPath("kafka-server-start.sh")) ?? (await onPath("kafka-server-start"));
  const folders = script ? [join(dirname(realpathSync(script)), "..", "libs")] : [];
  for (const home of [...folders, jarFolder(pin)]) {
    const version = await jarVersion(home);
    if (version && major(version) === major(pin.version))
      return { from: home === jarFolder(pin) ? "cache" : "path", command: java, version, home };
  }
  return absent(name, `no Kafka ${major(pin.version)} on the PATH and none in the cache`, "Maven and Java 17");
}

/** What two versions must share to serve for each other: 4, or 3.9. */
function major(version: string): string {
  return version.startsWith("3.") ? version.split(".", 2).join(".") : version.split(".", 1)[0]!;
}

async function javaCommand(): Promise<string | undefined> {
  const home = process.env.JAVA_HOME;
  if (home && (await exists(join(home, "bin/java"), constants.X_OK))) return join(home, "bin/java");
  return onPath("java");
}

function jarFolder(pin: MavenProgram): string {
  return join(cacheDirectory(), "kafka", pin.version);
}

async function jarVersion(folder: string): Promise<string | undefined> {
  if (!(await exists(folder))) return undefined;
  for (const file of await readdir(folder)) {
    const match = /^kafka_2\.13-(\d+\.\d+\.\d+)\.jar$/.exec(file);
    if (match) return match[1];
  }
  return undefined;
}

async function install(pin: MavenProgram, say: (line: string) => void): Promise<void> {
  const folder = jarFolder(pin);
  if (await exists(folder)) return;
  if (!(await onPath("mvn")))
    throw new Error('Kafka\'s jars are resolved by Maven, and there is no "mvn" on the PATH: install Maven 3.8 or later');
  say(`mvn dependency:copy-dependencies ${pin.artifact}:${pin.version}`);
  await filled(folder, async (aside) => {
    await writeFile(join(aside, "pom.xml"), pom(pin));
    await mustRun({
      command: "mvn",
      args: ["-q", "-B", `${mavenDependencyPlugin}:copy-dependencies`, `-DoutputDirectory=${aside}`, "-DincludeScope=runtime"],
      cwd: aside,
      timeoutMs: 10 * 60_000,
    });
  });
}

function pom(pin: MavenProgram): string {
  const dependency = ({ artifact, version }: { readonly artifact: string; readonly version: string }) => {
    const [group, id] = artifact.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
  };
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>omni.servers</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependency(pin)}${dependency(slf4jBinding)}</dependencies></project>
`;
}

async function planNode(site: Site, node: number): Promise<ProcessPlan> {
  const file = join(site.directory, `node${node}.properties`);
  const scratch = join(site.directory, "tmp");
  await mkdir(scratch, { recursive: true });
  await writeFile(file, properties(site, node));
  const { command, home } = site.program;
  // Start-up matters more than peak speed here: first compiler tier only, the simplest collector, a small heap.
  const flags = ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
  flags.push("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true");
  flags.push(`-Djava.io.tmpdir=${scratch}`); // the compression libraries unpack themselves there
  flags.push("-cp", join(home!, "*"));
  const format = ["kafka.tools.StorageTool", "format", "--cluster-id", clusterId, "--config", file];
  return {
    role: `node${node}`,
    command,
    args: [...flags, "kafka.Kafka", file],
    prepare: async () => void (await mustRun({ command, args: [...flags, ...format] })),
    ready: () => knowsBrokers(site.ports[`node${node}`]!, node),
  };
}

function properties(site: Site, node: number): string {
  const client = `127.0.0.1:${site.ports[`node${node}`]}`;
  const controller = `127.0.0.1:${site.ports.controller1}`;
  const controls = node === 1;
  const copies = Math.min(site.options.nodes ?? 1, 3);
  return `node.id=${node}
process.roles=${controls ? "broker,controller" : "broker"}
controller.quorum.voters=1@${controller}
listeners=PLAINTEXT://${client}${controls ? `,CONTROLLER://${controller}` : ""}
advertised.listeners=PLAINTEXT://${client}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${join(site.directory, "data", `node${node}`)}
offsets.topic.replication.factor=${copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=${copies}
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=${copies}
share.coordinator.state.topic.min.isr=1
group.min.session.timeout.ms=1000
group.initial.rebalance.delay.ms=0
num.partitions=1
broker.session.timeout.ms=6000
${site.options.configuration ?? ""}
`;
}
