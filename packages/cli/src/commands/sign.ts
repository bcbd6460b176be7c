import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { objectAt } from "../places.ts";
import type { SIGN_OPTIONS } from "./tools.ts";

const DEFAULT_MS = 15 * 60_000;

/** `omni sign`. */
export const run: Run<OptionsOf<typeof SIGN_OPTIONS>> = async (context, [text = ""], options) => {
  const { out, signal } = context;
  const { method = "GET", expires = DEFAULT_MS, contentType, minSize, maxSize, responseContentType, downloadAs } = options;
  const { backend, path } = objectAt(await (await context.targets()).store(text), text);
  const signed = await backend.signUrl(path, {
    method,
    expiresInSeconds: Math.ceil(expires / 1_000),
    contentType,
    minBytes: minSize,
    maxBytes: maxSize,
    responseContentType,
    responseContentDisposition: downloadAs === undefined ? undefined : dispositionOf(downloadAs),
    signal,
  });
  const { url, headers, fields, expiresAt } = signed;
  await out.result({ url, method, headers, fields, expiresAt: expiresAt.toISOString() }, url);
  for (const [name, value] of Object.entries(headers)) await out.line(`${name}: ${value}`);
  for (const [name, value] of Object.entries(fields ?? {})) await out.line(`${name}=${value}`);
  out.note(`works until ${expiresAt.toISOString()}`);
};

/** RFC 6266: the plain form for all, and the one with any character. */
function dispositionOf(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const full = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}
