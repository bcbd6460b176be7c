import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { digestOf } from "../../hash.ts";
import { faulty } from "../faulty.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { LargeBody, stream } from "../samples.ts";

/** Bytes held outside of the heap, where those of objects are, after a collection. */
function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // Twice: the first run queues what the second frees.
  collect();
  collect();
}

/** Whether a promise resolves within some turns of the event loop: what waits for nobody does. */
async function resolvesSoon(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  const settled = promise.then(() => {
    resolved = true;
  });
  for (let turn = 0; turn < 50 && !resolved; turn++) await Promise.race([settled, new Promise(setImmediate)]);
  return resolved;
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1_048_576);
}

const cases: readonly Case[] = [
  {
    name: "a stalled reader holds a bounded part of a large object",
    run: async ({ backend, check, sizes }) => {
      const body = new LargeBody(sizes.largeBytes);
      await backend.write("large", stream(body));
      const before = heldBytes();
      const stalled = await backend.read("large");
      const bytes = stalled[Symbol.asyncIterator]();
      await bytes.next();
      // Another reader takes the whole object meanwhile: time enough for the stalled one to run ahead, and measured by an event.
      for await (const chunk of await backend.read("large")) check.ok("a chunk has bytes", chunk.byteLength >= 0);
      const held = heldBytes() - before;
      check.ok(
        `held ${megabytes(held)} MiB of ${megabytes(body.bytes)}, allowed ${megabytes(sizes.ceilingBytes)}`,
        held <= sizes.ceilingBytes,
      );
      await bytes.return?.();
    },
  },
  {
    name: "a write holds a bounded part of a large object, or the object once where it lives in memory",
    run: async ({ backend, check, features, sizes }) => {
      const body = new LargeBody(sizes.largeBytes);
      const before = heldBytes();
      let most = 0;
      let chunks = 0;
      const watched = stream(body, () => {
        if (chunks++ % 64 === 0) most = Math.max(most, heldBytes() - before);
      });
      await backend.write("large", watched);
      most = Math.max(most, heldBytes() - before);
      const inMemory = features.durable === "process" || !features.canStream ? body.bytes : 0;
      const allowed = inMemory + sizes.ceilingBytes;
      check.ok(`held ${megabytes(most)} MiB of ${megabytes(body.bytes)}, allowed ${megabytes(allowed)}`, most <= allowed);
    },
  },
  {
    name: "a store that stalls stalls its writer, which loses nothing",
    run: async ({ backend, check, sizes }) => {
      const body = [...new LargeBody(sizes.largeBytes)];
      const stalling = faulty(backend, [{ on: "write", do: "hang", atByte: 100_000, once: true }]);
      const writer = stalling.createWriter("large");
      let taken = 0;
      let waiting: Promise<void> | undefined;
      while (!waiting && body.length > 0) {
        const chunk = body.shift() as Uint8Array;
        taken += chunk.byteLength;
        const written = writer.write(chunk);
        if (await resolvesSoon(written)) continue;
        // It may wait for a store that is only slow: what counts is whether it still does when the store stalls.
        await stalling.faults.struck();
        if (!(await resolvesSoon(written))) waiting = written;
      }
      check.ok(
        `took ${megabytes(taken)} MiB, allowed ${megabytes(sizes.ceilingBytes)}`,
        waiting !== undefined && taken <= sizes.ceilingBytes,
      );
      stalling.faults.release();
      await waiting;
      for (const chunk of body) await writer.write(chunk);
      check.same("size", (await writer.close()).size, sizes.largeBytes);
      check.same(
        "sha256 of what is read",
        await digestOf("sha256", await backend.read("large")),
        new LargeBody(sizes.largeBytes).digest(),
      );
    },
  },
  {
    name: "readers left unread after the first chunk do not add up",
    run: async ({ backend, check, sizes }) => {
      await backend.write("large", stream(new LargeBody(sizes.largeBytes)));
      const before = heldBytes();
      for (let i = 0; i < 8; i++) {
        const reader = await backend.read("large");
        for await (const chunk of reader) if (chunk.byteLength > 0) break;
      }
      const held = heldBytes() - before;
      check.ok(`held ${megabytes(held)} MiB, allowed ${megabytes(sizes.ceilingBytes)}`, held <= sizes.ceilingBytes);
    },
  },
];

/** Memory that does not grow with the object. */
export const memoryUse: Group = { name: "memory", needs: [STORED], cases };
