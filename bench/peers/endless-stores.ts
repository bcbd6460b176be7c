// Stores of any number of objects that hold none of them: what a run of sync over them costs is the engine's own cost.
import type { Backend, ObjectInfo, StorageDriver } from "@omni/core";

/** How such a store behaves. */
export interface EndlessOptions {
  readonly name: string;
  /** Objects that it lists; a store without any takes writes. */
  readonly objects: number;
  /** Listings show when an object was uploaded, as those of S3 do. */
  readonly listsUploadTime?: boolean;
  /** Listings come in no order that a merge could use. */
  readonly unsorted?: boolean;
}

const bytes = Buffer.from("0123456789");
const at = new Date(1_700_000_000_000);
const objectsPerFolder = 1_000;
// A page of S3: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const pageObjects = 1_000;

function infoOf(number: number): ObjectInfo {
  const folder = String(Math.floor(number / objectsPerFolder)).padStart(9, "0");
  const path = `folder-${folder}/object-${String(number % objectsPerFolder).padStart(4, "0")}.bin`;
  return { path, size: bytes.byteLength, modifiedAt: at, etag: `"${number.toString(16).padStart(32, "0")}"` };
}

function numberOf(path: string): number {
  return Number(path.slice(7, 16)) * objectsPerFolder + Number(path.slice(24, 28));
}

async function* bodyOf(): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

/** A store that lists so many objects, and takes any write without keeping it. */
export async function endlessStore({ name, objects, listsUploadTime, unsorted }: EndlessOptions): Promise<Backend> {
  const { createBackend } = await import("@omni/core");
  // Counts through all numbers in leaps, where order is not wanted.
  const leap = unsorted ? 7_919 : 1;
  const driver: StorageDriver = {
    scheme: "endless",
    identity: `endless:${name}`,
    features: {
      sortedList: !unsorted,
      setModTime: true,
      rangeRead: true,
      listPrefix: true,
      ...(listsUploadTime ? { listsUploadTime } : {}),
    },
    read: async (path) => ({ info: infoOf(numberOf(path)), body: bodyOf() }),
    write: async (path) => infoOf(numberOf(path)),
    stat: async (path) => infoOf(numberOf(path)),
    delete: async () => undefined,
    async *list() {
      for (let count = 0; count < objects; count++) {
        // A page takes a turn of the event loop at least, as one that comes from a network does.
        if (count % pageObjects === 0) await new Promise((resolve) => setImmediate(resolve));
        yield infoOf((count * leap) % objects);
      }
    },
  };
  return createBackend(driver);
}
