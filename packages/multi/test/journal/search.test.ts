import { recordCounts } from "@omni/property";
import { type LogScope, type LogWeakness, searchLog } from "./log-search.ts";
import { search } from "./search.ts";
import type { Scope, Weakness } from "./search-scope.ts";

/** Scopes that are searched whole in seconds; larger ones: search.full.test.ts. */
const SCOPES: readonly Scope[] = [
  { actors: ["y", "x"], deletes: "fenced", late: 1 },
  { actors: ["y", "x"], deletes: "fenced", lost: 1, repeats: 1 },
  { actors: ["y", "x"], deletes: "fenced", expiries: 1 },
  { actors: ["y", "recover"], deletes: "fenced", crashes: 1, expiries: 1, late: 1 },
  { actors: ["y", "recover"], deletes: "fenced", crashes: 1, expiries: 2 },
  { actors: ["y", "recover"], deletes: "fenced", crashes: 2, expiries: 1 },
  { actors: ["y", "delete"], deletes: "fenced", late: 1 },
  { actors: ["delete", "x"], deletes: "fenced", crashes: 1, repeats: 1 },
  { actors: ["delete", "x"], deletes: "marked", expiries: 1 },
  { actors: ["delete", "recover"], deletes: "marked", crashes: 1, expiries: 1 },
  { actors: ["delete", "x"], deletes: "kept", late: 1 },
  { actors: ["delete", "x"], deletes: "kept", expiries: 1, repeats: 1 },
  { actors: ["delete", "recover"], deletes: "kept", crashes: 1, expiries: 1 },
  { actors: ["repair", "y"], deletes: "fenced", accidents: 1 },
  { actors: ["repair", "delete"], deletes: "fenced", accidents: 1 },
  { actors: ["repair", "repair"], deletes: "fenced", accidents: 1 },
  { actors: ["repair", "recover"], deletes: "fenced", accidents: 1, crashes: 1, expiries: 1 },
  { actors: ["repair", "recover"], deletes: "marked", isEmpty: true, accidents: 1, crashes: 1 },
];

test.each(SCOPES)(
  "finds nothing wrong: %j",
  (scope) => {
    const { states, harm } = search(scope);
    recordCounts({ scopes: 1, states });
    expect(harm).toBeUndefined();
    expect(states).toBeGreaterThan(300);
  },
  300_000,
);

const WEAKNESSES: readonly (readonly [Weakness, Scope, RegExp])[] = [
  ["no order per path", { actors: ["y", "x"], deletes: "fenced" }, /^members differ/],
  ["commits are plain PUTs", { actors: ["y", "x"], deletes: "fenced" }, /^members (differ|show w1)/],
  ["commits are PUTs under a content ETag", { actors: ["y", "x"], deletes: "fenced" }, /^members (differ|show w1)/],
  ["nothing committed yet, so discard", { actors: ["y", "recover"], deletes: "fenced", expiries: 1 }, /^members differ/],
  ["no restaging", { actors: ["y"], deletes: "fenced", expiries: 1 }, /^never closes/],
  ["deletes without a condition", { actors: ["delete", "y"], deletes: "fenced", late: 1 }, /^members (differ|show)/],
  [
    "restaged tokens are used before the head has them",
    { actors: ["y", "x"], deletes: "fenced", expiries: 1 },
    /^members (differ|show w1)/,
  ],
  [
    "commits are PUTs under a generation",
    { actors: ["y", "delete"], deletes: "fenced", isEmpty: true, late: 1 },
    /^members differ/,
  ],
  ["repairs past the journal", { actors: ["repair", "delete"], deletes: "fenced", accidents: 1 }, /^members differ/],
  ["close although a member is silent", { actors: ["y", "x"], deletes: "fenced", late: 1 }, /^members (differ|show)/],
];

test.each(WEAKNESSES)(
  "finds out a protocol with a shortcut: %s",
  (weakness, scope, harm) => {
    expect(search(scope, weakness).harm).toMatch(harm);
    // The scope by itself is harmless: it is the shortcut that does it.
    expect(search(scope).harm).toBeUndefined();
    recordCounts({ weaknesses: 1 });
  },
  300_000,
);

const LOGS: readonly LogScope[] = [
  { writers: [1, 2], kept: 1, remembered: 1 },
  { writers: [1, 3], kept: 1, remembered: 1 },
  { writers: [1, 3], kept: 2, remembered: 1 },
  { writers: [1, 2], kept: 1, remembered: 1, lost: 1 },
];

test.each(LOGS)(
  "finds nothing wrong while old records are removed: %j",
  (scope) => {
    const { states, harm } = searchLog(scope);
    recordCounts({ scopes: 1, states });
    expect(harm).toBeUndefined();
    expect(states).toBeGreaterThan(1_000);
  },
  300_000,
);

const LOG_WEAKNESSES: readonly (readonly [LogWeakness, RegExp])[] = [
  ["what was created stands, without a look for a higher record", /was never decided/],
  ["the first record is removed, too", /was never decided/],
  ["the highest record is removed, too", /was the head twice/],
  ["more is concluded from a head than it remembers", /was decided, and its writer withdraws it/],
];

test.each(LOG_WEAKNESSES)(
  "finds out a journal that removes or concludes too much: %s",
  (weakness, harm) => {
    expect(searchLog({ writers: [1, 3], kept: 1, remembered: 1 }, weakness).harm).toMatch(harm);
    recordCounts({ weaknesses: 1 });
  },
  300_000,
);
