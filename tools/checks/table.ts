// Every check there is. A row is added here and nowhere else; `npm run checks -- list` prints the table.

import { apiReports } from "./api-reports.ts";
import { bareClone, bareCloneQuick } from "./bare-clone.ts";
import type { Check, CheckContext, CheckOutcome } from "./check.ts";
import { demoRuns } from "./demo.ts";
import { docsSite } from "./docs.ts";
import { jestHarness, jestOnServers } from "./harness.ts";
import { fanOutMemory, fanOutSmoke } from "./memory.ts";
import { attw, publint, toolsPath } from "./package-checks.ts";
import { rehearsal } from "./rehearsal.ts";
import { readmeTestCommand, unitTests, unitTestsOnNode22 } from "./unit.ts";
import { verification } from "./verification.ts";

/** A check that is one program and its exit code. */
function program(command: string, ...args: readonly string[]): (context: CheckContext) => Promise<CheckOutcome> {
  return async (context) => {
    await context.run(command, args, { env: toolsPath(context) });
    return {};
  };
}

export const checks: readonly Check[] = [
  { name: "unit", about: "unit tests", tiers: ["test"], budgetSeconds: 1200, run: unitTests },
  {
    name: "npm-test",
    about: "npm test, as the README says, with the push tier's runs",
    tiers: ["push"],
    budgetSeconds: 1430,
    run: readmeTestCommand,
  },
  { name: "npm-run-demo", about: "npm run demo, as the README says", tiers: ["push"], budgetSeconds: 60, run: demoRuns },
  { name: "unit-node22", about: "unit tests on Node 22", tiers: ["push"], budgetSeconds: 350, run: unitTestsOnNode22 },
  {
    name: "lint",
    about: "Biome: rules and format",
    tiers: ["push"],
    budgetSeconds: 40,
    run: program("biome", "ci", "--colors=off", "."),
  },
  {
    name: "types",
    about: "types of everything, sources and tests",
    tiers: ["push"],
    budgetSeconds: 75,
    run: program("tsc", "-p", "tsconfig.json", "--noEmit", "--pretty", "false"),
  },
  {
    name: "build",
    about: "every package's dist",
    tiers: ["push"],
    budgetSeconds: 100,
    run: program("turbo", "run", "build", "--output-logs=errors-only", "--concurrency=100%"),
  },
  {
    name: "knip",
    about: "unused files, exports and dependencies",
    tiers: ["push"],
    budgetSeconds: 30,
    run: program("knip", "--no-progress", "--no-config-hints"),
  },
  { name: "publint", about: "manifests and files of the packed tarballs", tiers: ["push"], budgetSeconds: 45, run: publint },
  {
    name: "attw",
    about: "types of the packed tarballs as consumers resolve them (ESM only)",
    tiers: ["push"],
    budgetSeconds: 60,
    run: attw,
  },
  { name: "api-reports", about: "the public API beside etc/*.api.md", tiers: ["push"], budgetSeconds: 60, run: apiReports },
  {
    name: "docs",
    about: "the documentation's site, its links and their headings",
    tiers: ["push"],
    budgetSeconds: 90,
    run: docsSite,
  },
  {
    name: "rehearsal",
    about: "publish to a local registry, install and use from fresh folders",
    tiers: ["push"],
    budgetSeconds: 200,
    run: rehearsal,
  },
  {
    name: "bare-clone-quick",
    about: "a fresh clone starts with Node 20, npm and git alone",
    tiers: ["push"],
    budgetSeconds: 100,
    run: bareCloneQuick,
  },
  {
    name: "bare-clone",
    about: "both commands twice in a fresh clone without home, cache or anything but Node, npm and git",
    tiers: ["full"],
    budgetSeconds: 1200,
    inputs: [
      "tools/bootstrap.mjs",
      "tools/bootstrap",
      "tools/checks/bare-clone.ts",
      "package.json",
      "pnpm-workspace.yaml",
      "pnpm-lock.yaml",
      ".node-version",
    ],
    run: bareClone,
  },
  {
    name: "multi-properties",
    about: "random members, modes, faults and sizes against a model of the fan-out",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src", "packages/memory/src", "packages/multi"],
    run: jestHarness(["packages/multi/test/property.test.ts"], { OMNI_RUNS: "10000" }),
  },
  {
    name: "journal-search",
    about:
      "every interleaving of writers, recoverers, repairs, late, lost and repeated requests, crashes and expiring tokens, and of removals of old records, in small scope",
    tiers: ["full"],
    budgetSeconds: 3600,
    inputs: ["search.ts", "log-search.ts", "breadth-first.ts", "search.test.ts", "search.full.test.ts"]
      .map((name) => `packages/multi/test/journal/${name}`)
      .concat("packages/multi/src/journal/protocol.ts"),
    run: jestHarness(["packages/multi/test/journal/search.full.test.ts", "packages/multi/test/journal/search.test.ts"], {}),
  },
  {
    name: "journal-kills",
    about:
      "kill -9 of writers and recoverers of a journalled group at every call to a store: one version on all members, no orphans",
    tiers: ["full"],
    budgetSeconds: 10_800,
    inputs: ["packages/multi/src/journal", "packages/multi/test/journal"],
    run: jestHarness(["packages/multi/test/journal/crash"], { OMNI_KILLS: "5000" }),
  },
  {
    name: "multi-journal-properties",
    about:
      "random processes that change a journalled group, crash, and meet faults, late requests and each other: all comes to the head's order",
    tiers: ["full"],
    budgetSeconds: 3600,
    inputs: ["packages/multi/src/journal", "packages/multi/test/journal-property.test.ts"],
    run: jestHarness(["packages/multi/test/journal-property.test.ts"], { OMNI_RUNS: "10000" }),
  },
  {
    name: "multi-quorum-properties",
    about: "a quorum read gives the last acknowledged write or a newer one, over concurrent writers, late and lost requests",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src", "packages/memory/src", "packages/multi"],
    run: jestHarness(["packages/multi/test/quorum-property.test.ts"], { OMNI_RUNS: "10000" }),
  },
  {
    name: "multi-read-failover",
    about:
      "the S3 server that serves a large read killed 50 times at random offsets: right bytes, or a rejection when it was replaced",
    tiers: ["full"],
    budgetSeconds: 1200,
    inputs: ["packages/core/src", "packages/file/src", "packages/s3/src", "packages/multi"],
    run: jestHarness(["packages/multi/test/read-failover.test.ts"], { OMNI_KILLS: "50" }),
  },
  {
    name: "file-kills",
    about: "kill -9 while the file backend writes: every path holds old or new, whole",
    tiers: ["full"],
    budgetSeconds: 1200,
    inputs: ["packages/core/src", "packages/file"],
    run: jestHarness(["packages/file/test/crash/crash.test.ts"], { OMNI_KILLS: "200" }),
  },
  {
    name: "fan-out-smoke",
    about: "20 MiB through multi to three file members, as the benchmark does it",
    tiers: ["push"],
    budgetSeconds: 45,
    run: fanOutSmoke,
  },
  {
    name: "fan-out-memory",
    about: "1 GiB through multi to three file members: memory stays flat",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src", "packages/file/src", "packages/multi/src", "bench/fan-out-1gib.ts", "bench/runner"],
    run: fanOutMemory,
  },
  {
    name: "channel-properties",
    about:
      "random writers, readers, closes, deletes, aborts and broadcasts: nothing lost, doubled, reordered, glued or left waiting",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: ["packages/core/src", "packages/channel"],
    run: jestHarness(["packages/channel/test/model.test.ts"], { OMNI_RUNS: "10000" }),
  },
  {
    name: "channel-memory",
    about:
      "10 million messages through a buffer of 100 and 100,000 channels opened and closed: memory, listeners and timers stay flat",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: ["packages/core/src", "packages/channel"],
    run: jestHarness(["packages/channel/test/memory.test.ts"], {}),
  },
  {
    name: "long-listings",
    about: "12,000 objects on S3 and on Google Cloud Storage: whole, in order, page by page",
    tiers: ["full"],
    budgetSeconds: 1200,
    inputs: ["packages/core/src", "packages/s3", "packages/gcs", "tools/store-trials"],
    run: jestHarness(["packages/s3/test/many-objects.test.ts", "packages/gcs/test/many-objects.test.ts"], { OMNI_RUNS: "12000" }),
  },
  {
    name: "s3-faults",
    about:
      "2,000 operations on S3 under random faults of the network: no torn object, no orphan, no hang, no outcome that is not true",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src", "packages/s3", "tools/store-trials"],
    run: jestHarness(["packages/s3/test/faults.test.ts"], { OMNI_RUNS: "2000" }),
  },
  {
    name: "gcs-faults",
    about:
      "2,000 operations on Google Cloud Storage under random faults of the network: no torn object, no orphan, no hang, no outcome that is not true",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src", "packages/gcs", "tools/store-trials"],
    run: jestHarness(["packages/gcs/test/faults.test.ts"], { OMNI_RUNS: "2000" }),
  },
  {
    name: "s3-ceph",
    about: "the storage kit on Ceph's gateway, the faithful S3 server",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: ["packages/core/src", "packages/s3"],
    run: jestOnServers(["packages/s3/test/kit-ceph.full.test.ts"]),
  },
  {
    name: "nats-broker-stops",
    about: "the NATS server killed and started 20 times under load: acked is handled, unknown is said, dedupe holds",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: ["packages/core/src/queue", "packages/queue-nats", "tools/queue-chaos"],
    run: jestHarness(["packages/queue-nats/test/broker-stops.test.ts"], { OMNI_KILLS: "20" }),
  },
  {
    name: "nats-consumer-kills",
    about: "a NATS consumer killed 50 times under load, effect beside the mark and in one transaction with it: nothing lost",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src/queue", "packages/queue-nats", "tools/queue-chaos"],
    run: jestHarness(["packages/queue-nats/test/consumer-kills.test.ts"], { OMNI_KILLS: "50" }),
  },
  {
    name: "kafka-older",
    about: "the queue kit on Apache Kafka 3.9, the last one before 4",
    tiers: ["full"],
    budgetSeconds: 1200,
    inputs: ["packages/core/src/queue", "packages/queue-kafka", "tools/queue-chaos"],
    run: jestOnServers(["packages/queue-kafka/test/kit-3.9.full.test.ts"]),
  },
  {
    name: "kafka-broker-stops",
    about: "the Kafka broker killed and started 20 times under load: acked is handled, unknown is said, dedupe holds",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src/queue", "packages/queue-kafka", "tools/queue-chaos"],
    run: jestHarness(["packages/queue-kafka/test/broker-stops.test.ts"], { OMNI_KILLS: "20" }),
  },
  {
    name: "kafka-consumer-kills",
    about: "a Kafka consumer killed 50 times under load, effect beside the mark and in one transaction with it: nothing lost",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src/queue", "packages/queue-kafka", "tools/queue-chaos"],
    run: jestHarness(["packages/queue-kafka/test/consumer-kills.test.ts"], { OMNI_KILLS: "50" }),
  },
  {
    name: "composite-properties",
    about: "every strategy of a composite queue and every outcome of 1 to 4 members against a reference model",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: [
      "packages/core/src/queue",
      "packages/queue-composite/src",
      "packages/queue-composite/test/puppet-queue.ts",
      "packages/queue-composite/test/step-clock.ts",
      "packages/queue-composite/test/strategies.property.test.ts",
    ],
    run: jestHarness(["packages/queue-composite/test/strategies.property.test.ts"], { OMNI_RUNS: "20000" }),
  },
  {
    name: "composite-broker-stops",
    about:
      "NATS and Kafka as one, one of them killed and started 20 times under load for each strategy: what one broker acknowledged is handled, with dedupe once",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: [
      "packages/core/src/queue",
      "packages/queue-composite/src",
      "packages/queue-composite/test/broker-stops.test.ts",
      "packages/queue-composite/test/brokers.ts",
      "packages/queue-kafka/src",
      "packages/queue-memory/src",
      "packages/queue-nats/src",
      "tools/queue-chaos",
    ],
    run: jestHarness(["packages/queue-composite/test/broker-stops.test.ts"], { OMNI_KILLS: "20" }),
  },
  {
    name: "ingest-broker-stops",
    about: "each broker under the ingest services stopped 20 times under traffic over HTTP: what any broker took is handled",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: [
      "examples/ingest/src",
      "examples/ingest/test/broker-stops.test.ts",
      "examples/ingest/test/traffic.ts",
      "packages/core/src/queue",
      "packages/queue-composite/src",
      "packages/queue-kafka/src",
      "packages/queue-memory/src",
      "packages/queue-nats/src",
    ],
    run: jestHarness(["examples/ingest/test/broker-stops.test.ts"], { OMNI_KILLS: "20" }),
  },
  {
    name: "nats-cluster",
    about: "three NATS servers with three copies, one killed at a time under load: the others go on, nothing acknowledged is lost",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: ["packages/core/src/queue", "packages/queue-nats", "tools/queue-chaos"],
    run: jestHarness(["packages/queue-nats/test/cluster.full.test.ts"], { OMNI_KILLS: "9" }),
  },
  {
    name: "kafka-cluster",
    about: "three Kafka brokers with three copies, one killed at a time under load: the others go on, nothing acknowledged is lost",
    tiers: ["full"],
    budgetSeconds: 1200,
    inputs: ["packages/core/src/queue", "packages/queue-kafka", "tools/queue-chaos"],
    run: jestHarness(["packages/queue-kafka/test/cluster.full.test.ts"], { OMNI_KILLS: "6" }),
  },
  {
    name: "migrate-kills",
    about:
      "kill -9 while 10,000 objects migrate from file to S3 to Google Cloud Storage: resumed, verified, none copied twice after it was recorded",
    tiers: ["full"],
    budgetSeconds: 3600,
    inputs: ["packages/core/src/merge", "packages/sync/src", "packages/sync/test/crash"],
    run: jestHarness(["packages/sync/test/crash/migrate-kills.test.ts"], { OMNI_KILLS: "20", OMNI_RUNS: "10000" }),
  },
  {
    name: "sync-faults",
    about:
      "5,000 runs of the sync engine under random faults of both stores: nothing lost, nothing torn, every failure named, the next run converges",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src/merge", "packages/sync/src", "packages/sync/test/faults"],
    run: jestHarness(["packages/sync/test/faults/faults.test.ts"], { OMNI_RUNS: "5000" }),
  },
  {
    name: "upload-browser",
    about:
      "200 MiB from a real Chromium straight to the S3 server by a signed upload, with progress, digest right: the application reads and writes none of it",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: [
      "examples/multi-cloud-upload/page",
      "examples/multi-cloud-upload/src",
      "examples/multi-cloud-upload/test/running.ts",
      "examples/multi-cloud-upload/test/upload.test.ts",
      "packages/cloud/src/signing.ts",
      "packages/s3/src/signing.ts",
    ],
    run: jestHarness(["examples/multi-cloud-upload/test/upload.test.ts"], { OMNI_RUNS: "200" }),
  },
  {
    name: "migrating-real",
    about:
      "2,000 objects from a folder to the S3 server while three processes write, delete and read, one of them killed: nothing lost, nothing resurrected",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src/fleet", "packages/cloud/src/migrating", "packages/cloud/test/migrating/real"],
    run: jestHarness(["packages/cloud/test/migrating/real/real.test.ts"], { OMNI_RUNS: "2000" }),
  },
  {
    name: "residency-properties",
    about: "random clouds, rules, failures, copies and migrations: no file leaves the places that its rule names",
    tiers: ["full"],
    budgetSeconds: 900,
    inputs: ["packages/cloud/src", "packages/cloud/test/residency.test.ts"],
    run: jestHarness(["packages/cloud/test/residency.test.ts"], { OMNI_RUNS: "2000" }),
  },
  {
    name: "migrating-properties",
    about:
      "random instances, kills, outages, lost requests and a mover that goes on and back: nothing acknowledged is lost, nothing deleted comes back",
    tiers: ["full"],
    budgetSeconds: 1800,
    inputs: ["packages/core/src/fleet", "packages/cloud/src/migrating", "packages/cloud/test/migrating/property.test.ts"],
    run: jestHarness(["packages/cloud/test/migrating/property.test.ts"], { OMNI_RUNS: "1500" }),
  },
  {
    name: "verification",
    about: "every count of the full tier has been reached",
    tiers: ["push"],
    budgetSeconds: 10,
    run: async (context) => verification(checks)(context),
  },
];
