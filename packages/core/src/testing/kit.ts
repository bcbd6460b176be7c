import type { Backend } from "../backend.ts";
import { invalidArgument, nearest } from "../call-options.ts";
import type { Features } from "../features.ts";
import { type Checks, type Expect, makeChecks } from "./checks.ts";
import { GROUPS } from "./groups/index.ts";
import { type Case, type Group, type KitSizes, missingNeed, type Trial } from "./kit-case.ts";
import { within } from "./time-limit.ts";

/** What a kit needs of a test framework. jest, vitest and node:test fit as they are. */
export interface TestFramework {
  /** Groups cases. */
  describe(name: string, define: () => void): unknown;
  /** Registers a case. */
  test(name: string, run: () => Promise<void>, timeoutMs?: number): unknown;
  /** Shows differences in the framework's own way. node:test has none and needs none. */
  readonly expect?: Expect | undefined;
}

/** Options of {@link storageKit}. */
export interface StorageKitOptions {
  /**
   * What the backend declares, when it is known before the first one is made: then only cases that apply are registered. Without it all are, and
   * one whose ability the backend does not declare proves that its absence is said.
   */
  readonly features?: Features | undefined;
  /** Opens a second backend over the store of the first: for `durable` staging and for what outlives a backend. */
  readonly reopen?: ((backend: Backend) => Backend | Promise<Backend>) | undefined;
  /** Called after each case with the backends that it used, already closed: removes what they left. */
  readonly dispose?: ((backend: Backend) => unknown) | undefined;
  /** Cases that this backend cannot keep, by `group: case`, and why. Each must still fail, so that a gap that closed is noticed. */
  readonly known?: Readonly<Record<string, string>> | undefined;
  /** Entries per page in the paging cases, where 1,000 would take too long. @default the store's own pages */
  readonly pageSize?: number | undefined;
  /** Objects in the paging cases. @default 1,005, or two and a half pages */
  readonly pagedObjects?: number | undefined;
  /** Size of the large object, in bytes. @default 33,554,432 */
  readonly largeBytes?: number | undefined;
  /** Memory that streaming may take, in bytes. @default 16,777,216 */
  readonly ceilingBytes?: number | undefined;
  /** Milliseconds for one case. @default 60,000 */
  readonly timeoutMs?: number | undefined;
}

type MakeBackend = () => Backend | Promise<Backend>;

/**
 * Tests what a storage backend promises: one call in one test file. Every case gets a backend of its own.
 *
 * @param name of the backend, as it stands in the report
 * @param makeBackend makes a fresh backend over an empty store or an unused prefix
 * @param framework the test functions
 * @param options what this store needs
 * @throws OmniError INVALID_ARGUMENT when `known` names a case that there is not
 */
export function storageKit(
  name: string,
  makeBackend: MakeBackend,
  framework: TestFramework,
  options: StorageKitOptions = {},
): void {
  const { features, known = {}, timeoutMs = 60_000 } = options;
  checkKnown(known, features);
  const bench = new Bench(makeBackend, makeChecks(framework.expect), options, timeoutMs);
  framework.describe(name, () => {
    for (const group of GROUPS) {
      const cases = group.cases.filter((one) => !features || !missingNeed(group, one, features));
      if (cases.length === 0) continue;
      framework.describe(group.name, () => {
        for (const one of cases) {
          const gap = known[nameOf(group, one)];
          const run = gap === undefined ? () => bench.run(group, one) : () => bench.stillFails(group, one);
          // The framework's own limit comes later: the kit's says which case it was.
          framework.test(gap === undefined ? one.name : `${one.name} (known gap: ${gap})`, run, timeoutMs + 10_000);
        }
      });
    }
  });
}

function checkKnown(known: Readonly<Record<string, string>>, features: Features | undefined): void {
  const all = new Map(GROUPS.flatMap((group) => group.cases.map((one) => [nameOf(group, one), { group, one }] as const)));
  for (const name of Object.keys(known)) {
    const found = all.get(name);
    const missing = found && features && missingNeed(found.group, found.one, features);
    if (missing)
      throw invalidArgument(`known: the case "${name}" does not apply, since ${missing.label} is not declared; take it out`);
    if (found) continue;
    const names = [...all.keys()];
    const meant = nearest(name, names) ?? names.find((other) => other.startsWith(`${name.split(":")[0]}:`));
    throw invalidArgument(`known: there is no case "${name}"${meant === undefined ? "" : `; there is "${meant}"`}`);
  }
}

function nameOf(group: Group, one: Case): string {
  return `${group.name}: ${one.name}`;
}

/** Sets cases up, runs them, and cleans up. */
class Bench {
  readonly #make: MakeBackend;
  readonly #checks: Checks;
  readonly #options: StorageKitOptions;
  readonly #sizes: KitSizes;
  readonly #timeoutMs: number;

  constructor(make: MakeBackend, checks: Checks, options: StorageKitOptions, timeoutMs: number) {
    const { pageSize, pagedObjects = pageSize === undefined ? 1_005 : Math.ceil(pageSize * 2.5) } = options;
    const { largeBytes = 32 * 1024 * 1024, ceilingBytes = 16 * 1024 * 1024 } = options;
    this.#make = make;
    this.#checks = checks;
    this.#options = options;
    this.#sizes = { pageSize, pagedObjects, largeBytes, ceilingBytes };
    this.#timeoutMs = timeoutMs;
  }

  async run(group: Group, one: Case): Promise<void> {
    const opened: Backend[] = [];
    const [outcome] = await Promise.allSettled([
      within(this.#timeoutMs, `the case "${nameOf(group, one)}"`, () => this.#try(group, one, opened)),
    ]);
    const [cleaned] = await Promise.allSettled([within(this.#timeoutMs, "cleaning up", () => this.#cleanUp(opened))]);
    // What the case says comes first.
    for (const result of [outcome, cleaned]) if (result.status === "rejected") throw result.reason;
  }

  async #try(group: Group, one: Case, opened: Backend[]): Promise<void> {
    const backend = await this.#make();
    opened.push(backend);
    const trial = this.#trial(backend, opened);
    const missing = missingNeed(group, one, backend.features);
    await (missing ? missing.absent(trial) : one.run(trial));
  }

  /** A known gap: the case must fail. */
  async stillFails(group: Group, one: Case): Promise<void> {
    const failed = await this.run(group, one).then(
      () => false,
      () => true,
    );
    if (!failed) throw new Error(`the known gap "${nameOf(group, one)}" is closed: take it out of \`known\` and of the README`);
  }

  #trial(backend: Backend, opened: Backend[]): Trial {
    const { reopen } = this.#options;
    return {
      backend,
      features: backend.features,
      check: this.#checks,
      sizes: this.#sizes,
      reopen: async () => {
        if (!reopen)
          throw invalidArgument(
            "this store outlives its backend: give the kit `reopen`, which opens a second backend over the store of the first",
          );
        const again = await reopen(backend);
        opened.push(again);
        return again;
      },
    };
  }

  async #cleanUp(opened: readonly Backend[]): Promise<void> {
    for (const backend of opened) await backend.close();
    for (const backend of opened) await this.#options.dispose?.(backend);
  }
}
