import { recordCounts } from "@omni/property";
import { type Scope, search, type Weakness } from "./search.ts";

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
