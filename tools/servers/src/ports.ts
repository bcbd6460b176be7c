/** Free TCP ports on loopback. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

// Below the range from which systems take the ports of outgoing connections (32768 and up on Linux, 49152 elsewhere). A server
// killed and started again on its port would otherwise find that a reconnecting client had been given the very same port.
const lowest = 20_000;
const highest = 32_000;

/** `count` ports that nobody listens on at the moment; each was bound once to make sure. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let attempt = 0; ports.length < count; attempt++) {
    if (attempt > 1000) throw new Error(`no ${count} free ports between ${lowest} and ${highest}: stop what listens there`);
    const port = randomInt(lowest, highest);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
