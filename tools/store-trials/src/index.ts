export { type FaultLane, type FaultOrder, faultLanes, type Tally } from "./fault-lanes.ts";
export { faultsOf, type Refusals } from "./faults.ts";
export { type LongListing, type LongListingReport, longListing } from "./long-listing.ts";
export { type UploadMemoryReport, uploadMemory } from "./upload-memory.ts";
