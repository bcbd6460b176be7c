import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
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
    name: "a slow store slows its writer",
    run: async ({ backend, check, sizes }) => {
      const writer = backend.createWriter("large");
      const before = heldBytes();
      let written = 0;
      let chunks = 0;
      let most = 0;
      for (const chunk of new LargeBody(sizes.largeBytes)) {
        await writer.write(chunk);
        written += chunk.byteLength;
        if (chunks++ % 64 === 0) most = Math.max(most, heldBytes() - before);
      }
      most = Math.max(most, heldBytes() - before);
      check.same("size", (await writer.close()).size, written);
      const { durable, canStream } = backend.features;
      const allowed = (durable === "process" || !canStream ? written : 0) + sizes.ceilingBytes;
      check.ok(`held ${megabytes(most)} MiB of ${megabytes(written)}, allowed ${megabytes(allowed)}`, most <= allowed);
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
