/** The phases of a migration, in their order. */
export const PHASES = ["old-only", "dual", "backfill", "verify", "read-new", "reverse-dual", "new-only"] as const;

/** One of {@link PHASES}. */
export type Phase = (typeof PHASES)[number];

/** One of the two stores of a migration. */
export type Side = "old" | "new";

/** What an instance does in a phase. */
export interface PhaseRule {
  /** Where a change is made first: there it is decided, and its conditions are evaluated. */
  readonly first: Side;
  /** The other store: left alone; changed too, a failure is noted and made good later; or changed too, else the change fails. */
  readonly other: "left alone" | "noted" | "required";
  /** Where reads and listings go. */
  readonly reads: Side;
  /** A read that finds nothing there looks into the old store, and brings what it finds over. */
  readonly looksBack: boolean;
}

export const RULES: Readonly<Record<Phase, PhaseRule>> = {
  "old-only": { first: "old", other: "left alone", reads: "old", looksBack: false },
  dual: { first: "old", other: "noted", reads: "old", looksBack: false },
  backfill: { first: "old", other: "noted", reads: "old", looksBack: false },
  verify: { first: "old", other: "required", reads: "old", looksBack: false },
  "read-new": { first: "old", other: "required", reads: "new", looksBack: true },
  "reverse-dual": { first: "new", other: "noted", reads: "new", looksBack: false },
  "new-only": { first: "new", other: "left alone", reads: "new", looksBack: false },
};
