import {
  type Backend,
  type Clock,
  createBackend,
  type DriverRead,
  type DriverReadOptions,
  extend,
  type Logger,
  type ObjectInfo,
  OmniError,
  type StorageDriver,
  systemClock,
} from "@omni/core";
import { fleet, type Membership } from "@omni/core/fleet";
import { Changing } from "./changing.ts";
import { sharedFeatures } from "./features.ts";
import { Holds } from "./holds.ts";
import { Migration } from "./migration.ts";
import { PHASES } from "./phases.ts";
import { Stores } from "./stores.ts";

/** What `migrating` is told beside its stores. */
export interface MigratingOptions {
  /**
   * Where the phase, the instances and the paths that are being changed are kept: a backend that all instances share, with conditional create and
   * replace. It may be one of the two stores. While both stores are written it has to be reachable.
   */
  readonly records: Backend;
  /** Name of this migration: letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** Name of this instance, for people. @default a random one */
  readonly instance?: string | undefined;
  /** How long an instance works without word from `records`, in milliseconds. @default 30000 */
  readonly leaseMs?: number | undefined;
  /** What is waited beyond that before an instance is taken for dead, in milliseconds. @default 5000 */
  readonly skewMs?: number | undefined;
  /** @default none */
  readonly logger?: Logger | undefined;
  /** @default the system's */
  readonly clock?: Clock | undefined;
  /** A clock that nobody sets, in milliseconds. @default `performance.now` */
  readonly monotonic?: (() => number) | undefined;
}

/** Two stores as one while the application moves from the one to the other. */
export interface MigratingBackend extends Backend {
  /** Leads all instances through the phases. */
  readonly migration: Migration;
}

/**
 * A backend over two stores, for an application that moves from one to the other while it runs. What it does follows the migration's phase, which all
 * instances go through together; `migration` moves it on.
 *
 * `close()` leaves the migration; the two stores belong to the caller.
 *
 * @param from the store that the objects are in
 * @param to the store that they shall be in; objects there that no migration wrote are left alone
 * @throws OmniError INVALID_ARGUMENT; NOT_SUPPORTED when a store keeps no write ids, or `records` has no conditional create and replace
 */
export function migrating(from: Backend, to: Backend, options: MigratingOptions): MigratingBackend {
  const { records, name, clock = systemClock, logger } = options;
  if (!records.features.conditional.replace) {
    const reason = "the records of a migration need a backend with conditional replace (ifMatch), which this one does not declare";
    throw new OmniError("NOT_SUPPORTED", { backend: records.driver.scheme, operation: "migrating", reason });
  }
  const stores = new Stores(from, to);
  const group = fleet({ ...options, backend: records, name: `migrating.${name}`, states: PHASES });
  const holds = new Holds(records, name, group, clock);
  let joined: Promise<Membership> | undefined;
  const member = (): Promise<Membership> => {
    joined ??= group.join().catch((error: unknown) => {
      joined = undefined;
      throw error;
    });
    return joined;
  };
  const changing = new Changing({ stores, holds, member, logger });
  const migration = new Migration({ stores, holds, changing, records, name, fleet: group });
  const close = async (): Promise<void> => (await joined?.catch(() => undefined))?.leave();
  return extend(createBackend({ ...driverOver(stores, changing), close }, { clock }), { migration });
}

function driverOver(stores: Stores, changing: Changing): StorageDriver {
  /** Asks the store that reads go to; in the phase that looks back, the old one too, and what it alone has is brought over. */
  async function ask<T>(
    path: string,
    given: AbortSignal | undefined,
    request: (store: Backend, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    let isBehind = false;
    const asked = changing.within(given, async (rule, _, signal) => {
      try {
        return await request(stores[rule.reads], signal);
      } catch (error) {
        isBehind = rule.looksBack && OmniError.is(error, "NOT_FOUND") && (await stores.old.exists(path, { signal }));
        throw error;
      }
    });
    return asked.catch(async (error: unknown) => {
      if (!isBehind) throw error;
      await changing.align(path, given);
      return changing.within(given, (rule, _, signal) => request(stores[rule.reads], signal));
    });
  }

  return {
    scheme: "migrating",
    features: sharedFeatures(stores.old.features, stores.new.features),
    read: (path, options) => ask(path, options.signal, (store, signal) => readFrom(store, path, { ...options, signal })),
    stat: (path, options) => ask(path, options.signal, (store, signal) => store.stat(path, { signal })),
    async *list(prefix, options) {
      const listed = await changing.within(options.signal, async (rule) => stores[rule.reads].list(prefix, options));
      yield* listed;
    },
    write: (path, body, { signal: given, ...options }) => {
      const { ifNoneMatch, ...unconditional } = { ...options, stamp: options.stamp ?? { id: Stores.freshId() } };
      return changing.change<ObjectInfo>({
        path,
        signal: given,
        first: (store, signal) => store.write(path, body, { ...unconditional, ifNoneMatch, signal }),
        ...(body instanceof Uint8Array
          ? { other: (store: Backend, signal: AbortSignal) => store.write(path, body, { ...unconditional, signal }) }
          : {}),
      });
    },
    delete: (path, { signal: given }) => {
      const remove = (store: Backend, signal: AbortSignal): Promise<void> => store.delete(path, { signal });
      return changing.change<void>({ path, signal: given, first: remove, other: remove });
    },
  };
}

async function readFrom(store: Backend, path: string, options: DriverReadOptions): Promise<DriverRead> {
  const reader = await store.read(path, options);
  return { info: reader.info, body: reader, unsized: reader.sizeBytes === undefined };
}
