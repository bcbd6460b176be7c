import { type ObjectInfo, OmniError } from "@omni/core";
import { sameDigest } from "./digests.ts";
import { type Completion, versionOf } from "./ledger.ts";
import type { Job } from "./options.ts";
import type { Requests } from "./requests.ts";
import type { Side } from "./side.ts";

/** What two objects are to each other. */
export type Decision =
  /** `evidence`: what says so. */
  | { readonly kind: "same"; readonly evidence: "time" | "size" | "digest" | "record" }
  /** Perhaps different, but not to be touched. */
  | { readonly kind: "keep"; readonly reason: string }
  | { readonly kind: "update"; readonly reason: string }
  /** The same bytes under another modification time. */
  | { readonly kind: "touch"; readonly modifiedAt: Date }
  | { readonly kind: "refuse"; readonly error: OmniError };

/** Decides whether what the destination has is what the source has, by the rules of a job and with as few requests as they allow. */
export class Equality {
  readonly #job: Job;
  readonly #requests: Requests;

  constructor(job: Job, requests: Requests) {
    this.#job = job;
    this.#requests = requests;
  }

  /**
   * @param to the destination, or another place that is compared with
   * @param record what an earlier run recorded of the path
   */
  async decide(source: ObjectInfo, existing: ObjectInfo, to: Side, record?: Completion): Promise<Decision> {
    const { ignoreExisting, immutable, noUpdateModTime } = this.#job;
    if (ignoreExisting) return { kind: "keep", reason: "it exists" };
    const found = await this.#compare(source, existing, to, record);
    if (immutable && found.kind === "update")
      return {
        kind: "refuse",
        error: new OmniError("PRECONDITION_FAILED", {
          operation: "write",
          path: existing.path,
          reason: `immutable: the destination has another object (${found.reason})`,
          outcome: "not-applied",
        }),
      };
    if (found.kind === "touch" && (noUpdateModTime || immutable || !to.backend.features.setModTime))
      return { kind: "same", evidence: "digest" };
    return found;
  }

  async #compare(source: ObjectInfo, existing: ObjectInfo, to: Side, record: Completion | undefined): Promise<Decision> {
    const { ignoreSize, sizeOnly, ignoreTimes, checksum, update } = this.#job;
    const sameSize = ignoreSize || source.size === existing.size;
    if (!update) {
      if (!sameSize) return { kind: "update", reason: "size" };
      if (sizeOnly) return { kind: "same", evidence: "size" };
      if (ignoreTimes) return { kind: "update", reason: "ignoreTimes" };
      if (checksum) return this.#byDigest(source, existing, to);
    }
    return this.#byTime(source, existing, to, record, sameSize);
  }

  async #byDigest(source: ObjectInfo, existing: ObjectInfo, to: Side): Promise<Decision> {
    const same = await sameDigest({ side: this.#job.from, info: source }, { side: to, info: existing }, true, this.#requests);
    return same ? { kind: "same", evidence: "digest" } : { kind: "update", reason: "digest" };
  }

  async #byTime(
    source: ObjectInfo,
    existing: ObjectInfo,
    to: Side,
    record: Completion | undefined,
    sameSize: boolean,
  ): Promise<Decision> {
    const { from, update, sizeOnly, checksum, ignoreTimes } = this.#job;
    const plain = !sizeOnly && !checksum && !ignoreTimes;
    if (plain && sameSize && this.#recorded(source, existing, to, record)) return { kind: "same", evidence: "record" };
    // A listing that shows when its store took an object may still show the very time that was kept at the other side.
    if (
      plain &&
      sameSize &&
      from.backend.features.listsUploadTime &&
      !to.backend.features.listsUploadTime &&
      this.#apart(source, existing) === "same"
    )
      return { kind: "same", evidence: "time" };
    const [left, right] = await Promise.all([this.#withTime(from, source), this.#withTime(to, existing)]);
    const apart = to.backend.features.setModTime || update ? this.#apart(left, right) : "unknown";
    if (update && apart === "older") return { kind: "keep", reason: "it is newer" };
    if (!sameSize) return { kind: "update", reason: "size" };
    if (sizeOnly) return { kind: "same", evidence: "size" };
    if (ignoreTimes) return { kind: "update", reason: "ignoreTimes" };
    if (checksum) return this.#byDigest(left, right, to);
    if (apart === "same") return { kind: "same", evidence: "time" };
    const same = await sameDigest({ side: from, info: left }, { side: to, info: right }, false, this.#requests);
    if (!same) return { kind: "update", reason: apart === "unknown" ? "nothing says that it is the same" : "time" };
    return left.modifiedAt && apart !== "unknown"
      ? { kind: "touch", modifiedAt: left.modifiedAt }
      : { kind: "same", evidence: "digest" };
  }

  #recorded(source: ObjectInfo, existing: ObjectInfo, to: Side, record: Completion | undefined): boolean {
    return (
      record !== undefined &&
      to === this.#job.to &&
      versionOf(this.#job.from, source) === record.source &&
      versionOf(to, existing) === record.destination
    );
  }

  /** An object with the modification time that was kept for it, asked for where the listing does not show it. */
  #withTime(side: Side, info: ObjectInfo): Promise<ObjectInfo> | ObjectInfo {
    return side.backend.features.listsUploadTime ? this.#requests.stat(side, info.path) : info;
  }

  /** How the source's time stands to the destination's. */
  #apart(source: ObjectInfo, existing: ObjectInfo): "same" | "newer" | "older" | "unknown" {
    if (!source.modifiedAt || !existing.modifiedAt) return "unknown";
    const ms = source.modifiedAt.getTime() - existing.modifiedAt.getTime();
    if (Math.abs(ms) <= this.#job.modifyWindowMs) return "same";
    return ms > 0 ? "newer" : "older";
  }
}
