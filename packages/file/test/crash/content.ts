import { createHash } from "node:crypto";
import type { Backend, ObjectInfo, WriteOptions } from "@omni/core";

/** The bytes of a version: its name, its size, and a pattern that only it has. */
export function bytesOf(id: string, size: number): Buffer {
  const head = Buffer.from(`${id} ${size}\n`);
  const pattern = createHash("sha512").update(id).digest();
  return Buffer.concat([head, Buffer.alloc(Math.max(0, size - head.byteLength), pattern)]);
}

/** What travels beside the bytes of a version: everything names it. */
export function optionsOf(id: string, bytes: Uint8Array): WriteOptions {
  return {
    contentType: `application/x-${id}`,
    metadata: { id, sha256: createHash("sha256").update(bytes).digest("hex"), note: "" },
    stamp: { id, counter: 1 },
  };
}

/** A version as a reader sees it. */
export interface Seen {
  readonly id: string;
  readonly note: string;
  readonly etag: string;
}

/**
 * Reads an object and checks that its bytes, headers, metadata and size are of one version, whole.
 *
 * @returns `undefined` when nothing is there
 * @throws Error that says what does not fit
 */
export async function readVersion(backend: Backend, path: string): Promise<Seen | undefined> {
  if (!(await backend.exists(path))) return undefined;
  const reader = await backend.read(path);
  const bytes = await reader.bytes();
  return checkVersion(path, reader.info, bytes);
}

function checkVersion(path: string, info: ObjectInfo, bytes: Uint8Array): Seen {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 200)).toString();
  const [id = "", size = ""] = text.slice(0, Math.max(0, text.indexOf("\n"))).split(" ");
  const { metadata = {}, stamp, contentType, etag } = info;
  const problems = [
    bytes.byteLength === info.size || `${bytes.byteLength} bytes, info says ${info.size}`,
    bytes.byteLength === Number(size) || `${bytes.byteLength} bytes, its head says ${size}`,
    metadata.id === id || `the bytes of ${id} beside the metadata of ${metadata.id}`,
    metadata.sha256 === createHash("sha256").update(bytes).digest("hex") || `the bytes have another digest than ${metadata.sha256}`,
    contentType === `application/x-${id}` || `the content type of ${contentType}`,
    stamp?.id === id || path.includes("/copy") || `the stamp of ${stamp?.id}`,
    etag !== undefined || "no etag",
  ].filter((problem) => problem !== true);
  if (problems.length > 0) throw new Error(`${path} is torn: ${problems.join("; ")}`);
  return { id, note: metadata.note ?? "", etag: etag ?? "" };
}
