import { type Backend, type CallOptions, type Clock, createBackend, type ObjectInfo, withRetry } from "@omni/core";
import type { Listing } from "@omni/core/merge";
import type { Filter } from "./filter/filter.ts";

/** One end of a run: a store and the prefix below which paths are compared. */
export interface Side {
  readonly backend: Backend;
  readonly prefix: string;
}

/** An object at a path relative to its side's prefix. */
export interface Entry {
  /** What entries are compared by: the relative path, normalised where that was asked for. */
  readonly path: string;
  readonly info: ObjectInfo;
}

/** The path of an entry's object relative to its prefix, as its store spells it. */
export function nameOf(side: Side, { info }: Entry): string {
  return info.path.slice(side.prefix.length);
}

/** A handle on a store that opens its reserved prefix, for records. */
export function recordsOf(backend: Backend): Backend {
  return createBackend(backend.driver, { reserved: true });
}

// So many entries of a directory that is left out are skipped one by one; then the listing goes on behind it, by a new request.
const SKIPPED_ENTRIES = 64;
const LAST_CHARACTER = "\u{10ffff}";

/** How a side is listed. */
export interface ListingOptions {
  /** Paths alone decide here; sizes and ages are looked at later, where both sides are known. */
  readonly filter?: Filter | undefined;
  /** Compare paths by their NFC form. */
  readonly normalize: boolean;
  readonly call: CallOptions;
  /** How often a listing that breaks off goes on, or begins anew. */
  readonly retries: number;
  readonly clock: Clock;
}

/** A side's listing for the merge, directories left out where the filter leaves out all that is in them. */
export function listSide(side: Side, options: ListingOptions): Listing<Entry> {
  return {
    items: entriesOf(side, options),
    // Composed forms sort elsewhere than decomposed ones.
    sorted: side.backend.features.sortedList && !options.normalize,
    name: `${side.backend.driver.scheme} "${side.prefix}"`,
  };
}

async function* entriesOf(side: Side, { filter, normalize, call, retries, clock }: ListingOptions): AsyncGenerator<Entry, void> {
  const { prefix } = side;
  const backend = withRetry(side.backend, { attempts: retries + 1, clock });
  const canJump = backend.features.sortedList && backend.features.listStartAfter;
  let startAfter: string | undefined;
  listing: while (true) {
    let pruned: string | undefined;
    let skipped = 0;
    for await (const info of backend.list(prefix, { ...call, ...(startAfter === undefined ? {} : { startAfter }) })) {
      const path = info.path.slice(prefix.length);
      if (info.isDirectory || path === "") continue;
      const directory = filter?.prunedBy(path);
      if (directory !== undefined) {
        skipped = directory === pruned ? skipped + 1 : 1;
        pruned = directory;
        if (!canJump || skipped < SKIPPED_ENTRIES) continue;
        startAfter = prefix + directory + LAST_CHARACTER;
        continue listing;
      }
      if (filter && !filter.includesPath(path)) continue;
      yield { path: normalize ? path.normalize("NFC") : path, info };
    }
    return;
  }
}

/**
 * Whether one side lies within the other: the same store, and one prefix the start of the other. Names the nested part, relative to the outer side.
 */
export function overlapOf(from: Side, to: Side): string | undefined {
  const a = placeOf(from);
  const b = placeOf(to);
  if (!a || !b || a.store !== b.store) return undefined;
  if (b.text.startsWith(a.text)) return b.text.slice(a.text.length);
  return a.text.startsWith(b.text) ? a.text.slice(b.text.length) : undefined;
}

/** The store and the full prefix within it, layers by `withPrefix` included: their identities end in `#prefix`. */
function placeOf({ backend: { driver }, prefix }: Side): { readonly store: unknown; readonly text: string } | undefined {
  const { identity } = driver;
  if (identity === undefined) return { store: driver, text: prefix };
  const [base = "", ...layers] = identity.split("#");
  const below = layers.join("") + prefix;
  if (base.startsWith("file:")) return { store: "file:", text: `${base.slice(5).replace(/\/$/, "")}/${below}` };
  const bar = base.lastIndexOf("|");
  return bar < 0
    ? { store: base, text: below }
    : { store: base.slice(0, bar), text: decodeURIComponent(base.slice(bar + 1)) + below };
}
