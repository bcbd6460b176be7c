import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { link, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import {
  collect,
  createHasher,
  HASH_ALGORITHMS,
  type HashAlgorithm,
  type Hasher,
  type ObjectReader,
  OmniError,
  type ReadOptions,
} from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import { checkNames, invalid } from "./errors.ts";
import { normaliseFilename } from "./filename.ts";
import { atLocation, type ObjectRef } from "./locating.ts";
import type { LoadedSource } from "./source.ts";
import type { StoredObject } from "./stored-object.ts";

/** What `load` takes. */
export interface LoadOptions {
  /** `"memory"`, `"tmp"` for a temporary file, or the path of a file to be made. @default "memory" */
  readonly to?: "memory" | "tmp" | (string & {}) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** An object with its bytes at hand: a source for `insert`. */
export interface LoadedObject<N extends string = string> extends StoredObject<N>, AsyncDisposable {
  readonly data: LoadedSource["data"];
}

/** Opens an object; the reader's bytes are compared with nothing. @throws OmniError NOT_FOUND */
export function read(set: CloudSet, ref: ObjectRef, options: ReadOptions): Promise<ObjectReader> {
  return atLocation(set, "read", ref, (backend, { path }) => backend.read(path, options));
}

/**
 * Brings an object here, and compares it with its digest and size.
 *
 * @throws OmniError NOT_FOUND, CHECKSUM_MISMATCH, ALREADY_EXISTS when there is a file at the path
 */
export async function load(set: CloudSet, ref: ObjectRef, options: LoadOptions): Promise<LoadedObject> {
  checkNames("load", "load", options, ["to", "signal", "timeoutMs"]);
  const { to = "memory", ...call } = options;
  if (typeof to !== "string" || to === "") throw invalid("load", '"to" is "memory", "tmp" or the path of a file');
  return atLocation(set, "load", ref, async (backend, object) => {
    const reader = await backend.read(object.path, call);
    try {
      return await bring(set, object, reader, to, options.signal);
    } finally {
      await reader.close();
    }
  });
}

async function bring(
  set: CloudSet,
  object: StoredObject,
  reader: ObjectReader,
  to: string,
  signal: AbortSignal | undefined,
): Promise<LoadedObject> {
  const check = new DigestCheck(object);
  if (to === "memory") {
    const bytes = await collect(check.pass(reader));
    check.end();
    return loaded(set, object, { to: "memory", bytes });
  }
  const file = to === "tmp" ? await set.family.temporary.path(normaliseFilename(object.filename)) : to;
  try {
    await fetchTo(file, check, reader, signal);
  } catch (error) {
    if (to === "tmp") await set.family.temporary.remove(file);
    throw error;
  }
  return loaded(set, object, { to: "file", file });
}

/** Removes the temporary file of a loaded object. A file whose path the caller chose stays, and so does everything that this process did not make. */
export async function unload(set: CloudSet, { data }: LoadedObject): Promise<void> {
  if (data?.to === "file") await set.family.temporary.remove(data.file);
}

function loaded(set: CloudSet, object: StoredObject, data: LoadedObject["data"]): LoadedObject {
  const result = { ...object, data };
  return Object.defineProperty(result, Symbol.asyncDispose, { value: () => unload(set, result as LoadedObject) }) as LoadedObject;
}

/** Whole or not at all, and never over another file. */
async function fetchTo(file: string, check: DigestCheck, reader: ObjectReader, signal: AbortSignal | undefined): Promise<void> {
  const partial = `${file}.${randomUUID()}.part`;
  try {
    await pipeline(check.pass(reader), createWriteStream(partial, { flags: "wx" }), { signal });
    check.end();
    await link(partial, file).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
      throw new OmniError("ALREADY_EXISTS", {
        backend: "cloud",
        operation: "load",
        path: file,
        reason: "there is a file already; name another, or remove it",
        outcome: "not-applied",
        cause,
      });
    });
  } finally {
    await rm(partial, { force: true });
  }
}

/** Compares what arrives with what the object says of itself. */
class DigestCheck {
  readonly #object: StoredObject;
  readonly #algorithm: HashAlgorithm | undefined;
  readonly #expected: string | undefined;
  readonly #hasher: Hasher | undefined;
  #bytes = 0;

  constructor(object: StoredObject) {
    const [algorithm, value] = object.digest?.split(":", 2) ?? [];
    this.#object = object;
    this.#algorithm = HASH_ALGORITHMS.find((known) => known === algorithm);
    this.#expected = value;
    this.#hasher = this.#algorithm && createHasher(this.#algorithm);
  }

  async *pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of source) {
      this.#hasher?.update(chunk);
      this.#bytes += chunk.byteLength;
      yield chunk;
    }
  }

  /** @throws OmniError CHECKSUM_MISMATCH */
  end(): void {
    const digest = this.#hasher?.digest();
    const { size, path, cloud } = this.#object;
    if (this.#bytes === size && digest === (this.#hasher && this.#expected)) return;
    const found =
      this.#bytes === size ? `${this.#algorithm} ${digest}, not ${this.#expected}` : `${this.#bytes} bytes, not ${size}`;
    throw new OmniError("CHECKSUM_MISMATCH", { backend: cloud, operation: "load", path, reason: `the object has ${found}` });
  }
}
