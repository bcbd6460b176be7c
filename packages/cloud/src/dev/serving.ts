import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Backend, ObjectInfo } from "@omni/core";
import type { Grant } from "../local-signing.ts";
import { Refusal } from "./answer.ts";

/** Part of an object: `length` bytes from `offset`. */
interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Answers a GET or HEAD. */
export async function serve(request: IncomingMessage, response: ServerResponse, backend: Backend, grant: Grant): Promise<void> {
  const info = await backend.stat(grant.path);
  const headers = headersOf(info, grant);
  const { etag } = headers;
  if (etag !== undefined && matches(request.headers["if-none-match"], etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  // https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5: a condition that fails asks for the whole.
  const conditional = request.headers["if-range"];
  const range = conditional === undefined || conditional === etag ? rangeOf(request.headers.range, info.size) : undefined;
  const { offset, length } = range ?? { offset: 0, length: info.size };
  const all = {
    ...headers,
    "content-length": String(length),
    ...(range ? { "content-range": `bytes ${offset}-${offset + length - 1}/${info.size}` } : {}),
  };
  if (request.method === "HEAD" || length === 0) {
    response.writeHead(range ? 206 : 200, all).end();
    return;
  }
  const pinned = info.etag === undefined ? {} : { ifMatch: info.etag };
  const reader = await backend.read(grant.path, { ...pinned, ...(range ? { offset, limit: length } : {}) });
  try {
    response.writeHead(range ? 206 : 200, all);
    await pipeline(reader, response);
  } finally {
    await reader.close();
  }
}

function headersOf(info: ObjectInfo, grant: Grant): Record<string, string> {
  const disposition = grant.responseContentDisposition ?? info.contentDisposition;
  return {
    "content-type": grant.responseContentType ?? info.contentType ?? "application/octet-stream",
    "accept-ranges": "bytes",
    // What strangers uploaded must not act in the name of the application that serves it.
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'",
    ...(disposition === undefined ? {} : { "content-disposition": disposition }),
    ...(info.cacheControl === undefined ? {} : { "cache-control": info.cacheControl }),
    ...(info.contentEncoding === undefined ? {} : { "content-encoding": info.contentEncoding }),
    ...(info.etag === undefined ? {} : { etag: `"${encodeURIComponent(info.etag)}"` }),
    ...(info.modifiedAt === undefined ? {} : { "last-modified": info.modifiedAt.toUTCString() }),
  };
}

function matches(condition: string | undefined, etag: string): boolean {
  return (condition ?? "").split(",").some((one) => ["*", etag, `W/${etag}`].includes(one.trim()));
}

/** One range of bytes; several, and what cannot be read, are answered with the whole. https://www.rfc-editor.org/rfc/rfc9110#section-14.2 */
function rangeOf(header: string | undefined, size: number): Range | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [first, last] = [match[1], match[2]].map((digits) => (digits === "" ? undefined : Number(digits)));
  const from = first ?? Math.max(0, size - (last as number));
  const to = first === undefined ? size - 1 : Math.min(last ?? size - 1, size - 1);
  if (first !== undefined && last !== undefined && last < first) return undefined;
  if (from >= size || from > to) throw new Refusal(416, "this range is not satisfiable", { "content-range": `bytes */${size}` });
  return { offset: from, length: to - from + 1 };
}
