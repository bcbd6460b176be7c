/** For suites under jest: runs with a server, or is skipped in sight of everybody. */
import { writeSync } from "node:fs";
import { probeChromium } from "./chromium.ts";
import { isAbsent } from "./kind.ts";
import { findServer, type RunningServer, type ServerOptions, type Skipped, server, tryServer } from "./server.ts";
import type { ServerName } from "./versions.ts";

/** With `OMNI_REQUIRE_SERVERS=1` a server that cannot be had is an error. */
function required(): boolean {
  return ["1", "true"].includes(process.env.OMNI_REQUIRE_SERVERS ?? "");
}

/** Says that a server is missing where it is surely seen: on the error output itself, past jest's own console and its --silent. */
function sayOrThrow(missing: Pick<Skipped, "skipped">): void {
  if (required()) throw new Error(`${missing.skipped}: OMNI_REQUIRE_SERVERS is set`);
  writeSync(2, `${missing.skipped}\n`);
}

/**
 * The running server, or the reason why there is none, said on the error output.
 *
 * @throws Error when there is none and `OMNI_REQUIRE_SERVERS=1`
 */
export async function requireServer(name: ServerName, options: ServerOptions = {}): Promise<RunningServer | Skipped> {
  const found = await tryServer(name, options);
  if ("skipped" in found) sayOrThrow(found);
  return found;
}

/**
 * A `describe` block that has a server: started before its tests, stopped after them. Where the server cannot be had the block's
 * tests count as skipped and the reason is printed; with `OMNI_REQUIRE_SERVERS=1` that is an error. Await it at the top of the file.
 *
 * @param body declares the tests; calls `current()` inside of hooks and tests to get the server
 */
export function describeWithServer(
  name: ServerName,
  title: string,
  body: (current: () => RunningServer) => void,
  options: ServerOptions = {},
): Promise<void> {
  return describeWithServers([name], title, (current) => body(() => current(name)), options);
}

/**
 * The same with several servers: skipped where any of them cannot be had.
 *
 * @param body declares the tests; calls `current(name)` inside of hooks and tests to get a server
 */
export async function describeWithServers<N extends ServerName>(
  names: readonly N[],
  title: string,
  body: (current: (name: N) => RunningServer) => void,
  options: ServerOptions = {},
): Promise<void> {
  const ways = await Promise.all(names.map((name) => findServer(name, options)));
  const missing = ways.filter((way) => "skipped" in way);
  if (missing.length > 0) {
    for (const one of missing) sayOrThrow(one);
    describe.skip(title, () => body(never));
    return;
  }
  describe(title, () => {
    const running = new Map<N, RunningServer>();
    beforeAll(async () => {
      await Promise.all(names.map(async (name) => running.set(name, await server(name, options))));
    }, 120_000);
    afterAll(async () => {
      await Promise.all([...running.values()].map((one) => one.stop()));
    }, 30_000);
    body((name) => running.get(name) ?? never(name));
  });
}

/**
 * The same with Chromium, and with servers: skipped where the browser, or any of them, cannot be had. The browser is not started.
 *
 * @param body declares the tests; `executable` is what a driver of browsers starts
 */
export async function describeWithChromium<N extends ServerName>(
  names: readonly N[],
  title: string,
  body: (executable: string, current: (name: N) => RunningServer) => void,
  options: ServerOptions = {},
): Promise<void> {
  const found = await probeChromium();
  if (!isAbsent(found)) return describeWithServers(names, title, (current) => body(found.command, current), options);
  sayOrThrow({ skipped: `skipped: chromium (${found.why}; ${found.remedy})` });
  describe.skip(title, () => body("chromium", never));
}

function never(name: ServerName): never {
  throw new Error(`the server ${name} runs only inside of tests and hooks`);
}
