import type { HashAlgorithm, ObjectInfo } from "@omni/core";
import { sortOnDisk } from "@omni/core/merge";
import { readDigest } from "./digests.ts";
import type { Job } from "./options.ts";
import type { Requests } from "./requests.ts";
import type { Side } from "./side.ts";
import type { Spool } from "./spool.ts";

/** An object as it waits on disk. */
export interface Waiting {
  /** Relative to its prefix. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly time?: number | undefined;
  readonly etag?: string | undefined;
}

export function waiting(name: string, { path, size, modifiedAt, etag }: ObjectInfo): Waiting {
  return { name, path, size, ...(modifiedAt ? { time: modifiedAt.getTime() } : {}), ...(etag === undefined ? {} : { etag }) };
}

export function infoOf({ path, size, time, etag }: Waiting): ObjectInfo {
  return { path, size, modifiedAt: time === undefined ? undefined : new Date(time), etag };
}

/** What becomes of what is new at the source and of what is gone from it. */
export type Fate =
  | { readonly kind: "rename"; readonly gone: Waiting; readonly fresh: Waiting }
  | { readonly kind: "copy"; readonly fresh: Waiting }
  | { readonly kind: "delete"; readonly gone: Waiting };

interface Candidate {
  /** The key that pairs are found by. */
  readonly path: string;
  readonly fresh?: Waiting;
  readonly gone?: Waiting;
}

// Of more objects with one key no pairs are sought: they are copied and deleted.
const GROUP_OBJECTS = 10_000;

/** Pairs new paths with gone ones that have the same content. In bounded memory: the candidates are sorted on disk by what a pair has in common. */
export async function* pairRenames(
  job: Job,
  fresh: Spool<Waiting>,
  gone: Spool<Waiting>,
  requests: Requests,
): AsyncGenerator<Fate, void> {
  const byTime = job.trackRenames === "modtime";
  const keyOf = async (side: Side, { name, path, size, time }: Waiting): Promise<string> => {
    if (!byTime) return String(size);
    const kept = side.backend.features.listsUploadTime ? (await requests.stat(side, path)).modifiedAt?.getTime() : time;
    return `${size} ${Math.floor((kept ?? 0) / job.modifyWindowMs)} ${name.slice(name.lastIndexOf("/") + 1)}`;
  };
  async function* candidates(): AsyncGenerator<Candidate, void> {
    for await (const one of fresh.items()) yield { path: await keyOf(job.from, one), fresh: one };
    for await (const one of gone.items()) yield { path: await keyOf(job.to, one), gone: one };
  }
  let group: Candidate[] = [];
  for await (const candidate of sortOnDisk(candidates(), { signal: requests.signal })) {
    if (group.length > 0 && group[0]?.path !== candidate.path) {
      yield* pairGroup(job, group, byTime, requests);
      group = [];
    }
    group.push(candidate);
    if (group.length < GROUP_OBJECTS) continue;
    yield* group.map(alone);
    group = [];
  }
  yield* pairGroup(job, group, byTime, requests);
}

async function* pairGroup(job: Job, group: readonly Candidate[], byTime: boolean, requests: Requests): AsyncGenerator<Fate, void> {
  const isEmpty = (group[0]?.fresh ?? group[0]?.gone)?.size === 0;
  const isOneSided = group.every((one) => one.fresh) || group.every((one) => one.gone);
  // Empty objects are all alike: renaming them says nothing and saves nothing.
  if (isOneSided || isEmpty) {
    yield* group.map(alone);
    return;
  }
  const algorithm = job.to.backend.features.hashes.find((name) => job.from.backend.features.hashes.includes(name)) ?? "crc32c";
  const gone = new Map<string, Waiting[]>();
  for (const one of group) {
    if (!one.gone) continue;
    const key = byTime ? "" : await digestOfObject(job.to, one.gone, algorithm, requests);
    gone.set(key, [...(gone.get(key) ?? []), one.gone]);
  }
  for (const one of group) {
    if (!one.fresh) continue;
    const match = gone.get(byTime ? "" : await digestOfObject(job.from, one.fresh, algorithm, requests))?.shift();
    yield match ? { kind: "rename", fresh: one.fresh, gone: match } : { kind: "copy", fresh: one.fresh };
  }
  for (const rest of gone.values()) for (const one of rest) yield { kind: "delete", gone: one };
}

function alone({ fresh, gone }: Candidate): Fate {
  return fresh ? { kind: "copy", fresh } : { kind: "delete", gone: gone as Waiting };
}

async function digestOfObject(side: Side, one: Waiting, algorithm: HashAlgorithm, requests: Requests): Promise<string> {
  if (side.backend.features.hashes.includes(algorithm)) {
    const stated = (await requests.stat(side, one.path)).hashes?.[algorithm];
    if (stated !== undefined) return stated;
  }
  return readDigest({ side, info: infoOf(one) }, algorithm, requests);
}
