import type { Backend } from "../backend.ts";
import type { Features } from "../features.ts";
import type { Checks } from "./checks.ts";

/** Sizes that a kit uses; a slow or remote store may choose smaller ones. */
export interface KitSizes {
  /** Entries per page in the paging cases; the default pages of the store itself are used where it is absent. */
  readonly pageSize: number | undefined;
  /** Objects in the paging cases. */
  readonly pagedObjects: number;
  /** Bytes of the large object. */
  readonly largeBytes: number;
  /** Memory that streaming may take, in bytes, whatever the size of the object. */
  readonly ceilingBytes: number;
}

/** One run of one case. */
export interface Trial {
  /** Fresh, and closed after the case. */
  readonly backend: Backend;
  readonly features: Features;
  readonly check: Checks;
  readonly sizes: KitSizes;
  /** A second backend over the same store, closed after the case; fails where the kit was given no `reopen`. */
  reopen(): Promise<Backend>;
}

/** An ability that cases need. Where a store does not declare it, that is what is tested. */
export interface Need {
  readonly label: string;
  /** Whether the store declares it. */
  declared(features: Features): boolean;
  /** The smallest proof that it is there. */
  present(trial: Trial): Promise<void>;
  /** The proof that its absence is said, before any I/O. */
  absent(trial: Trial): Promise<void>;
}

/** A case: one promise. */
export interface Case {
  readonly name: string;
  readonly needs?: readonly Need[];
  run(trial: Trial): Promise<void>;
}

/** The cases of one subject. */
export interface Group {
  readonly name: string;
  /** What every case of the group needs. */
  readonly needs: readonly Need[];
  readonly cases: readonly Case[];
}

/** The first need that a store does not declare. */
export function missingNeed(group: Group, one: Case, features: Features): Need | undefined {
  return [...group.needs, ...(one.needs ?? [])].find((need) => !need.declared(features));
}
