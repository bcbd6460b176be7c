import { freePorts } from "@omni/servers";

/** The configurations of so many servers that know each other, so that a stream can have a copy on each. */
export async function clusterConfigurations(count: number): Promise<readonly string[]> {
  const ports = await freePorts(count);
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  return ports.map(
    (port, index) => `server_name: "n${index + 1}"\ncluster: { name: "omni", listen: "127.0.0.1:${port}", routes: [${routes}] }`,
  );
}
