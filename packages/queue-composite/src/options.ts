import { type BreakerOptions, type Clock, type Logger, OmniError, silentLogger, systemClock } from "@omni/core";
import type { QueueOptions, QueueProvider } from "@omni/core/queue";
import { count, invalid, invalidOption, milliseconds, oneOf } from "./check.ts";
import { neededBy, STRATEGIES, type Strategy } from "./strategy.ts";

/** A member with what is its own. */
export interface CompositeMember {
  readonly provider: QueueProvider;
  /** What outcomes, errors, numbers and logs call it. @default the provider's name, numbered where several share it */
  readonly name?: string | undefined;
  /**
   * Whether `ready()` and `health()` fail without it. Publishes go by the strategy alone. @default true under "fail-fast" and "all", which can do
   * nothing without it, else false
   */
  readonly required?: boolean | undefined;
  /** Milliseconds until a call to it is given up. @default the composite's `memberTimeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** When it is left alone for a while; `false` = never. @default the composite's `breaker` */
  readonly breaker?: BreakerOptions | false | undefined;
}

/** What a member calls the composite's topics: a record (topics not in it keep their names), or a function. */
export type TopicMap = Readonly<Record<string, string>> | ((topic: string) => string);

/** Which members are read: the first, all, those named, or none. */
export type SubscribeFrom = "first" | "all" | readonly string[] | false;

/** How a composite publishes to its members, and which of them it reads. */
export interface CompositeOptions extends QueueOptions {
  /** When a publish is done. @default "fail-fast" */
  readonly strategy?: Strategy | undefined;
  /** Of "best-effort": members that have to hold a message; 0 = success whatever happens. @default 1 */
  readonly minAcks?: number | undefined;
  /** Of "quorum": members that have to hold a message. @default more than half */
  readonly quorum?: number | undefined;
  /** Which members are read. @default "first"; "all" under "failover" */
  readonly subscribe?: SubscribeFrom | undefined;
  /** By member: what it calls the topics. @default as they are */
  readonly topics?: Readonly<Record<string, TopicMap>> | undefined;
  /** Milliseconds until a call to a member is given up; its publish is "unknown" then. @default 5_000 */
  readonly memberTimeoutMs?: number | undefined;
  /** When a member is left alone for a while; `false` = never. @default { failures: 5, openMs: 10_000 } */
  readonly breaker?: BreakerOptions | false | undefined;
  /** Of "first": milliseconds that its broker may be disconnected before the next member is read too. @default 10_000 */
  readonly fallbackAfterMs?: number | undefined;
  /** Milliseconds for which the ids of handled messages are remembered, to suppress their copies. @default 3_600_000 */
  readonly dedupeWindowMs?: number | undefined;
  /** Most ids that are remembered per group and topic. @default 100_000 */
  readonly dedupeMaxIds?: number | undefined;
}

/** A member with everything decided. */
export interface MemberSettings {
  readonly name: string;
  readonly provider: QueueProvider;
  readonly required: boolean;
  readonly timeoutMs: number;
  readonly breaker: BreakerOptions | false;
  readonly topics: TopicMap | undefined;
}

/** Options with everything decided. */
export interface CompositeSettings {
  readonly members: readonly MemberSettings[];
  readonly strategy: Strategy;
  /** Members that have to hold a message. */
  readonly needed: number;
  /** Names of the members that are read, in order; the others stand in where `fallback`. */
  readonly readers: readonly string[];
  /** The members after the one that is read stand in for it. */
  readonly fallback: boolean;
  readonly fallbackAfterMs: number;
  readonly dedupeWindowMs: number;
  readonly dedupeMaxIds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Given = QueueProvider | CompositeMember;

/** @throws OmniError INVALID_ARGUMENT naming the option, its value and what it has to be */
export function checkCompositeOptions(given: readonly (Given | null | undefined)[], options: CompositeOptions): CompositeSettings {
  const strategy = oneOf("strategy", options.strategy ?? "fail-fast", STRATEGIES);
  const members = checkMembers(given, options, strategy);
  const names = members.map(({ name }) => name);
  const { length } = members;
  const minAcks = options.minAcks === undefined ? Math.min(1, length) : count("minAcks", options.minAcks, 0);
  const quorum = count("quorum", options.quorum ?? Math.floor(length / 2) + 1);
  if (minAcks > length) throw invalidOption("minAcks", minAcks, `at most ${length}, the number of members`);
  if (quorum > length) throw invalidOption("quorum", quorum, `at most ${length}, the number of members`);
  return {
    members,
    strategy,
    needed: neededBy(strategy, length, { minAcks, quorum }),
    ...checkReaders(options.subscribe, strategy, names),
    fallbackAfterMs: milliseconds("fallbackAfterMs", options.fallbackAfterMs ?? 10_000),
    dedupeWindowMs: milliseconds("dedupeWindowMs", options.dedupeWindowMs ?? 3_600_000),
    dedupeMaxIds: count("dedupeMaxIds", options.dedupeMaxIds ?? 100_000),
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
  };
}

function checkMembers(
  given: readonly (Given | null | undefined)[],
  options: CompositeOptions,
  strategy: Strategy,
): readonly MemberSettings[] {
  if (!Array.isArray(given)) throw invalidOption("members", given, "a list of queues or of { name, provider }");
  const present = (given as readonly (Given | null | undefined)[]).filter((one): one is Given => one !== null && one !== undefined);
  if (present.length === 0) throw invalid("there are no members: give at least one queue, like compositeQueue([memoryQueue()])");
  const parts = present.map(partsOf);
  const names = namesOf(parts);
  const { topics = {} } = options;
  const strange = Object.keys(topics).find((name) => !names.includes(name));
  if (strange !== undefined) throw invalidOption("topics", strange, `keyed by members: ${names.join(", ")}`);
  const members = parts.map((part, index): MemberSettings => {
    const name = names[index] as string;
    return {
      name,
      provider: part.provider,
      required: part.required ?? (strategy === "fail-fast" || strategy === "all"),
      timeoutMs: milliseconds(`timeoutMs of ${name}`, part.timeoutMs ?? options.memberTimeoutMs ?? 5_000),
      breaker: part.breaker ?? options.breaker ?? {},
      topics: checkTopics(name, topics[name]),
    };
  });
  checkDistinct(members);
  return members;
}

function partsOf(given: Given): CompositeMember {
  const part: CompositeMember = "provider" in given ? given : { provider: given };
  if (typeof part.provider?.driver?.publish !== "function")
    throw invalidOption("a member", given, "a queue, or { name, provider } with a queue");
  // A composite inside would count as one member whatever becomes of its own.
  if (part.provider.name === "composite") throw invalid("a member is a composite itself: list its members instead");
  return part;
}

function namesOf(parts: readonly CompositeMember[]): readonly string[] {
  const base = parts.map((part) => part.name ?? part.provider.name);
  const names = base.map((name, index) => {
    if (parts[index]?.name !== undefined || base.filter((other) => other === name).length === 1) return name;
    return `${name}-${base.slice(0, index + 1).filter((other) => other === name).length}`;
  });
  for (const [index, name] of names.entries()) {
    if (typeof name !== "string" || !/^[\w.-]{1,64}$/.test(name))
      throw invalidOption("name of a member", name, "1 to 64 letters, digits, dots, dashes and underscores");
    if (names.indexOf(name) !== index) throw invalid(`two members are called "${name}": give each a name of its own`);
  }
  return names;
}

/** One broker twice would be counted as two copies. */
function checkDistinct(members: readonly MemberSettings[]): void {
  for (const [index, member] of members.entries()) {
    for (const other of members.slice(0, index)) {
      if (!isSame(member, other)) continue;
      throw invalid(`members "${other.name}" and "${member.name}" are one broker: a message would be counted twice`);
    }
  }
}

function isSame(one: MemberSettings, other: MemberSettings): boolean {
  const { driver } = one.provider;
  if (driver === other.provider.driver) return true;
  const same = driver.identity !== undefined && driver.identity === other.provider.driver.identity;
  // Under topics of their own they are two places on one broker, as when messages move from one topic to another.
  return same && one.topics === other.topics;
}

function checkTopics(member: string, map: TopicMap | undefined): TopicMap | undefined {
  if (map === undefined || typeof map === "function") return map;
  if (typeof map !== "object" || map === null) throw invalidOption(`topics.${member}`, map, "a record of names or a function");
  const names = Object.values(map);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`topics.${member} maps two topics to "${twice}": their messages could not be told apart`);
  return map;
}

function checkReaders(
  given: SubscribeFrom | undefined,
  strategy: Strategy,
  names: readonly string[],
): Pick<CompositeSettings, "readers" | "fallback"> {
  const subscribe = given ?? (strategy === "failover" ? "all" : "first");
  if (subscribe === false) return { readers: [], fallback: false };
  const readers = readersOf(subscribe, names);
  if (strategy === "failover" && readers.length < names.length) {
    const reason = `under "failover" a message lies on any of the members, so all have to be read: subscribe is ${JSON.stringify(subscribe)}, it has to be "all", or false to publish only`;
    throw new OmniError("INVALID_ARGUMENT", { backend: "composite", operation: "compositeQueue", reason });
  }
  return { readers, fallback: subscribe === "first" && names.length > 1 };
}

function readersOf(subscribe: Exclude<SubscribeFrom, false>, names: readonly string[]): readonly string[] {
  if (subscribe === "all") return names;
  if (subscribe === "first") return names.slice(0, 1);
  if (!Array.isArray(subscribe) || subscribe.length === 0)
    throw invalidOption("subscribe", subscribe, `"first", "all", false, or names of members: ${names.join(", ")}`);
  const strange = subscribe.find((name) => !names.includes(name));
  if (strange !== undefined) throw invalidOption("subscribe", strange, `among the members: ${names.join(", ")}`);
  return [...new Set(subscribe)];
}
