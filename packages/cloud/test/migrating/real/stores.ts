import { type MigratingBackend, migrating } from "@omni/cloud";
import { type Backend, createBackend } from "@omni/core";
import { file } from "@omni/file";
import { type S3Options, s3 } from "@omni/s3";

/** How every process of the trial finds the stores. */
export interface Places {
  readonly folder: string;
  /** Of the bucket; the two stores are prefixes in it, and so are the records. */
  readonly bucket: S3Options;
  /** How long an instance works without word from the records: a move of the phase takes about a third of it. */
  readonly leaseMs: number;
}

export interface OpenedStores {
  readonly from: Backend;
  readonly to: Backend;
  readonly one: MigratingBackend;
  close(): Promise<void>;
}

/** @param trouble chance that a request to the new store fails on its way */
export function openStores({ folder, bucket, leaseMs }: Places, instance: string, trouble = 0): OpenedStores {
  const from = file({ root: folder, fsync: false });
  const to = s3({ ...bucket, prefix: "to" });
  const records = s3({ ...bucket, prefix: "records" });
  const shaky = trouble > 0 ? unreliable(to, trouble) : to;
  const one = migrating(from, shaky, { records, name: "trial", instance, leaseMs, skewMs: 500 });
  const close = async (): Promise<void> => {
    await one.close();
    await Promise.all([from, to, records].map((store) => store.close()));
  };
  return { from, to, one, close };
}

/** A store whose answers to changes are lost now and then: what was asked for has been done, or has not. */
function unreliable(store: Backend, chance: number): Backend {
  const { driver } = store;
  const shakily = async <T>(request: () => Promise<T>): Promise<T> => {
    if (Math.random() < chance) throw new Error("the request was lost");
    const answer = await request();
    if (Math.random() < chance) throw new Error("the answer was lost");
    return answer;
  };
  return createBackend({
    ...driver,
    write: (path, body, options) => shakily(() => driver.write(path, body, options)),
    delete: (path, options) => shakily(() => driver.delete(path, options)),
  });
}

/** What is at a path: the version that the trial wrote, or nothing. */
export async function versionAt(store: Backend, path: string): Promise<number | undefined> {
  if (!(await store.exists(path))) return undefined;
  const text = await (await store.read(path)).text();
  const found = /^(\S+) (\d+) x*$/.exec(text);
  if (found?.[1] !== path) throw new Error(`${path} holds ${JSON.stringify(text.slice(0, 60))}`);
  return Number(found[2]);
}

/** Content that tells its path and version; sizes differ. */
export function contentOf(path: string, version: number): string {
  return `${path} ${version} ${"x".repeat((version * 37) % 2_000)}`;
}
