import { type ErrorCode, OmniError, redact } from "@omni/core";

/** `ok`; `warn`: works, and should be looked at; `fail`: does not work; `skip`: could not be checked, or need not be. */
export type Level = "ok" | "warn" | "fail" | "skip";

/** What one check found. */
export interface Finding {
  readonly place: string;
  /** `read`, `write`, `clock`. */
  readonly check: string;
  readonly level: Level;
  readonly detail: string;
  /** What to do. */
  readonly remedy?: string | undefined;
}

/** How checks are made. */
export interface CheckSettings {
  readonly signal: AbortSignal;
  /** Milliseconds for each check. */
  readonly timeoutMs: number;
  readonly readOnly: boolean;
  readonly publish: boolean;
}

/** Gathers what checks find. */
export class Checkup {
  readonly counts: Record<Level, number> = { ok: 0, warn: 0, fail: 0, skip: 0 };
  readonly #told: (finding: Finding) => Promise<void>;

  /** @param told called with each finding, in order */
  constructor(told: (finding: Finding) => Promise<void>) {
    this.#told = told;
  }

  async find(finding: Finding): Promise<void> {
    this.counts[finding.level] += 1;
    await this.#told(finding);
  }

  /**
   * Makes one check.
   *
   * @param work gives the detail of a finding that is ok, or a finding of another level; what it throws is a failure
   * @returns why it failed; `undefined` when it did not
   */
  async check(
    place: string,
    check: string,
    work: () => Promise<string | Omit<Finding, "place" | "check">>,
    remedies: Partial<Record<ErrorCode, string>> = {},
    signal?: AbortSignal,
  ): Promise<unknown> {
    try {
      const found = await work();
      await this.find(typeof found === "string" ? { place, check, level: "ok", detail: found } : { place, check, ...found });
      return undefined;
    } catch (error) {
      signal?.throwIfAborted();
      const code = OmniError.is(error) ? error.code : undefined;
      const detail = redact(error instanceof Error ? error.message : String(error));
      await this.find({ place, check, level: "fail", detail, remedy: (code && remedies[code]) ?? undefined });
      return error;
    }
  }
}
