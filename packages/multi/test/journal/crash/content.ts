import { createHash } from "node:crypto";
import { type Backend, OmniError, type WriteOptions } from "@omni/core";
import { isMark } from "../../../src/journal/deleting.ts";

/** The bytes of a version: its name, its size, and a pattern that only it has. */
export function bytesOf(name: string, size: number): Buffer {
  const head = Buffer.from(`${name} ${size}\n`);
  const pattern = createHash("sha512").update(name).digest();
  return Buffer.concat([head, Buffer.alloc(Math.max(0, size - head.byteLength), pattern)]);
}

export function optionsOf(name: string, bytes: Uint8Array): WriteOptions {
  return { metadata: { name, sha256: createHash("sha256").update(bytes).digest("hex") } };
}

/** A version as one member shows it. */
export interface Seen {
  readonly name: string;
  readonly id: string;
}

/**
 * Reads what a member holds and checks that it is whole.
 *
 * @returns `undefined` for nothing, or a mark
 * @throws Error that says what does not fit
 */
export async function seenAt(backend: Backend, path: string): Promise<Seen | undefined> {
  try {
    const reader = await backend.read(path);
    const bytes = await reader.bytes();
    if (isMark(reader.info)) return undefined;
    const { metadata = {}, stamp, size } = reader.info;
    const [name = ""] = Buffer.from(bytes.subarray(0, 200)).toString().split(" ");
    const digest = createHash("sha256").update(bytes).digest("hex");
    if (metadata.name !== name || metadata.sha256 !== digest || size !== bytes.byteLength)
      throw new Error(`${path} is torn: ${bytes.byteLength} bytes of ${name} beside ${JSON.stringify({ metadata, size })}`);
    return { name, id: stamp?.id ?? "no id" };
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
