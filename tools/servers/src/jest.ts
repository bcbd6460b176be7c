/** For suites under jest: runs with a server, or is skipped in sight of everybody. */
import { writeSync } from "node:fs";
import { findServer, type RunningServer, type ServerOptions, type Skipped, server, tryServer } from "./server.ts";
import type { ServerName } from "./versions.ts";

/** With `OMNI_REQUIRE_SERVERS=1` a server that cannot be had is an error. */
function required(): boolean {
  return ["1", "true"].includes(process.env.OMNI_REQUIRE_SERVERS ?? "");
}

/** Says that a server is missing where it is surely seen: on the error output itself, past jest's own console and its --silent. */
function sayOrThrow(missing: Skipped): void {
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
export async function describeWithServer(
  name: ServerName,
  title: string,
  body: (current: () => RunningServer) => void,
  options: ServerOptions = {},
): Promise<void> {
  const way = await findServer(name, options);
  if ("skipped" in way) {
    sayOrThrow(way);
    describe.skip(title, () => body(() => never(name)));
    return;
  }
  describe(title, () => {
    let running: RunningServer | undefined;
    beforeAll(async () => {
      running = await server(name, options);
    }, 120_000);
    afterAll(async () => {
      await running?.stop();
    }, 30_000);
    body(() => running ?? never(name));
  });
}

function never(name: ServerName): never {
  throw new Error(`the server ${name} runs only inside of tests and hooks`);
}
