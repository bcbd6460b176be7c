export { type SortOptions, sortOnDisk } from "./disk-sort.ts";
export { type Listing, listingOf, type MergedRow, type MergeOptions, mergeListings } from "./merge-listings.ts";
