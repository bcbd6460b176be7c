import { ABILITIES } from "../../features.ts";
import type { Case, Group } from "../kit-case.ts";
import { NEEDS } from "../needs.ts";

const abilities: readonly Case[] = NEEDS.map((need) => ({
  name: `${need.label}: kept where declared, refused before any request where not`,
  run: (trial) => (need.declared(trial.features) ? need.present(trial) : need.absent(trial)),
}));

const declarations: readonly Case[] = [
  {
    name: "abilities are the methods that the driver has",
    run: async ({ backend, features, check }) => {
      for (const ability of ABILITIES) {
        const has = typeof backend.driver[ability] === "function";
        check.same(`features.${ability}`, features[ability], has);
        check.same(`supports("${ability}")`, backend.supports(ability), has);
      }
    },
  },
  {
    name: "facts agree with each other",
    run: async ({ backend, features, check }) => {
      check.ok("durable and process staging come with stage", ["held", "none"].includes(features.stagedWrite) || features.stage);
      check.ok("durable staging comes with resumeStage", features.stagedWrite !== "durable" || features.resumeStage);
      check.ok("a live store stages nothing", !features.live || features.stagedWrite === "none");
      check.ok(
        "limits are numbers above 0",
        [features.maxObjectBytes, features.maxPathBytes, features.modTimePrecisionMs].every(
          (limit) => limit === undefined || limit > 0,
        ),
      );
      check.ok("the scheme is a lower-case name", /^[a-z][a-z0-9+.-]*$/.test(backend.driver.scheme));
    },
  },
  {
    name: "the features cannot be changed",
    run: async ({ features, check }) => {
      check.ok("frozen", Object.isFrozen(features));
    },
  },
];

/** What a store declares holds, and what it does not declare it says so. */
export const honesty: Group = { name: "honesty", needs: [], cases: [...abilities, ...declarations] };
