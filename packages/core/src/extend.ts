import type { Backend } from "./backend.ts";
import { createBackend, SETTINGS } from "./create-backend.ts";
import type { StorageDriver } from "./driver.ts";
import type { BackendSettings } from "./runner.ts";

const EXTRAS: unique symbol = Symbol.for("@omni/core/extras@1");

type Extras = Readonly<Record<string, unknown>>;

/**
 * Adds methods and properties to a backend; layers over the result keep them.
 *
 * @param backend stays as it is
 * @param extras what to add or replace; getters stay getters
 */
export function extend<B extends Backend, const E extends object>(backend: B, extras: E): B & E {
  const merged = { ...extrasOf(backend), ...Object.getOwnPropertyDescriptors(extras) };
  const extended = Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(backend), ...merged });
  return Object.defineProperty(extended, EXTRAS, { value: merged, configurable: true }) as B & E;
}

function extrasOf(backend: Backend): PropertyDescriptorMap {
  return (backend as { [EXTRAS]?: PropertyDescriptorMap })[EXTRAS] ?? {};
}

/**
 * A driver with some methods replaced. It loses no ability and gains none: a replacement for a method that the driver does not have is left out.
 *
 * @param driver stays as it is
 * @param overrides the methods and facts to replace
 */
export function wrap<D extends StorageDriver>(driver: D, overrides: Partial<StorageDriver>): D {
  const kept = Object.entries(overrides).filter(
    ([name, value]) => value !== undefined && (typeof value !== "function" || name in driver),
  );
  return { ...driver, ...Object.fromEntries(kept) };
}

/**
 * Puts a layer over a backend: a new backend over the wrapped driver, with the extras of the old one.
 *
 * @param backend stays usable
 * @param overrides the driver's methods to replace, given the driver underneath
 * @param more settings that differ from the old one's
 */
export function layer<B extends Backend>(
  backend: B,
  overrides: (driver: StorageDriver) => Partial<StorageDriver>,
  more: BackendSettings = {},
): B {
  const settings = { ...(backend as { [SETTINGS]?: BackendSettings })[SETTINGS], ...more };
  const made = createBackend(wrap(backend.driver, overrides(backend.driver)), settings);
  return extend(made, Object.defineProperties({}, extrasOf(backend)) as Extras) as Backend as B;
}
