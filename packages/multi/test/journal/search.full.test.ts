import { recordCounts } from "@omni/property";
import { type LogScope, searchLog } from "./log-search.ts";
import { search } from "./search.ts";
import type { Scope } from "./search-scope.ts";

const SCOPES: readonly Scope[] = [
  { actors: ["y", "x", "recover"], deletes: "fenced", crashes: 1 },
  { actors: ["y", "x", "recover"], deletes: "fenced", late: 1 },
  { actors: ["y", "x", "recover"], deletes: "fenced", expiries: 1 },
  { actors: ["y", "x"], deletes: "fenced", crashes: 1, expiries: 1 },
  { actors: ["y", "x"], deletes: "fenced", late: 1, repeats: 1 },
  { actors: ["y", "recover", "recover"], deletes: "fenced", crashes: 1, expiries: 1 },
  { actors: ["y", "recover"], deletes: "fenced", crashes: 2, expiries: 2, late: 1 },
  { actors: ["y", "delete", "recover"], deletes: "fenced", crashes: 1 },
  { actors: ["y", "delete"], deletes: "fenced", crashes: 1, late: 1, repeats: 1 },
  { actors: ["y", "delete", "recover"], deletes: "marked", crashes: 1 },
  { actors: ["delete", "x"], deletes: "marked", late: 1 },
  { actors: ["delete", "recover"], deletes: "marked", crashes: 1, expiries: 1, late: 1 },
  { actors: ["y", "delete", "recover"], deletes: "kept", crashes: 1 },
  { actors: ["y", "delete"], deletes: "kept", crashes: 1, late: 1, repeats: 1 },
  { actors: ["delete", "x"], deletes: "kept", late: 1, repeats: 1 },
  { actors: ["delete", "recover"], deletes: "kept", crashes: 1, expiries: 1, late: 1 },
  { actors: ["repair", "delete"], deletes: "kept", accidents: 1, late: 1 },
  { actors: ["repair", "recover"], deletes: "kept", isEmpty: true, accidents: 1, crashes: 1, expiries: 1 },
  { actors: ["repair", "y"], deletes: "fenced", accidents: 1, late: 1 },
  { actors: ["repair", "y"], deletes: "fenced", accidents: 1, expiries: 1 },
  { actors: ["repair", "y", "recover"], deletes: "fenced", accidents: 1, crashes: 1 },
  { actors: ["repair", "delete"], deletes: "fenced", accidents: 1, late: 1 },
  { actors: ["repair", "delete"], deletes: "marked", accidents: 1 },
  { actors: ["repair", "recover"], deletes: "marked", isEmpty: true, accidents: 1, crashes: 1, expiries: 1 },
];

test.each(SCOPES)(
  "finds nothing wrong: %j",
  (scope) => {
    const { states, harm } = search(scope);
    recordCounts({ scopes: 1, states });
    expect(harm).toBeUndefined();
  },
  3_600_000,
);

const LOGS: readonly LogScope[] = [
  { writers: [1, 4], kept: 1, remembered: 1 },
  { writers: [1, 3], kept: 1, remembered: 2 },
  { writers: [1, 3], kept: 1, remembered: 1, lost: 1 },
];

test.each(LOGS)(
  "finds nothing wrong while old records are removed: %j",
  (scope) => {
    const { states, harm } = searchLog(scope);
    recordCounts({ scopes: 1, states });
    expect(harm).toBeUndefined();
  },
  3_600_000,
);
