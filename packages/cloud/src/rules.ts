import { createHash } from "node:crypto";
import { fitsType } from "./content.ts";
import { checkNames, invalid } from "./errors.ts";

/** What is known of an upload when its cloud is chosen. */
export interface UploadFacts {
  readonly filename: string;
  /** What the bytes show, else what was declared, else what the name suggests. */
  readonly contentType: string;
  /** What the caller or the browser said. */
  readonly declaredType?: string | undefined;
  /** What the first bytes show. */
  readonly sniffedType?: string | undefined;
  /** Bytes, where known before the end. */
  readonly size?: number | undefined;
  /** Folder that the upload goes to, such as `"avatars"`. */
  readonly prefix?: string | undefined;
  readonly region?: string | undefined;
  readonly tenant?: string | undefined;
  /** Anything else that rules look at. */
  readonly attributes: Readonly<Record<string, string>>;
  /** What `percentage` is taken of: one key always falls on the same side. */
  readonly key: string;
}

/** What a cloud is doing, as rule functions see it. */
export interface CloudView<N extends string = string> {
  readonly name: N;
  readonly region?: string | undefined;
  /** Where what is put here may come to rest, by its groups too. */
  readonly residency: readonly string[];
  /** `"open"`: it failed again and again and is left alone. */
  readonly breaker: "closed" | "open" | "half-open";
  /** Milliseconds that its inserts took, a moving average; `undefined` before the first. */
  readonly latencyMs?: number | undefined;
}

/** What must hold of an upload; everything that is given. */
export interface RuleConditions {
  /** `"image/png"`, `"image/*"`; any of them. */
  readonly contentType?: string | readonly string[] | undefined;
  /** Fewest bytes. */
  readonly minBytes?: number | undefined;
  /** Most bytes. */
  readonly maxBytes?: number | undefined;
  /** Folder: `"avatars"` fits `avatars` and `avatars/large`. */
  readonly prefix?: string | readonly string[] | undefined;
  readonly region?: string | readonly string[] | undefined;
  readonly tenant?: string | readonly string[] | undefined;
  readonly attributes?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

/** Chooses clouds, the first one first: by cost, latency or anything else. */
export type ChooseClouds<N extends string> = (
  facts: UploadFacts,
  clouds: readonly CloudView<N>[],
) => N | readonly N[] | Promise<N | readonly N[]>;

/** Where an upload goes. The first rule that matches decides. */
export interface Rule<N extends string = string> {
  /** What `explain` and errors call it. @default its number */
  readonly name?: string | undefined;
  /** @default every upload */
  readonly when?: RuleConditions | ((facts: UploadFacts) => boolean) | undefined;
  /** Share of the keys that the rule takes, 0 to 100; the same keys every time. @default 100 */
  readonly percentage?: number | undefined;
  /** The cloud; or several, of which those behind serve when those before fail; or a function that chooses. */
  readonly to: N | readonly N[] | ChooseClouds<N>;
  /**
   * Where the file must stay, as the clouds' `residency` says it. Clouds elsewhere are never chosen for it: not by failover, not by a function, and the object
   * remembers it, so that no copy, move or migration takes it out.
   */
  readonly residency?: string | readonly string[] | undefined;
}

/** A rule, checked. */
export interface CheckedRule {
  readonly name: string;
  readonly rule: Rule;
  readonly residency?: readonly string[] | undefined;
}

const CONDITIONS = ["contentType", "minBytes", "maxBytes", "prefix", "region", "tenant", "attributes"] as const;

/**
 * Checks rules.
 *
 * @param clouds where what is put into each may come to rest
 * @throws OmniError INVALID_ARGUMENT for an unknown cloud or option, a share outside of 0 to 100, a named cloud outside of the rule's residency
 */
export function checkRules(rules: readonly Rule[], clouds: ReadonlyMap<string, readonly string[]>): readonly CheckedRule[] {
  return rules.map((rule, index) => {
    const name = rule.name ?? `rule ${index + 1}`;
    checkNames("defineClouds", name, rule, ["name", "when", "percentage", "to", "residency"]);
    if (typeof rule.when === "object") checkNames("defineClouds", `${name}, when:`, rule.when, CONDITIONS);
    const { percentage = 100 } = rule;
    if (!(percentage >= 0 && percentage <= 100))
      throw invalid("defineClouds", `${name}: percentage is a number from 0 to 100, not ${percentage}`);
    const residency = rule.residency === undefined ? undefined : listOf(rule.residency);
    if (residency?.length === 0) throw invalid("defineClouds", `${name}: residency names no place; leave it out`);
    if (typeof rule.to !== "function") checkTargets(name, listOf(rule.to), residency, clouds);
    return { name, rule, residency };
  });
}

function checkTargets(
  rule: string,
  targets: readonly string[],
  residency: readonly string[] | undefined,
  clouds: ReadonlyMap<string, readonly string[]>,
): void {
  if (targets.length === 0) throw invalid("defineClouds", `${rule}: "to" names no cloud`);
  for (const target of targets) {
    const places = clouds.get(target);
    if (!places)
      throw invalid("defineClouds", `${rule}: there is no cloud "${String(target)}". Known: ${[...clouds.keys()].join(", ")}`);
    if (!staysWithin(places, residency))
      throw invalid(
        "defineClouds",
        `${rule}: the cloud "${target}" is in ${placesOf(places)}, its groups included; the rule keeps files in ${residency?.join(", ")}. Name another cloud, or say where this one is with "residency"`,
      );
  }
}

/** Whether a store whose bytes are in `places` keeps within `allowed`: all of its places are known and among them. */
export function staysWithin(places: readonly string[], allowed: readonly string[] | undefined): boolean {
  return allowed === undefined || (places.length > 0 && places.every((place) => allowed.includes(place)));
}

/** Places in words. */
export function placesOf(places: readonly string[]): string {
  return places.length === 0 ? "no stated place" : places.join(", ");
}

/** Why a rule does not take an upload; `undefined` when it does. */
export function refusal({ name, rule }: CheckedRule, facts: UploadFacts): string | undefined {
  const { when } = rule;
  if (typeof when === "function" && !when(facts)) return "its function says no";
  const failed = typeof when === "object" ? failedCondition(name, when, facts) : undefined;
  if (failed !== undefined) return failed;
  const { percentage = 100 } = rule;
  return percentage < 100 && shareOf(name, facts.key) >= percentage ? `the key is not among the ${percentage} %` : undefined;
}

function failedCondition(rule: string, when: RuleConditions, facts: UploadFacts): string | undefined {
  const { contentType, minBytes, maxBytes, prefix, region, tenant, attributes = {} } = when;
  if (contentType !== undefined && !listOf(contentType).some((pattern) => fitsType(facts.contentType, pattern)))
    return `content type ${facts.contentType}`;
  if ((minBytes !== undefined || maxBytes !== undefined) && facts.size === undefined)
    throw invalid("route", `${rule} asks for the size of a stream whose length nobody knows; give sizeBytes`);
  if (minBytes !== undefined && (facts.size as number) < minBytes) return `${facts.size} bytes`;
  if (maxBytes !== undefined && (facts.size as number) > maxBytes) return `${facts.size} bytes`;
  if (prefix !== undefined && !listOf(prefix).some((folder) => isWithin(facts.prefix ?? "", folder)))
    return `prefix ${facts.prefix ?? "(none)"}`;
  if (region !== undefined && !listOf(region).includes(facts.region ?? "")) return `region ${facts.region ?? "(none)"}`;
  if (tenant !== undefined && !listOf(tenant).includes(facts.tenant ?? "")) return `tenant ${facts.tenant ?? "(none)"}`;
  for (const [name, wanted] of Object.entries(attributes)) {
    const value = Object.hasOwn(facts.attributes, name) ? facts.attributes[name] : undefined;
    if (value === undefined || !listOf(wanted).includes(value)) return `${name} ${value ?? "(none)"}`;
  }
  return undefined;
}

function isWithin(prefix: string, folder: string): boolean {
  const bare = folder.replace(/\/+$/, "");
  return bare === "" || prefix === bare || prefix.startsWith(`${bare}/`);
}

/** Where a key falls between 0 and 100; the rule's name is part of it, so that two rules of 10 % do not take the same tenth. */
export function shareOf(rule: string, key: string): number {
  const digest = createHash("sha256").update(rule).update("\0").update(key).digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}

/** One or many as many. */
export function listOf<T extends string>(value: T | readonly T[]): readonly T[] {
  return typeof value === "string" ? [value] : value;
}

/** The largest size that any rule compares with, so that the head of a stream of unknown length may settle it. */
export function largestBound(rules: readonly CheckedRule[]): number {
  const bounds = rules.flatMap(({ rule: { when } }) =>
    typeof when === "object" ? [when.minBytes, when.maxBytes].filter((bound) => bound !== undefined) : [],
  );
  return Math.max(0, ...bounds);
}

/**
 * Chooses the cloud that costs least, by what you say of each.
 *
 * @param costs per cloud: a number, or a function of the upload; clouds that are left out are not chosen
 */
export function cheapest<N extends string>(
  costs: Readonly<Partial<Record<N, number | ((facts: UploadFacts) => number)>>>,
): ChooseClouds<N> {
  return (facts, clouds) =>
    ranked(clouds, ({ name }) => {
      const cost: number | ((facts: UploadFacts) => number) | undefined = costs[name];
      return typeof cost === "function" ? cost(facts) : cost;
    });
}

/**
 * Chooses the cloud whose inserts took least of late. One that was not used yet comes first, so that it is measured.
 *
 * @param names the clouds to choose from
 */
export function fastest<N extends string>(names: readonly N[]): ChooseClouds<N> {
  return (_facts, clouds) => ranked(clouds, ({ name, latencyMs = 0 }) => (names.includes(name) ? latencyMs : undefined));
}

function ranked<N extends string>(
  clouds: readonly CloudView<N>[],
  rank: (cloud: CloudView<N>) => number | undefined,
): readonly N[] {
  return clouds
    .map((cloud) => ({ name: cloud.name, at: rank(cloud) }))
    .filter((entry): entry is { name: N; at: number } => entry.at !== undefined)
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name);
}
