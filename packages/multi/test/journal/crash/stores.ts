// The stores of a crash run, as both the harness and the processes that it kills open them.
import { type Backend, createBackend, type StagedWrite, type StorageDriver, wrap } from "@omni/core";
import { file } from "@omni/file";
import { type MultiBackend, multi } from "@omni/multi";
import { remoteMemory } from "../remote-memory.ts";

/** Where a store is. */
export type Store =
  | { readonly kind: "file"; readonly root: string }
  | { readonly kind: "remote"; readonly url: string }
  | { readonly kind: "s3" | "gcs"; readonly options: Readonly<Record<string, unknown>> };

export interface StoresConfig {
  readonly members: readonly Store[];
  readonly journal: Store;
}

export async function openStore(store: Store): Promise<Backend> {
  if (store.kind === "file") return file({ root: store.root, fsync: false, sweepAfterMs: 0 });
  if (store.kind === "remote") return remoteMemory(store.url);
  // Loaded where they are needed: they take longer than all the rest.
  if (store.kind === "gcs") return (await import("@omni/gcs")).gcs(store.options as never);
  const { s3 } = await import("@omni/s3");
  return s3(store.options as unknown as Parameters<typeof s3>[0]);
}

export function nameOf(store: Store, at: number): string {
  return `${store.kind}-${at}`;
}

/** The group over the stores, each driver seen through `change`. */
export async function openGroup(
  { members, journal }: StoresConfig,
  change: (driver: StorageDriver) => StorageDriver = (driver) => driver,
): Promise<MultiBackend> {
  const open = async (store: Store): Promise<Backend> => createBackend(change((await openStore(store)).driver));
  const opened = await Promise.all(members.map(async (store, at) => ({ name: nameOf(store, at), backend: await open(store) })));
  return multi(opened, { journal: await open(journal), memberTimeoutMs: 20_000, closeMembers: true });
}

const CALLS = ["read", "write", "stat", "delete", "stage", "resumeStage"] as const;

/** A driver of which every call, commits and withdrawals too, passes through `around`. */
export function watched(driver: StorageDriver, around: <T>(call: () => Promise<T>) => Promise<T>): StorageDriver {
  const handle = (staged: StagedWrite): StagedWrite => ({
    token: staged.token,
    state: staged.state,
    commit: (options) => around(() => staged.commit(options)),
    discard: (options) => around(() => staged.discard(options)),
  });
  const overrides: Record<string, unknown> = {};
  for (const name of CALLS) {
    const call = driver[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
    if (!call) continue;
    overrides[name] = async (...args: unknown[]) => {
      const result = await around(() => call(...args));
      return name === "stage" || name === "resumeStage" ? handle(result as StagedWrite) : result;
    };
  }
  overrides.list = async function* (...args: Parameters<StorageDriver["list"]>) {
    await around(async () => {});
    yield* driver.list(...args);
  };
  return wrap(driver, overrides as Partial<StorageDriver>);
}
