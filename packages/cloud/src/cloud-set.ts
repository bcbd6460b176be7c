import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { type Clock, type Logger, MultiError, OmniError, systemClock } from "@omni/core";
import type { Catalogue } from "./catalogue.ts";
import { checkDefinition, configure, definitionOf } from "./config.ts";
import { checkNames, invalid, unknownCloud } from "./errors.ts";
import type { CloudDefinition, CloudSource, CloudsOptions, ScopeOptions } from "./options.ts";
import { reachOf } from "./reach.ts";
import { type CheckedRule, checkRules, placesOf, staysWithin, type UploadFacts } from "./rules.ts";
import { Slot, type SlotSettings } from "./slot.ts";
import { TemporaryFiles } from "./temporary-files.ts";

const DEFAULT_REPLAY_BYTES = 1024 * 1024;
const MIN_SECRET = 16;

/** What all scopes of one `defineClouds` share. */
export interface Family {
  readonly current: AsyncLocalStorage<CloudSet>;
  readonly settings: SlotSettings;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  readonly secret: string;
  readonly replayBytes: number;
  readonly temporary: TemporaryFiles;
}

/** How uploads find their cloud. */
export interface Routing {
  readonly default: string;
  readonly rules: readonly CheckedRule[];
  /** A function in place of rules. */
  readonly choose?: ((facts: UploadFacts) => string | undefined) | undefined;
}

/** The clouds of one scope: its own, and those of the scope around it. */
export class CloudSet {
  readonly family: Family;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly routing: Routing;
  readonly facts: NonNullable<ScopeOptions["facts"]>;
  readonly catalogue: Catalogue | undefined;
  /** `undefined`: the outermost. */
  readonly parent: CloudSet | undefined;
  readonly #own: readonly Slot[];
  readonly #reach: ReadonlyMap<string, readonly string[]>;

  private constructor(
    family: Family,
    slots: ReadonlyMap<string, Slot>,
    own: readonly Slot[],
    routing: Routing,
    options: Pick<ScopeOptions, "facts" | "catalogue">,
    parent?: CloudSet,
  ) {
    this.family = family;
    this.slots = slots;
    this.#reach = reachOf(slots);
    this.#own = own;
    this.routing = routing;
    this.facts = options.facts ?? {};
    this.catalogue = options.catalogue;
    this.parent = parent;
  }

  /** @throws OmniError INVALID_ARGUMENT */
  static define(given: Readonly<Record<string, CloudSource>>, options: CloudsOptions): CloudSet {
    if (typeof given !== "object" || given === null || Object.keys(given).length === 0)
      throw invalid("defineClouds", 'give clouds by name: defineClouds({ uploads: s3({ bucket: "…" }) })');
    checkNames("defineClouds", "defineClouds", options, OPTIONS);
    const { env = process.env, envPrefix = "CLOUDS_", use = [], clock = systemClock, breaker = {} } = options;
    const configured = configure(given, { config: options.config, env, envPrefix, use });
    const settings = { use, clock, breaker };
    const slots = makeSlots(configured.clouds, settings, new Map());
    const routing = routingOf(options, slots, configured.default ?? options.default ?? (Object.keys(given)[0] as string));
    const family = {
      current: new AsyncLocalStorage<CloudSet>(),
      settings,
      clock,
      logger: options.logger,
      secret: secretOf(configured.secret ?? options.secret),
      replayBytes: replayBytesOf(options.replayBytes),
      temporary: new TemporaryFiles(),
    };
    return new CloudSet(family, slots, [...slots.values()], routing, { catalogue: options.catalogue });
  }

  /** A scope within this one. @throws OmniError INVALID_ARGUMENT */
  scoped(given: Readonly<Record<string, CloudSource>>, options: ScopeOptions): CloudSet {
    checkNames("scoped", "scoped", options, ["default", "route", "catalogue", "facts"]);
    const definitions = new Map<string, CloudDefinition>();
    for (const [name, source] of Object.entries(given)) {
      if (!this.slots.has(name)) throw unknownCloud("scoped", name, [...this.slots.keys()]);
      // Where it is, is never taken over: another store may be elsewhere.
      const { prefix, baseUrl, timeoutMs } = this.slot("scoped", name).definition;
      const definition = definitionOf(name, source);
      checkDefinition(name, definition, { use: this.family.settings.use });
      definitions.set(name, { prefix, baseUrl, timeoutMs, ...definition });
    }
    // A group of which a member is the scope's own is made anew.
    for (let found = true; found; ) {
      found = false;
      for (const [name, { definition }] of this.slots)
        if (!definitions.has(name) && definition.members?.some((member) => definitions.has(member))) {
          definitions.set(name, definition);
          found = true;
        }
    }
    const own = makeSlots(definitions, this.family.settings, this.slots);
    const slots = new Map([...this.slots].map(([name, slot]) => [name, own.get(name) ?? slot]));
    this.#checkShared(own, reachOf(slots));
    const fallback = options.default ?? this.routing.default;
    // The rules are checked against the scope's clouds: one that is elsewhere than its namesake must not serve a rule with residency.
    const routing =
      options.route === undefined
        ? {
            ...this.routing,
            default: checkName(fallback, slots),
            rules: checkRules(
              this.routing.rules.map(({ name, rule }) => ({ ...rule, name })),
              reachOf(slots),
            ),
          }
        : routingOf(options, slots, fallback);
    const facts = { ...this.facts, ...options.facts, attributes: { ...this.facts.attributes, ...options.facts?.attributes } };
    return new CloudSet(
      this.family,
      slots,
      [...own.values()],
      routing,
      { facts, catalogue: options.catalogue ?? this.catalogue },
      this,
    );
  }

  /** A group of a scope must not take away what is kept in a cloud that the scope shares with others. */
  #checkShared(own: ReadonlyMap<string, Slot>, reach: ReadonlyMap<string, readonly string[]>): void {
    for (const [name, slot] of this.slots)
      for (const rule of own.has(name) ? [] : this.routing.rules)
        if (staysWithin(this.placesOf(slot), rule.residency) && !staysWithin(reach.get(name) ?? [], rule.residency))
          throw invalid(
            "scoped",
            `a group of the scope would take what is in "${name}" to ${placesOf(reach.get(name) ?? [])}, but ${rule.name} keeps files in ${rule.residency?.join(", ")}; replace "${name}" too`,
          );
  }

  /** Where what is put into a cloud may come to rest, by its groups too. */
  placesOf({ name }: Slot): readonly string[] {
    return this.#reach.get(name) ?? [];
  }

  /** A cloud by name. @throws OmniError INVALID_ARGUMENT */
  slot(operation: string, name: string): Slot {
    const slot = this.slots.get(name);
    if (!slot) throw unknownCloud(operation, name, [...this.slots.keys()]);
    return slot;
  }

  /** Closes what is the scope's own. @throws the first error, or a MultiError of all, when everything was tried */
  async close(): Promise<void> {
    // Groups before their members.
    const own = [...this.#own].sort((a, b) => Number(Boolean(b.definition.members)) - Number(Boolean(a.definition.members)));
    const outcomes: { member: string; state: string; error?: Error }[] = [];
    for (const slot of own)
      try {
        await slot.close();
      } catch (error) {
        outcomes.push({ member: slot.name, state: "failed", error: error instanceof Error ? error : new Error(String(error)) });
      }
    if (!this.parent) await this.family.temporary.clear();
    if (outcomes.length > 0) throw new MultiError("PARTIAL_FAILURE", outcomes, { backend: "cloud", operation: "close" });
  }
}

const OPTIONS = [
  "default",
  "route",
  "config",
  "env",
  "envPrefix",
  "use",
  "catalogue",
  "secret",
  "breaker",
  "replayBytes",
  "logger",
  "clock",
] as const;

/** Makes slots, members before their groups. */
function makeSlots(
  definitions: ReadonlyMap<string, CloudDefinition>,
  settings: SlotSettings,
  around: ReadonlyMap<string, Slot>,
): Map<string, Slot> {
  const slots = new Map<string, Slot>();
  const make = (name: string, path: readonly string[]): Slot => {
    const made = slots.get(name);
    if (made) return made;
    const definition = definitions.get(name);
    if (!definition) {
      const outer = around.get(name);
      if (outer) return outer;
      throw invalid(
        "defineClouds",
        `"${path.at(-1)}" has a member "${name}" that is no cloud. Known: ${[...definitions.keys()].join(", ")}`,
      );
    }
    if (path.includes(name)) throw invalid("defineClouds", `"${name}" is a member of itself: ${[...path, name].join(" -> ")}`);
    const members = (definition.members ?? []).map((member) => make(member, [...path, name]));
    const slot = new Slot(name, definition, settings, () => members);
    slots.set(name, slot);
    return slot;
  };
  // In the order of the definitions, whatever was made first.
  return new Map([...definitions.keys()].map((name) => [name, make(name, [])]));
}

function routingOf({ route = [] }: Pick<CloudsOptions, "route">, slots: ReadonlyMap<string, Slot>, fallback: string): Routing {
  const name = checkName(fallback, slots);
  if (typeof route === "function") return { default: name, rules: [], choose: route };
  return { default: name, rules: checkRules(route, reachOf(slots)) };
}

function checkName(name: string, slots: ReadonlyMap<string, Slot>): string {
  if (!slots.has(name)) throw unknownCloud("defineClouds", name, [...slots.keys()]);
  return name;
}

function secretOf(secret: string | undefined): string {
  if (secret === undefined) return randomBytes(32).toString("base64url");
  if (typeof secret === "string" && secret.length >= MIN_SECRET) return secret;
  throw new OmniError("INVALID_ARGUMENT", {
    backend: "cloud",
    operation: "defineClouds",
    reason: `the secret has fewer than ${MIN_SECRET} characters; take 32 random bytes, such as from: openssl rand -base64 32`,
  });
}

function replayBytesOf(bytes: number = DEFAULT_REPLAY_BYTES): number {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw invalid("defineClouds", `replayBytes is a whole number of bytes, not ${bytes}`);
}
