import type { DriverFeatures, Features } from "@omni/core";

/** What both stores can do, whichever is asked. */
export function sharedFeatures(a: Features, b: Features): Partial<DriverFeatures> {
  const both = (
    fact: "canStream" | "sortedList" | "setModTime" | "customMetadata" | "contentHeaders" | "serverSideEncryption",
  ): boolean => a[fact] && b[fact];
  return {
    canStream: both("canStream"),
    sortedList: both("sortedList"),
    setModTime: both("setModTime"),
    modTimePrecisionMs: Math.max(a.modTimePrecisionMs ?? 1, b.modTimePrecisionMs ?? 1),
    customMetadata: both("customMetadata"),
    contentHeaders: both("contentHeaders"),
    serverSideEncryption: both("serverSideEncryption"),
    stamps: true,
    // Their handles give ranges, prefixes and groups whatever their drivers do.
    rangeRead: true,
    listPrefix: true,
    listDelimiter: true,
    listStartAfter: true,
    listsUploadTime: a.listsUploadTime || b.listsUploadTime,
    hashes: a.hashes.filter((algorithm) => b.hashes.includes(algorithm)),
    // Etags differ between the stores: a replace or delete by etag would break when reads move to the other one.
    conditional: { create: a.conditional.create && b.conditional.create, replace: false, delete: false },
    maxObjectBytes: smaller(a.maxObjectBytes, b.maxObjectBytes),
    maxPathBytes: smaller(a.maxPathBytes, b.maxPathBytes),
  };
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
