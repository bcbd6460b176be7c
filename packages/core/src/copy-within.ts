import { notSupported } from "./call-options.ts";
import type { DriverWriteOptions } from "./driver.ts";
import { OmniError } from "./error.ts";
import type { Features } from "./features.ts";
import type { ObjectInfo } from "./object-info.ts";
import type { Core } from "./runner.ts";

/** Copies within one driver: by the store where it can, else through this process. */
export async function copyWithin(core: Core, from: string, to: string, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  const { driver, features } = core;
  if (features.live) throw notSupported(`${driver.scheme} paths are streams; they cannot be copied`);
  if (from === to) return driver.stat(from, { signal });
  if (driver.copy) return driver.copy(from, to, { signal });
  const { info, body } = await driver.read(from, { signal });
  return driver.write(to, body, { ...carried(info, features), signal });
}

/** Moves within one driver: by the store where it can, else a copy, and the source goes only when the copy is verified. */
export async function moveWithin(core: Core, from: string, to: string, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  const { driver, features } = core;
  if (features.live) throw notSupported(`${driver.scheme} paths are streams; they cannot be moved`);
  if (from === to) return driver.stat(from, { signal });
  if (driver.move) return driver.move(from, to, { signal });
  const source = await driver.stat(from, { signal });
  const info = await copyWithin(core, from, to, signal);
  const copied = await driver.stat(to, { signal });
  if (copied.size !== source.size)
    throw new OmniError("CHECKSUM_MISMATCH", {
      reason: `the copy has ${copied.size} bytes, the source ${source.size}; the source was kept`,
      outcome: "unknown",
    });
  await driver.delete(from, { signal, ifMatch: features.conditional.delete ? source.etag : undefined });
  return info;
}

/** What of an object's info a copy takes along, as far as the destination keeps it. */
export function carried(info: ObjectInfo, features: Features): DriverWriteOptions {
  const { contentType, cacheControl, contentEncoding, contentDisposition } = info;
  return {
    sizeBytes: info.size,
    ...(features.contentHeaders ? { contentType, cacheControl, contentEncoding, contentDisposition } : {}),
    ...(features.customMetadata && info.metadata ? { metadata: info.metadata } : {}),
    ...(features.setModTime && info.modifiedAt ? { modifiedAt: info.modifiedAt } : {}),
  };
}
