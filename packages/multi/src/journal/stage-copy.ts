import { type Features, type ObjectInfo, OmniError, type StagedWrite, spread, systemClock, type WriteOptions } from "@omni/core";
import type { Group } from "../group.ts";
import { MemberWrite, Watch } from "../member-write.ts";
import type { Member } from "../members.ts";

/**
 * Stages at one member what another one holds, under the write id that it has there.
 *
 * @param id what the source must hold
 * @throws OmniError PRECONDITION_FAILED when it holds something else
 */
export async function stageCopy({ settings }: Group, path: string, id: string, source: Member, to: Member): Promise<StagedWrite> {
  const call = { timeoutMs: settings.memberTimeoutMs, idleTimeoutMs: settings.memberTimeoutMs };
  const reader = await source.backend.read(path, call);
  try {
    const { info } = reader;
    if (info.stamp?.id !== id) {
      const reason = `"${source.name}" no longer holds the write that is copied from it`;
      throw new OmniError("PRECONDITION_FAILED", { backend: source.name, operation: "read", path, reason });
    }
    const write = new MemberWrite(to, path, { ...carried(info, to.backend.features), sizeBytes: info.size }, false);
    const [lane] = spread(reader, 1, settings);
    const watch = new Watch(settings.clock ?? systemClock, settings.memberTimeoutMs);
    await write.stage(lane as NonNullable<typeof lane>, lane, watch);
    if (write.staged) return write.staged;
    throw write.outcome.error;
  } finally {
    await reader.close();
  }
}

/** What a copy at another member takes along, the stamp above all. */
export function carried(info: ObjectInfo, features: Features): WriteOptions {
  const { contentType, cacheControl, contentEncoding, contentDisposition, metadata, modifiedAt, stamp } = info;
  return {
    ...(features.contentHeaders ? { contentType, cacheControl, contentEncoding, contentDisposition } : {}),
    ...(features.customMetadata && metadata ? { metadata } : {}),
    ...(features.setModTime && modifiedAt ? { modifiedAt } : {}),
    ...(stamp ? { stamp } : {}),
  };
}

/** What a copy within the group takes along: what every member keeps, and no stamp, for it is another write. */
export function carriedByAll(info: ObjectInfo, members: readonly Member[]): WriteOptions {
  const each = members.map(({ backend }) => backend.features);
  const { stamp: _, ...kept } = carried(info, {
    ...(each[0] as Features),
    contentHeaders: each.every(({ contentHeaders }) => contentHeaders),
    customMetadata: each.every(({ customMetadata }) => customMetadata),
    setModTime: each.every(({ setModTime }) => setModTime),
  });
  return kept;
}
