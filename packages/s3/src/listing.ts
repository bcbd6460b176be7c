import { comparePaths, type DriverListOptions, type ObjectInfo, OmniError } from "@omni/core";
import type { Context } from "./context.ts";
import { defined, quoted } from "./objects.ts";
import type { Output } from "./wire.ts";

type Page = Output<"ListObjectsV2">;
type ListedObject = NonNullable<Page["Contents"]>[number];

/**
 * Lists page by page, lazily: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html. The next page is on its way while the entries of
 * one are taken, from the second entry on: who wants but one does not pay for two pages.
 */
export async function* list(context: Context, prefix: string, options: DriverListOptions): AsyncGenerator<ObjectInfo, undefined> {
  const { settings, key } = context;
  const { startAfter, signal } = options;
  const end = new AbortController();
  const ask = pagesOf(context, prefix, options, signal === undefined ? end.signal : AbortSignal.any([signal, end.signal]));
  let token: string | undefined;
  let ahead: Promise<Page> | undefined;
  try {
    while (true) {
      const page: Page = await (ahead ?? ask(token));
      ahead = undefined;
      const next = page.IsTruncated ? page.NextContinuationToken : undefined;
      const isCut = page.IsTruncated && (!next || next === token);
      let taken = 0;
      for (const entry of entriesOf(page, settings.prefix, key(prefix))) {
        if (startAfter !== undefined && comparePaths(entry.path, startAfter) <= 0) continue;
        if (taken++ === 1 && next && !isCut) {
          ahead = ask(next);
          ahead.catch(() => {
            // Found when this page is taken; nobody's when the listing is given up before.
          });
        }
        yield entry;
      }
      if (isCut)
        throw new OmniError("UNKNOWN", {
          reason: `the store cut the listing of ${JSON.stringify(prefix)} short without saying how to go on: it is not complete`,
        });
      if (!next) return;
      token = next;
    }
  } finally {
    end.abort();
  }
}

/** Asks for pages: the first by no token. */
function pagesOf(
  { send, key }: Context,
  prefix: string,
  options: DriverListOptions,
  signal: AbortSignal,
): (token?: string) => Promise<Page> {
  const { delimiter, startAfter, pageSize } = options;
  return (token) => {
    const after = startAfter === undefined || token !== undefined ? undefined : key(startAfter);
    const wishes = defined({ Delimiter: delimiter, MaxKeys: pageSize, ContinuationToken: token, StartAfter: after });
    // Keys may hold characters that XML cannot.
    return send("ListObjectsV2", { Prefix: key(prefix), EncodingType: "url", ...wishes }, signal);
  };
}

/** The entries of a page in byte order: objects and groups come in two lists. */
function entriesOf(page: Page, root: string, asked: string): ObjectInfo[] {
  const decode = page.EncodingType === "url" ? decodeKey : (text: string) => text;
  const entries: ObjectInfo[] = [];
  for (const object of page.Contents ?? []) {
    if (object.Key === undefined) continue;
    const key = decode(object.Key);
    // A folder's own marker, as consoles make it, is not something in the folder.
    if (key === asked && key.endsWith("/")) continue;
    entries.push(entryOf(key.slice(root.length), object));
  }
  const groups = page.CommonPrefixes ?? [];
  for (const { Prefix } of groups)
    if (Prefix !== undefined) entries.push({ path: decode(Prefix).slice(root.length), size: 0, isDirectory: true });
  return groups.length === 0 ? entries : entries.sort((a, b) => comparePaths(a.path, b.path));
}

function entryOf(path: string, { Size = 0, LastModified, ETag }: ListedObject): ObjectInfo {
  const entry: { -readonly [field in keyof ObjectInfo]: ObjectInfo[field] } = { path, size: Size };
  const etag = quoted(ETag);
  if (LastModified !== undefined) entry.modifiedAt = LastModified;
  if (etag !== undefined) entry.etag = etag;
  if (path.endsWith("/")) entry.isDirectory = true;
  return entry;
}

// A form's encoding: a space is a plus.
function decodeKey(text: string): string {
  return /[%+]/.test(text) ? decodeURIComponent(text.replaceAll("+", "%20")) : text;
}
