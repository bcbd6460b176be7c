import { OmniError } from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import { invalid } from "./errors.ts";
import { type CheckedRule, listOf, placesOf, refusal, staysWithin, type UploadFacts } from "./rules.ts";
import type { Slot } from "./slot.ts";

/** What became of a rule. */
export interface CheckedStep {
  readonly rule: string;
  readonly matched: boolean;
  /** Why not. */
  readonly reason?: string | undefined;
}

/** A cloud that an upload may go to, in the order of trying. */
export interface Candidate<N extends string = string> {
  readonly cloud: N;
  /** `"rested"`: it failed again and again of late, so that it comes after the others; `"refused"`: it is outside of the rule's residency. */
  readonly state: "first" | "failover" | "rested" | "refused";
  readonly reason?: string | undefined;
}

/** Which rule chose what, and why. */
export interface Explanation<N extends string = string> {
  /** The cloud that an insert would try first. */
  readonly cloud: N;
  /** The rule that decided; `undefined` where no rule took it and the default did. */
  readonly rule?: string | undefined;
  readonly residency?: readonly string[] | undefined;
  readonly candidates: readonly Candidate<N>[];
  /** Every rule looked at, in order; those behind the one that matched are not. */
  readonly checked: readonly CheckedStep[];
  readonly facts: UploadFacts;
}

/** A choice, as inserts use it. */
export interface Choice {
  readonly slots: readonly Slot[];
  readonly residency?: readonly string[] | undefined;
  readonly explanation: Explanation;
}

/**
 * Chooses the clouds for an upload.
 *
 * @throws OmniError INVALID_ARGUMENT when a rule function names an unknown cloud, UNAVAILABLE when it names none within the residency
 */
export async function choose(set: CloudSet, facts: UploadFacts): Promise<Choice> {
  const checked: CheckedStep[] = [];
  for (const rule of set.routing.rules) {
    const reason = refusal(rule, facts);
    checked.push({ rule: rule.name, matched: reason === undefined, ...(reason === undefined ? {} : { reason }) });
    if (reason === undefined) return chosen(set, facts, await targetsOf(set, rule, facts), rule, checked);
  }
  const named = set.routing.choose?.(facts);
  return chosen(set, facts, [named ?? set.routing.default], named === undefined ? undefined : FUNCTION, checked);
}

const FUNCTION = { name: "route", rule: { to: [] } } satisfies CheckedRule as CheckedRule;

async function targetsOf(set: CloudSet, { rule, residency }: CheckedRule, facts: UploadFacts): Promise<readonly string[]> {
  if (typeof rule.to !== "function") return listOf(rule.to);
  const views = [...set.slots.values()]
    .map((slot) => slot.view(set.placesOf(slot)))
    .filter((view) => staysWithin(view.residency, residency));
  return listOf(await rule.to(facts, views));
}

function chosen(
  set: CloudSet,
  facts: UploadFacts,
  targets: readonly string[],
  rule: CheckedRule | undefined,
  checked: readonly CheckedStep[],
): Choice {
  const slots = [...new Set(targets)].map((name) => set.slot("route", name));
  const allowed = slots.filter((slot) => staysWithin(set.placesOf(slot), rule?.residency));
  if (allowed.length === 0) throw noneLeft(set, rule, slots);
  // One that rests is tried when nobody else is left: better than to refuse the upload.
  const order = [...allowed.filter((slot) => !isResting(slot, set)), ...allowed.filter((slot) => isResting(slot, set))];
  const candidates: Candidate[] = order.map((slot, index) => ({
    cloud: slot.name,
    state: isResting(slot, set) ? "rested" : index === 0 ? "first" : "failover",
  }));
  for (const slot of slots)
    if (!allowed.includes(slot))
      candidates.push({ cloud: slot.name, state: "refused", reason: `it is in ${placesOf(set.placesOf(slot))}` });
  return {
    slots: order,
    residency: rule?.residency,
    explanation: {
      cloud: (order[0] as Slot).name,
      rule: rule?.name,
      residency: rule?.residency,
      candidates,
      checked,
      facts,
    },
  };
}

/** Whether a cloud is left alone now; asking is no trial. */
function isResting({ breaker }: Slot, { family }: CloudSet): boolean {
  return breaker.state === "half-open" || (breaker.state === "open" && family.clock.now() < breaker.openUntil);
}

function noneLeft(set: CloudSet, rule: CheckedRule | undefined, slots: readonly Slot[]): OmniError {
  if (slots.length === 0) return invalid("route", `${rule?.name ?? "the default"} names no cloud for this upload`);
  return new OmniError("UNAVAILABLE", {
    backend: "cloud",
    operation: "route",
    reason: `${rule?.name} keeps files in ${rule?.residency?.join(", ")}, and names only ${slots.map((slot) => `${slot.name} (${placesOf(set.placesOf(slot))})`).join(", ")}`,
    retryable: false,
    outcome: "not-applied",
  });
}
