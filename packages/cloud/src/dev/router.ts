import type { IncomingMessage, ServerResponse } from "node:http";
import type { Backend } from "@omni/core";
import type { CloudSet } from "../cloud-set.ts";
import { type CloudsApi, CURRENT } from "../clouds.ts";
import { invalid } from "../errors.ts";
import { claimedGrant, type Grant, grantOfPolicy, grantText, isSignature, signature, storeOf } from "../local-signing.ts";
import type { Slot } from "../slot.ts";
import { acceptForm, acceptPut, type FormFields } from "./accepting.ts";
import { Refusal, refuse } from "./answer.ts";
import { serve } from "./serving.ts";

/** What `devRouter` takes. */
export interface DevRouterOptions {
  /** Value of `access-control-allow-origin`, for pages of another origin. @default none */
  readonly allowOrigin?: string | undefined;
}

/** What `defineClouds` or `scoped` gave. */
export type AnyClouds = Pick<CloudsApi, "names">;

/** A plain Node handler. Requests outside of the clouds' `baseUrl` go to `next`, or are answered with 404. */
export type DevHandler = (request: IncomingMessage, response: ServerResponse, next?: () => void) => Promise<void>;

/**
 * Serves and accepts the URLs that `url` and `signUpload` sign for clouds with a `baseUrl`, in the scope that the request is handled in. Every URL is checked before
 * anything is read: signature (HMAC-SHA256, compared in constant time), expiry, method, type and length.
 */
export function devRouter(clouds: AnyClouds, options: DevRouterOptions = {}): DevHandler {
  const current = currentOf(clouds);
  return async (request, response, next) => {
    try {
      const set = current();
      const target = targetOf(set, request.url ?? "");
      if (!target) return next ? next() : refuse(request, response, new Refusal(404, "NOT_FOUND"));
      if (options.allowOrigin !== undefined) allow(response, options.allowOrigin);
      if (request.method === "OPTIONS" && options.allowOrigin !== undefined) response.writeHead(204).end();
      else await handle(set, target, request, response);
    } catch (error) {
      refuse(request, response, error);
    }
  };
}

/** As much of Fastify as the plugin uses. */
export interface FastifyLike {
  /** Takes away the parsers of this plugin's scope. */
  removeAllContentTypeParsers(): void;
  /** Sets the one that leaves every body unread. */
  addContentTypeParser(
    type: "*",
    options: Record<string, never>,
    parser: (request: unknown, payload: unknown) => Promise<undefined>,
  ): unknown;
  /** Adds the route of a cloud. */
  route(options: {
    method: string[];
    url: string;
    exposeHeadRoute: boolean;
    handler: (request: { raw: IncomingMessage }, reply: { raw: ServerResponse; hijack(): unknown }) => void;
  }): unknown;
}

/**
 * The router as a Fastify plugin: `app.register(devPlugin, { clouds })`. Register it where no prefix is; the paths are those of the clouds' `baseUrl`.
 */
export async function devPlugin(app: FastifyLike, options: DevRouterOptions & { readonly clouds: AnyClouds }): Promise<void> {
  const { clouds, ...rest } = options;
  const handler = devRouter(clouds, rest);
  const { slots } = currentOf(clouds)();
  // Bodies are read by the router, within the limits of their grants.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", {}, async () => undefined);
  const folders = new Set([...slots.values()].flatMap((slot) => basePathOf(slot) ?? []));
  for (const folder of folders)
    app.route({
      method: ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"],
      url: `${folder}/*`,
      exposeHeadRoute: false,
      handler: (request, reply) => {
        reply.hijack();
        // It answers every error itself.
        void handler(request.raw, reply.raw);
      },
    });
}

function currentOf(clouds: AnyClouds): () => CloudSet {
  const current = (clouds as { readonly [CURRENT]?: () => CloudSet })[CURRENT];
  if (!current) throw invalid("devRouter", "give what defineClouds returned");
  return current;
}

function allow(response: ServerResponse, origin: string): void {
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-allow-methods", "GET, HEAD, PUT, POST, DELETE");
  response.setHeader("access-control-allow-headers", "content-type, range");
  response.setHeader("access-control-expose-headers", "etag, content-range");
}

/** What a request is for. Nothing of it is believed before its signature is good. */
interface Target {
  readonly slot: Slot;
  readonly path: string;
  readonly query: URLSearchParams;
}

function basePathOf({ definition: { baseUrl } }: Slot): string | undefined {
  return baseUrl === undefined ? undefined : new URL(baseUrl).pathname.replace(/\/+$/, "");
}

function targetOf(set: CloudSet, url: string): Target | undefined {
  const mark = url.indexOf("?");
  const pathname = mark < 0 ? url : url.slice(0, mark);
  for (const slot of set.slots.values()) {
    const base = basePathOf(slot);
    const folder = `${base}/${encodeURIComponent(slot.name)}/`;
    if (base === undefined || !pathname.startsWith(folder)) continue;
    try {
      const path = pathname.slice(folder.length).split("/").map(decodeURIComponent).join("/");
      return { slot, path, query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)) };
    } catch {
      throw new Refusal(400, "the path is not percent-encoded UTF-8");
    }
  }
  return undefined;
}

async function handle(set: CloudSet, target: Target, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const backend = await target.slot.backend();
  if (request.method === "POST")
    return acceptForm(request, response, async (fields) => ({ grant: formGrant(set, target.slot, backend, fields), backend }));
  const grant = urlGrant(set, target, backend, request.method);
  if (grant.method === "GET") return serve(request, response, backend, grant);
  if (grant.method === "PUT") return acceptPut(request, response, backend, grant);
  await backend.delete(grant.path);
  response.writeHead(204).end();
}

function urlGrant(set: CloudSet, { slot, path, query }: Target, backend: Backend, method: string | undefined): Grant {
  const claimed = claimedGrant(slot.name, path, query);
  const expected = signature(set.family.secret, "url", storeOf(backend), claimed ? grantText(claimed.grant) : "");
  if (!claimed || !isSignature(claimed.given, expected)) throw badSignature();
  checkExpiry(set, claimed.grant);
  if ((method === "HEAD" ? "GET" : method) !== claimed.grant.method)
    throw new Refusal(405, `the URL is signed for ${claimed.grant.method}`, { allow: claimed.grant.method });
  return claimed.grant;
}

function formGrant(set: CloudSet, slot: Slot, backend: Backend, fields: FormFields): Grant {
  const { policy = "", signature: given = "", key } = fields;
  if (!isSignature(given, signature(set.family.secret, "policy", storeOf(backend), policy))) throw badSignature();
  const grant = grantOfPolicy(policy);
  if (grant.method !== "POST" || grant.cloud !== slot.name || grant.path !== key) throw badSignature();
  checkExpiry(set, grant);
  return grant;
}

function checkExpiry({ family }: CloudSet, { expires }: Grant): void {
  if (family.clock.now() >= expires * 1000) throw new Refusal(403, "the signature has expired");
}

function badSignature(): Refusal {
  return new Refusal(403, "the signature does not fit this request");
}
