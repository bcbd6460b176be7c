// A migration of many objects between stores that hold none: what grows is the engine.
import { createBackend, type ObjectInfo, type StorageDriver } from "@omni/core";
import { memory } from "@omni/memory";
import { migrate } from "@omni/sync";

const objects = Number(process.argv[2]);
const at = new Date(1_700_000_000_000);
const BYTES = Buffer.from("0123456789");

function infoOf(index: number): ObjectInfo {
  return {
    path: `folder ${index % 10}/${String(index).padStart(12, "0")}`,
    size: BYTES.byteLength,
    modifiedAt: at,
    etag: `e${index}`,
  };
}

async function* bodyOf(): AsyncGenerator<Uint8Array, void> {
  yield BYTES;
}

const base = {
  scheme: "endless",
  features: { sortedList: true, setModTime: true, rangeRead: true, listPrefix: true },
  delete: async () => undefined,
} satisfies Partial<StorageDriver>;

const source: StorageDriver = {
  ...base,
  identity: "endless:source",
  read: async (path) => ({ info: infoOf(Number(path.slice(-12))), body: bodyOf() }),
  write: async () => {
    throw new Error("a source is not written to");
  },
  stat: async (path) => infoOf(Number(path.slice(-12))),
  async *list() {
    for (let folder = 0; folder < 10; folder++)
      for (let index = folder; index < objects; index += 10) {
        if (index % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
        yield infoOf(index);
      }
  },
};

let written = 0;
const samples: { readonly objects: number; readonly heapBytes: number }[] = [];
const destination: StorageDriver = {
  ...base,
  identity: "endless:destination",
  read: async () => {
    throw new Error("nothing is read back");
  },
  write: async (path) => {
    if (++written % Math.floor(objects / 10) === 0) {
      globalThis.gc?.();
      samples.push({ objects: written, heapBytes: process.memoryUsage().heapUsed });
    }
    return infoOf(Number(path.slice(-12)));
  },
  stat: async (path) => infoOf(Number(path.slice(-12))),
  async *list() {},
};

// The journal's own store holds its bytes in memory, outside of the heap that is measured.
const report = await migrate({ from: createBackend(source), to: createBackend(destination), journal: memory(), maxEntries: 100 });
process.stdout.write(JSON.stringify({ ok: report.ok, copied: report.counts.copied, samples }));
