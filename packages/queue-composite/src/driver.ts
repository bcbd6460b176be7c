import { OmniError } from "@omni/core";
import {
  type DriverCallOptions,
  type DriverSubscribeOptions,
  type DriverSubscription,
  type EnvelopeForm,
  type QueueDriver,
  type QueueProvider,
  wireSize,
} from "@omni/core/queue";
import { classifyError } from "./errors.ts";
import { featuresOf, tightest } from "./facts.ts";
import { fanOut } from "./fan-out.ts";
import { FillWatch } from "./fill-watch.ts";
import { Member } from "./member.ts";
import { isAtHand, MemberLink } from "./member-link.ts";
import { statsOf } from "./member-stats.ts";
import { MergedSubscription } from "./merged-subscription.ts";
import { type CompositeMember, type CompositeOptions, type CompositeSettings, checkCompositeOptions } from "./options.ts";
import { healthOf, readyOf } from "./standing.ts";
import type { Strategy } from "./strategy.ts";
import { Twins } from "./twins.ts";

/** The driver of several queues as one. */
export type CompositeDriver = QueueDriver & {
  /** The members, in order. */
  readonly members: readonly { readonly name: string; readonly provider: QueueProvider; readonly required: boolean }[];
  readonly strategy: Strategy;
};

/**
 * Makes a driver over the drivers of several queues.
 *
 * @throws OmniError INVALID_ARGUMENT
 */
export function compositeDriver(
  given: readonly (QueueProvider | CompositeMember | null | undefined)[],
  options: CompositeOptions = {},
): CompositeDriver {
  const settings = checkCompositeOptions(given, options);
  const { clock, logger, strategy, needed } = settings;
  const members = settings.members.map((member) => new Member(member, clock));
  const readers = settings.readers.map((name) => members.find((member) => member.name === name) as Member);
  const features = featuresOf(members, readers, settings);
  const links = members.map((member) => new MemberLink(member, clock, logger));
  const watches = members.flatMap((member) => (readers.includes(member) ? [] : (FillWatch.of(member, logger) ?? [])));
  const reading = new Reading(members, readers, settings, options.form ?? (features.headers ? "binary" : "json"));
  const warn =
    (what: string) =>
    (member: Member, error: unknown): void =>
      logger.warn({ provider: member.driver.name, member: member.name, error: String(error) }, what);
  for (const { name, driver } of members) logger.info({ provider: driver.name, member: name }, "adapter created");
  const [first = members[0]] = readers;
  const parts = { links, strategy, needed, clock };
  const { browse } = first?.driver ?? {};

  return {
    name: "composite",
    features,
    members,
    strategy,
    classifyError,
    check: (topic, message) => {
      for (const member of members) member.check(topic, message);
    },
    sizeOf: (message) => tightest(members)?.driver.sizeOf?.(message) ?? wireSize(message),
    publish(topic, batch, call) {
      const outcomes = fanOut(parts, topic, batch, call);
      const watched = (): void => {
        for (const watch of watches) watch.sent(topic, batch.length);
      };
      if (isAtHand(outcomes)) watched();
      else void outcomes.then(watched);
      return outcomes;
    },
    subscribe: (topic, call) => reading.subscribe(topic, call),
    ...(browse && { browse: (topic, window) => browse(first?.topicOf(topic) ?? topic, window) }),
    ready: (call) => readyOf(members, needed, call, warn("a member is not ready")),
    async stats(call) {
      const found = await statsOf(members, (member) => readers.includes(member), call, warn("a member's numbers are not known"));
      const pending = features.pending && readers[0] ? found.byMember[readers[0].name]?.pending : undefined;
      return { ...found, pending, suppressed: found.total.suppressed };
    },
    health: (call) => healthOf(members, needed, call),
    async close(call) {
      await reading.close();
      await drain(links, call);
      await Promise.all(members.map(({ provider }) => provider.close()));
    },
  };
}

/** Waits for what is still settling; what is under way when `signal` aborts is given up. */
async function drain(links: readonly MemberLink[], { signal }: DriverCallOptions): Promise<void> {
  const giveUp = (): void => {
    for (const link of links) link.abandonAll(signal?.reason);
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted) giveUp();
  await Promise.all(links.map((link) => link.idle()));
  signal?.removeEventListener("abort", giveUp);
}

/** The subscriptions of a composite, and what they share per group and topic. */
class Reading {
  readonly #members: readonly Member[];
  readonly #readers: readonly Member[];
  readonly #settings: CompositeSettings;
  readonly #form: EnvelopeForm;
  readonly #twins = new Map<string, Twins>();
  readonly #open = new Set<MergedSubscription>();

  constructor(members: readonly Member[], readers: readonly Member[], settings: CompositeSettings, form: EnvelopeForm) {
    this.#members = members;
    this.#readers = readers;
    this.#settings = settings;
    this.#form = form;
  }

  async subscribe(topic: string, options: DriverSubscribeOptions): Promise<DriverSubscription> {
    const readers = this.#readers;
    if (readers.length === 0) {
      const reason = "this queue only publishes (subscribe: false): read its members, or choose which are read";
      throw new OmniError("NOT_SUPPORTED", { backend: "composite", operation: "subscribe", topic, reason });
    }
    const { fallback, fallbackAfterMs, clock, logger } = this.#settings;
    const standIns = fallback ? this.#members.filter((member) => !readers.includes(member)) : [];
    const merged = new MergedSubscription({
      topic,
      options,
      readers,
      standIns,
      fallbackAfterMs,
      form: this.#form,
      twins: readers.length + standIns.length > 1 ? this.#twinsOf(topic, options.group) : undefined,
      clock,
      logger,
      onClose: (closed) => this.#open.delete(closed),
    });
    this.#open.add(merged);
    await merged.open();
    return merged;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((subscription) => subscription.close()));
  }

  #twinsOf(topic: string, group: string): Twins {
    const { dedupeWindowMs: windowMs, dedupeMaxIds: maxIds, clock, logger } = this.#settings;
    const key = `${group}\n${topic}`;
    let twins = this.#twins.get(key);
    if (!twins) {
      const onError = ({ name }: Member, error: unknown): void =>
        logger.debug({ member: name, topic, error: String(error) }, "a suppressed copy could not be settled: it comes again");
      twins = new Twins({ windowMs, maxIds, clock, onError });
      this.#twins.set(key, twins);
    }
    return twins;
  }
}
