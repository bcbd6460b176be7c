/** The one table of pinned versions: what `install` fetches and what every run prints. */

/** A program built by `go install module@version`. */
export interface GoProgram {
  readonly from: "go";
  readonly program: string;
  readonly module: string;
  readonly version: string;
}

/** Jars resolved by Maven into one folder. */
export interface MavenProgram {
  readonly from: "maven";
  readonly artifact: string;
  readonly version: string;
}

/** Packages of a Debian suite, unpacked into a folder of their own; the suite decides the version. */
export interface DebianProgram {
  readonly from: "debian";
  readonly suite: string;
  readonly packages: readonly string[];
  readonly version: string;
}

/** Packages of the host's own Debian; the host decides the version, and the oldest that was tried stands here. */
export interface AptProgram {
  readonly from: "apt";
  readonly program: string;
  readonly packages: readonly string[];
  readonly version: string;
}

export type Pin = GoProgram | MavenProgram | DebianProgram | AptProgram;

export const pins = {
  nats: { from: "go", program: "nats-server", module: "github.com/nats-io/nats-server/v2", version: "v2.15.2" },
  kafka: { from: "maven", artifact: "org.apache.kafka:kafka_2.13", version: "4.3.1" },
  "kafka-3.9": { from: "maven", artifact: "org.apache.kafka:kafka_2.13", version: "3.9.2" },
  // The last release under a tag that a module proxy can serve is a pseudo-version: MinIO's tags are not semantic versions.
  s3: { from: "go", program: "minio", module: "github.com/minio/minio", version: "v0.0.0-20260212201848-7aac2a2c5b7c" },
  ceph: { from: "debian", suite: "sid", packages: ["ceph-mon", "ceph-osd", "radosgw", "ceph-common"], version: "20.2" },
  gcs: { from: "go", program: "fake-gcs-server", module: "github.com/fsouza/fake-gcs-server", version: "v1.56.1" },
  ssh: { from: "apt", program: "/usr/sbin/sshd", packages: ["openssh-server"], version: "9.2" },
} as const satisfies Record<string, Pin>;

export type ServerName = keyof typeof pins;

export const serverNames = Object.keys(pins) as readonly ServerName[];

/** The servers of every run; the others belong to the full tier. */
export const everyRun: readonly ServerName[] = ["nats", "kafka", "s3", "gcs", "ssh"];

/** Maven's own parts, pinned like the servers: the copying plugin and the logger that Kafka's jars lack. */
export const mavenDependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";
export const slf4jBinding = { artifact: "org.slf4j:slf4j-simple", version: "1.7.36" } as const;

/** One line for each server, e.g. `nats       v2.15.2   go github.com/nats-io/nats-server/v2`. */
export function versionLines(): readonly string[] {
  return serverNames.map((name) => {
    const pin: Pin = pins[name];
    return `${name.padEnd(10)} ${pin.version.padEnd(38)} ${pin.from.padEnd(7)} ${sourceOf(pin)}`;
  });
}

function sourceOf(pin: Pin): string {
  if (pin.from === "go") return pin.module;
  if (pin.from === "maven") return pin.artifact;
  return pin.from === "debian" ? `suite ${pin.suite}: ${pin.packages.join(" ")}` : `${pin.packages.join(" ")} of the host`;
}
