import { createHash } from "node:crypto";
import { type Backend, type CallOptions, digestOf, type ObjectInfo, OmniError } from "@omni/core";
import type { LedgerPlace } from "./ledger.ts";

/** Bytes of one part: what a crash costs at most for each stream. */
const PART_BYTES = 8 * 1024 * 1024;

/** A large object that is fetched in parts, each kept where the journal is: after a crash only what is missing is fetched again. */
export interface KeptParts {
  /** The bytes, in order, once all parts are there. */
  body(): AsyncGenerator<Uint8Array, void>;
  /** Forgets the parts. */
  remove(): Promise<void>;
}

/** Where the parts of all objects of a run are kept. */
export function partsPrefix(place: LedgerPlace): string {
  return `${place.prefix}parts/`;
}

/**
 * Keeps a version of an object in parts. The name of a part says which bytes it holds and their digest, so that a part of another version, or one that is
 * not whole, is never taken for it.
 *
 * @param onPart told of every part that is there
 */
export function keepParts(
  from: Backend,
  info: ObjectInfo,
  place: LedgerPlace,
  streams: number,
  call: CallOptions,
  onPart: () => void,
): KeptParts {
  const version = createHash("sha256").update(`${info.path}\n${info.etag}\n${info.size}`).digest("hex").slice(0, 32);
  const prefix = `${partsPrefix(place)}${version}/`;
  const count = Math.ceil(info.size / PART_BYTES);
  return {
    async *body() {
      const names = await fetchMissing(from, info, place.backend, prefix, streams, call, onPart);
      for (let index = 0; index < count; index++) yield await readPart(place.backend, prefix + (names.get(index) as string), call);
    },
    remove: async () => void (await place.backend.purge(prefix, call)),
  };
}

/** Fetches what is not kept yet, several parts at once. */
async function fetchMissing(
  from: Backend,
  { path, size, etag }: ObjectInfo,
  store: Backend,
  prefix: string,
  streams: number,
  call: CallOptions,
  onPart: () => void,
): Promise<ReadonlyMap<number, string>> {
  const names = new Map<number, string>();
  for await (const part of store.list(prefix, call)) {
    const name = part.path.slice(prefix.length);
    names.set(Number(name.split("-")[0]), name);
  }
  const only = etag === undefined ? {} : { ifMatch: etag };
  let next = 0;
  const stream = async (): Promise<void> => {
    for (let index = next++; index * PART_BYTES < size; index = next++) {
      if (names.has(index)) continue;
      const offset = index * PART_BYTES;
      const limit = Math.min(PART_BYTES, size - offset);
      const bytes = await (await from.read(path, { ...call, ...only, idleTimeoutMs: call.timeoutMs, offset, limit })).bytes();
      const name = `${index}-${await digestOf("crc32c", bytes)}`;
      await store.write(prefix + name, bytes, { ...call });
      names.set(index, name);
      onPart();
    }
  };
  await Promise.all(Array.from({ length: streams }, stream));
  return names;
}

async function readPart(store: Backend, path: string, call: CallOptions): Promise<Uint8Array> {
  const bytes = await (await store.read(path, call)).bytes();
  const digest = await digestOf("crc32c", bytes);
  if (path.endsWith(`-${digest}`)) return bytes;
  await store.delete(path, call);
  throw new OmniError("CHECKSUM_MISMATCH", {
    operation: "read",
    path,
    reason: `a kept part has crc32c ${digest}; it was forgotten`,
    retryable: true,
    outcome: "not-applied",
  });
}
