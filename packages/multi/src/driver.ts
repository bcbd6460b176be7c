import type { ConditionalFeatures, DriverFeatures, HashAlgorithm, StorageDriver } from "@omni/core";
import { fanDelete } from "./fan-delete.ts";
import { fanOut } from "./fan-out.ts";
import type { Group } from "./group.ts";
import type { Journal } from "./journal/journal.ts";
import type { Member } from "./members.ts";
import type { Reads } from "./reads.ts";
import { stageInGroup } from "./staged.ts";

/** A condition would have to hold at every member at once, which only a journal can decide. */
const NO_CONDITIONS: ConditionalFeatures = { create: false, replace: false, delete: false };

/** The group as one driver: core makes a whole backend of it. */
export function multiDriver(group: Group, reads: Reads, journal: Journal | undefined): StorageDriver {
  const driver = unjournalled(group, reads);
  return journal ? { ...driver, ...journalled(journal, driver) } : driver;
}

/** A journal decides conditions for all members: the etag of a group is the write id. */
function journalled(journal: Journal, { features, read }: StorageDriver): Partial<StorageDriver> {
  return {
    features: { ...features, conditional: { create: true, replace: "generation", delete: true } },
    write: (path, body, options) => journal.write(path, body, options),
    delete: (path, options) => journal.delete(path, options),
    copy: (from, to, options) => journal.copy(from, to, options, read),
    move: (from, to, options) => journal.move(from, to, options, read),
  };
}

function unjournalled(group: Group, reads: Reads): StorageDriver {
  const { members, settings } = group;
  const write: StorageDriver["write"] = (path, body, options) => fanOut(group, path, body, options);
  return {
    scheme: "multi",
    features: { ...commonFeatures(members), stagedWrite: "held" },
    read: (path, options) => reads.read(path, options),
    write,
    ...(settings.mode === "all" ? {} : stagingOf(write, settings.stageAboveBytes)),
    stat: (path, options) => reads.stat(path, options.signal),
    list: (prefix, options) => reads.list(prefix, options),
    delete: (path, options) => fanDelete(group, path, options.signal),
    async close() {
      await Promise.all(group.background);
      if (settings.closeMembers) await Promise.all(members.map(({ backend }) => backend.close()));
    },
  };
}

/** Where versions order the writes, one that is held back takes its version as late as it can. */
function stagingOf(write: StorageDriver["write"], smallBytes: number): Pick<Required<StorageDriver>, "stage"> {
  return {
    stage: (path, body, options) => stageInGroup((held, all) => write(path, held, all), body, options, smallBytes),
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
    modTimePrecisionMs: Math.max(...all.map((features) => features.modTimePrecisionMs ?? 1)),
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
