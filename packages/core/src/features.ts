import type { HashAlgorithm } from "./hash.ts";

/** Which conditions a store evaluates atomically. */
export interface ConditionalFeatures {
  /** `ifNoneMatch: "*"`: create only when nothing is there. */
  readonly create: boolean;
  /**
   * `ifMatch`: replace only this version. `"generation"`: its etag never repeats, so that a successor that restores the former bytes is
   * told apart; `"etag"`: it may repeat.
   */
  readonly replace: "generation" | "etag" | false;
  /** `ifMatch` on delete. */
  readonly delete: boolean;
}

/** Facts and limits of a driver that are not methods. */
export interface DriverFeatures {
  /** Digests of the whole object that `stat` returns. */
  readonly hashes: readonly HashAlgorithm[];
  /** `write` takes a stream without holding it whole. */
  readonly canStream: boolean;
  /** `read` honours `offset` and `limit`; else core reads from the start and cuts. */
  readonly rangeRead: boolean;
  /** `list` filters by prefix; else core does. */
  readonly listPrefix: boolean;
  /** `list` groups by `delimiter`; else core does. */
  readonly listDelimiter: boolean;
  /** `list` honours `startAfter`; else core skips. */
  readonly listStartAfter: boolean;
  /** `list` is in byte order of the path. */
  readonly sortedList: boolean;
  /** `modifiedAt` of a write is kept. */
  readonly setModTime: boolean;
  /** Where times are kept coarser than in milliseconds: the step, in milliseconds. A time is rounded down to it. @default 1 */
  readonly modTimePrecisionMs?: number | undefined;
  /** `modifiedAt` in a listing is when the store took the object, not the time that was kept; `stat` knows that one. */
  readonly listsUploadTime: boolean;
  /** `metadata` of a write is kept. */
  readonly customMetadata: boolean;
  /** `contentType`, `cacheControl`, `contentEncoding` and `contentDisposition` of a write are kept. */
  readonly contentHeaders: boolean;
  /** A write's stamp (write id and counter) is kept in fields of its own. */
  readonly stamps: boolean;
  readonly serverSideEncryption: boolean;
  readonly versioning: boolean;
  /** A path is a stream between a writer and readers, not a stored object (channel). */
  readonly live: boolean;
  readonly conditional: ConditionalFeatures;
  /**
   * What a staged write outlives: `durable` the process, `process` the call; `held`: core withholds the end of the body; `none`: a write cannot
   * be held back.
   */
  readonly stagedWrite: "durable" | "process" | "held" | "none";
  /** What a committed object outlives: nothing but the process, the host's restart, or the loss of a host. */
  readonly durable: "process" | "host" | "store";
  /** Largest object, in bytes. */
  readonly maxObjectBytes?: number | undefined;
  /** Longest path, in bytes of UTF-8. */
  readonly maxPathBytes?: number | undefined;
}

/** The optional methods of a driver: a method that is present is an ability. */
export const ABILITIES = [
  "stage",
  "resumeStage",
  "openWriter",
  "copy",
  "move",
  "mkdir",
  "rmdir",
  "deleteMany",
  "setMetadata",
  "signUrl",
] as const;

/** The name of an optional method of a driver. */
export type Ability = (typeof ABILITIES)[number];

/** Everything a backend can do: the driver's facts, completed, and its abilities. */
export type Features = DriverFeatures & { readonly [A in Ability]: boolean };

const NONE: DriverFeatures = {
  hashes: [],
  canStream: false,
  rangeRead: false,
  listPrefix: false,
  listDelimiter: false,
  listStartAfter: false,
  sortedList: false,
  setModTime: false,
  listsUploadTime: false,
  customMetadata: false,
  contentHeaders: false,
  stamps: false,
  serverSideEncryption: false,
  versioning: false,
  live: false,
  conditional: { create: false, replace: false, delete: false },
  stagedWrite: "held",
  durable: "process",
};

/**
 * Completes what a driver states: a fact left out is "no". `stagedWrite` of a driver without `stage` is `held`, or `none` where live.
 *
 * @param stated the driver's own features
 * @param has which optional methods the driver has
 */
export function completeFeatures(stated: Partial<DriverFeatures>, has: (ability: Ability) => boolean): Features {
  const live = stated.live ?? false;
  const abilities = Object.fromEntries(ABILITIES.map((ability) => [ability, has(ability)])) as Record<Ability, boolean>;
  const stagedWrite = has("stage") ? (stated.stagedWrite ?? "process") : live || stated.stagedWrite === "none" ? "none" : "held";
  return Object.freeze({ ...NONE, ...stated, live, stagedWrite, ...abilities });
}
