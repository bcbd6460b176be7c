import { commonHash, digestOf, type HashAlgorithm, type ObjectInfo, OmniError } from "@omni/core";
import type { Requests } from "./requests.ts";
import type { Side } from "./side.ts";

/** One object at one side. */
export interface Located {
  readonly side: Side;
  readonly info: ObjectInfo;
}

/** Reads an object, pinned to the version that is known, and digests it. */
export async function readDigest({ side, info }: Located, algorithm: HashAlgorithm, requests: Requests): Promise<string> {
  return requests.make(async (call) => {
    const reader = await side.backend.read(info.path, {
      ...call,
      idleTimeoutMs: call.timeoutMs,
      ...(info.etag === undefined ? {} : { ifMatch: info.etag }),
    });
    return digestOf(algorithm, reader);
  });
}

/** The digests that a store states of an object: from the listing, or asked for where it states any. */
async function stated({ side, info }: Located, requests: Requests): Promise<ObjectInfo> {
  if (info.hashes || side.backend.features.hashes.length === 0) return info;
  return requests.stat(side, info.path);
}

/**
 * Compares two objects by digest.
 *
 * @param reading whether a side that states no digest is read; without it such a pair is not comparable
 * @returns `undefined` where no digest is common and nothing may be read
 */
export async function sameDigest(a: Located, b: Located, reading: boolean, requests: Requests): Promise<boolean | undefined> {
  const [left, right] = await Promise.all([stated(a, requests), stated(b, requests)]);
  const common = commonHash(left.hashes, right.hashes);
  if (common) return left.hashes?.[common] === right.hashes?.[common];
  if (!reading) return undefined;
  const algorithm = cheapest(left) ?? cheapest(right) ?? "crc32c";
  const digests = await Promise.all(
    (
      [
        [a, left],
        [b, right],
      ] as const
    ).map(([one, info]) => info.hashes?.[algorithm] ?? readDigest({ side: one.side, info }, algorithm, requests)),
  );
  return digests[0] === digests[1];
}

function cheapest({ hashes }: ObjectInfo): HashAlgorithm | undefined {
  return (["crc32c", "md5", "sha1", "sha256"] as const).find((algorithm) => hashes?.[algorithm] !== undefined);
}

/** The digest that a store states of what it took, and whether it is what was sent. */
export function checkStated(side: Side, info: ObjectInfo, algorithm: HashAlgorithm, sent: string): boolean {
  const found = info.hashes?.[algorithm];
  if (found === undefined) return false;
  if (found !== sent) throw mismatch(side, info.path, `${algorithm} ${found}, not ${sent} as was sent`);
  return true;
}

export function mismatch({ backend }: Side, path: string, found: string): OmniError {
  return new OmniError("CHECKSUM_MISMATCH", {
    backend: backend.driver.scheme,
    operation: "write",
    path,
    reason: `the copy has ${found}`,
    outcome: "unknown",
  });
}
