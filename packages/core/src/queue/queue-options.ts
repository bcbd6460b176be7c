import { checkCount, invalidOption } from "./check.ts";
import type { EnvelopeForm } from "./envelope.ts";
import type { QueueFeatures } from "./features.ts";

/** Milliseconds of a call that gives no limit of its own. */
export const DEFAULT_TIMEOUT_MS = 10_000;

export function checkGroup(group: unknown): string {
  if (typeof group === "string" && /^[\x21-\x7e]{1,200}$/.test(group)) return group;
  throw invalidOption("group", group, "1 to 200 printable ASCII characters without blanks");
}

export function checkForm(form: unknown, features: QueueFeatures): EnvelopeForm {
  if (form !== "binary" && form !== "json") throw invalidOption("form", form, '"binary" or "json"');
  if (form === "binary" && !features.headers) throw invalidOption("form", form, '"json": this broker has no headers');
  return form;
}

export function checkTimeout(name: string, value: unknown): number {
  if (value === Number.POSITIVE_INFINITY) return value as number;
  return checkCount(name, value);
}

export function timeOf(name: string, time: Date | number | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Number(time);
  if (!Number.isFinite(ms)) throw invalidOption(name, time, "a Date or milliseconds since the epoch");
  return ms;
}
