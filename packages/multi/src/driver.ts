import type { ConditionalFeatures, DriverFeatures, HashAlgorithm, StorageDriver } from "@omni/core";
import { fanDelete } from "./fan-delete.ts";
import { fanOut } from "./fan-out.ts";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import type { Reads } from "./reads.ts";

/** A condition would have to hold at every member at once, which only a journal can decide. */
const NO_CONDITIONS: ConditionalFeatures = { create: false, replace: false, delete: false };

/** The group as one driver: core makes a whole backend of it. */
export function multiDriver(group: Group, reads: Reads): StorageDriver {
  const { members, settings } = group;
  return {
    scheme: "multi",
    features: commonFeatures(members),
    read: (path, options) => reads.read(path, options),
    write: (path, body, options) => fanOut(group, path, body, options),
    stat: (path, options) => reads.stat(path, options.signal),
    list: (prefix, options) => reads.list(prefix, options),
    delete: (path, options) => fanDelete(group, path, options.signal),
    async close() {
      if (settings.closeMembers) await Promise.all(members.map(({ backend }) => backend.close()));
    },
  };
}

/** What every member can do, and the smallest of their limits. */
function commonFeatures(members: readonly Member[]): Partial<DriverFeatures> {
  const all = members.map(({ backend }) => backend.features);
  const every = (
    fact: "canStream" | "sortedList" | "setModTime" | "customMetadata" | "contentHeaders" | "stamps" | "serverSideEncryption",
  ): boolean => all.every((features) => features[fact]);
  const smallest = (limits: readonly (number | undefined)[]): number | undefined => {
    const stated = limits.filter((limit) => limit !== undefined);
    return stated.length === 0 ? undefined : Math.min(...stated);
  };
  const [first] = all;
  const hashes: readonly HashAlgorithm[] = (first?.hashes ?? []).filter((hash) =>
    all.every((features) => features.hashes.includes(hash)),
  );
  return {
    hashes,
    canStream: every("canStream"),
    // The members' own handles cut, filter, group and skip where their stores do not.
    rangeRead: true,
    listPrefix: true,
    listDelimiter: true,
    listStartAfter: true,
    sortedList: every("sortedList"),
    setModTime: every("setModTime"),
    // A listing is one member's view: any of them.
    listsUploadTime: all.some((features) => features.listsUploadTime),
    customMetadata: every("customMetadata"),
    contentHeaders: every("contentHeaders"),
    stamps: every("stamps"),
    serverSideEncryption: every("serverSideEncryption"),
    conditional: NO_CONDITIONS,
    durable:
      (["process", "host", "store"] as const).find((durable) => all.some((features) => features.durable === durable)) ?? "process",
    maxObjectBytes: smallest(all.map((features) => features.maxObjectBytes)),
    maxPathBytes: smallest(all.map((features) => features.maxPathBytes)),
  };
}
