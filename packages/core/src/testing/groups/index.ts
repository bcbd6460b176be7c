import type { Group } from "../kit-case.ts";
import { atomicity } from "./atomicity.ts";
import { badInput } from "./bad-input.ts";
import { basics } from "./basics.ts";
import { cancellation } from "./cancellation.ts";
import { closing } from "./closing.ts";
import { concurrency } from "./concurrency.ts";
import { conditions } from "./conditions.ts";
import { copying } from "./copying.ts";
import { deleting } from "./deleting.ts";
import { honesty } from "./honesty.ts";
import { listing } from "./listing.ts";
import { live } from "./live.ts";
import { memoryUse } from "./memory-use.ts";
import { metadata } from "./metadata.ts";
import { overwriting } from "./overwriting.ts";
import { paging } from "./paging.ts";
import { ranges } from "./ranges.ts";
import { sizes } from "./sizes.ts";
import { staging } from "./staging.ts";
import { stagingRaces } from "./staging-races.ts";
import { weirdKeys } from "./weird-keys.ts";
import { writers } from "./writers.ts";

/** Every group of the storage kit, in the order of the report. */
export const GROUPS: readonly Group[] = [
  basics,
  overwriting,
  writers,
  sizes,
  ranges,
  listing,
  paging,
  weirdKeys,
  metadata,
  deleting,
  copying,
  conditions,
  atomicity,
  cancellation,
  concurrency,
  staging,
  stagingRaces,
  memoryUse,
  closing,
  badInput,
  honesty,
  live,
];
