import { type Backend, type ErrorCode, OmniError } from "@omni/core";
import type { CheckSettings, Finding } from "./checkup.ts";

/** S3 refuses requests that are dated so far off: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed). */
const REFUSED_MS = 15 * 60_000;
const NOTABLE_MS = 60_000;
const UNSIGNED: readonly ErrorCode[] = ["NOT_SUPPORTED", "UNAUTHENTICATED", "INVALID_ARGUMENT", "UNAVAILABLE", "TIMEOUT"];

/**
 * Compares this machine's clock with the Date of the store's answer to a signed request, whatever else it answers.
 *
 * @param path of an object that need not exist
 */
export async function clockOf(
  backend: Backend,
  path: string,
  { signal, timeoutMs }: Pick<CheckSettings, "signal" | "timeoutMs">,
): Promise<string | Omit<Finding, "place" | "check">> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const signed = await backend.signUrl(path, { method: "GET", expiresInSeconds: 60, signal: limit }).catch((error: unknown) => {
    signal.throwIfAborted();
    // Some accounts ask a service for a signature, which may be out of reach: that says nothing of the clock.
    if (limit.aborted || OmniError.is(error, ...UNSIGNED)) return undefined;
    throw error;
  });
  if (!signed) return { level: "skip", detail: "no request can be signed here, so the store's clock is not known" };
  const began = Date.now();
  let response: Response;
  try {
    response = await fetch(signed.url, {
      headers: signed.headers,
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
  } catch (error) {
    signal.throwIfAborted();
    return { level: "skip", detail: `no answer to take the time from: ${causeOf(error)}` };
  }
  const ended = Date.now();
  await response.body?.cancel();
  return judge(response.headers.get("date"), began, ended);
}

/**
 * What a Date header says of this machine's clock.
 *
 * @param date with whole seconds
 * @param began milliseconds since the epoch when the request was sent @param ended when the answer came
 */
export function judge(date: string | null, began: number, ended: number): string | Omit<Finding, "place" | "check"> {
  const at = Date.parse(date ?? "");
  if (Number.isNaN(at)) return { level: "skip", detail: "the answer has no Date" };
  // The header was written between the two, and its fraction of a second is cut off.
  const ahead = began - (at + 1_000);
  const behind = at - ended;
  const offMs = Math.max(0, ahead, behind);
  const detail = `this machine is ${(offMs / 1_000).toFixed(0)} s ${ahead > behind ? "ahead of" : "behind"} the store`;
  const remedy = "set the clock, best by NTP (timedatectl set-ntp true)";
  if (offMs >= REFUSED_MS) return { level: "fail", detail: `${detail}; from 15 minutes on signed requests are refused`, remedy };
  if (offMs >= NOTABLE_MS) return { level: "warn", detail, remedy };
  return offMs === 0 ? "agrees with the store's to the second" : `${detail}, which does no harm`;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
