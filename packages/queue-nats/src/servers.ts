import { OmniError } from "@omni/core";
import type { NatsAuth } from "./client.ts";

/** Addresses of servers, taken apart. */
export interface Servers {
  /** `host:port`, without scheme and secrets. */
  readonly servers: readonly string[];
  /** All of them, as errors show them. */
  readonly where: string;
  /** What stood before the `@`. */
  readonly auth: NatsAuth | undefined;
  readonly isTls: boolean;
}

/**
 * Takes addresses apart: `nats://`, `tls://` or no scheme, several separated by commas.
 *
 * @throws OmniError INVALID_ARGUMENT; its message holds no user part
 */
export function parseServers(given: string | readonly string[]): Servers {
  const texts = (typeof given === "string" ? given.split(",") : given)
    .map((text) => String(text).trim())
    .filter((text) => text !== "");
  if (texts.length === 0) throw invalid("it is empty");
  const urls = texts.map(parse);
  const auths = urls.map(authOf);
  const [auth] = auths;
  if (auths.some((other) => JSON.stringify(other) !== JSON.stringify(auth)))
    throw invalid("its addresses name different users: name one in the option `auth`");
  const servers = urls.map((url) => `${url.hostname}:${url.port || "4222"}`);
  return { servers, where: servers.join(","), auth, isTls: urls.some((url) => url.protocol === "tls:") };
}

function parse(text: string): URL {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `nats://${text}`;
  const url = URL.parse(withScheme);
  const shown = JSON.stringify(text.replace(/\/\/[^/]*@|^[^/]*@/, (found) => (found.startsWith("//") ? "//***@" : "***@")));
  if (!url || url.hostname === "") throw invalid(`${shown} is no address`);
  if (url.protocol !== "nats:" && url.protocol !== "tls:") throw invalid(`${shown} has the scheme ${url.protocol}//`);
  return url;
}

function authOf({ username, password }: URL): NatsAuth | undefined {
  if (username === "") return undefined;
  const user = decodeURIComponent(username);
  return password === "" ? { token: user } : { user, password: decodeURIComponent(password) };
}

function invalid(what: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason: `url: ${what}; it has to be like "nats://host:4222" or "tls://host:4222"` });
}
