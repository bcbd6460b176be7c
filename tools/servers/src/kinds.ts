/** All kinds of servers by name. */
import type { ServerKind } from "./kind.ts";
import { ceph } from "./kinds/ceph.ts";
import { gcs } from "./kinds/gcs.ts";
import { kafka, kafka39 } from "./kinds/kafka.ts";
import { nats } from "./kinds/nats.ts";
import { s3 } from "./kinds/s3.ts";
import { ssh } from "./kinds/ssh.ts";
import { type ServerName, serverNames } from "./versions.ts";

export const kinds: Readonly<Record<ServerName, ServerKind>> = { nats, kafka, "kafka-3.9": kafka39, s3, ceph, gcs, ssh };

/** The kind of that name; any other word is an error that lists the names. */
export function kindOf(name: string): ServerKind {
  if (!Object.hasOwn(kinds, name)) throw new Error(`no server is called "${name}": choose from ${serverNames.join(", ")}`);
  return kinds[name as ServerName];
}
