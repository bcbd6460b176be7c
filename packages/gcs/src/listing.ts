import { comparePaths, type DriverListOptions, type ObjectInfo, OmniError } from "@omni/core";
import { asBucketMissing } from "./errors.ts";
import { type Context, FIELDS, infoOf, type Resource } from "./objects.ts";

interface Page {
  readonly items?: readonly Resource[];
  readonly prefixes?: readonly string[];
  readonly nextPageToken?: string;
}

/** Lists page by page, lazily: https://cloud.google.com/storage/docs/json_api/v1/objects/list */
export async function* list(context: Context, prefix: string, options: DriverListOptions): AsyncGenerator<ObjectInfo, undefined> {
  const { settings, key } = context;
  const { delimiter, startAfter, pageSize, signal } = options;
  const query = {
    prefix: key(prefix) || undefined,
    delimiter,
    // Inclusive at this store, and not at ours: the one entry is left out below.
    startOffset: startAfter === undefined || startAfter === "" ? undefined : key(startAfter),
    maxResults: pageSize,
    fields: `items(${FIELDS}),prefixes,nextPageToken`,
  };
  for await (const page of pages(context, query, signal))
    for (const entry of entriesOf(page, settings.prefix, key(prefix)))
      if (startAfter === undefined || comparePaths(entry.path, startAfter) > 0) yield entry;
}

/** The pages of a listing; each is asked for when its first entry is. */
export async function* pages(
  context: Context,
  query: Readonly<Record<string, string | number | undefined>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Page, undefined> {
  let pageToken: string | undefined;
  while (true) {
    const page = await pageOf(context, { ...query, pageToken }, signal);
    yield page;
    const next = page.nextPageToken;
    if (!next) return;
    if (next === pageToken)
      throw new OmniError("UNKNOWN", {
        reason: "the store cut the listing short without saying how to go on: it is not complete",
      });
    pageToken = next;
  }
}

async function pageOf(
  { settings, wire }: Context,
  query: Readonly<Record<string, string | number | undefined>>,
  signal: AbortSignal | undefined,
): Promise<Page> {
  const path = `/storage/v1/b/${settings.bucket}/o`;
  try {
    const { text } = await wire.send({ operation: "objects.list", method: "GET", path, query, effect: "reads" }, signal);
    return JSON.parse(text) as Page;
  } catch (error) {
    throw asBucketMissing(error);
  }
}

/** The entries of a page in byte order: objects and groups come in two lists. */
function entriesOf({ items = [], prefixes = [] }: Page, root: string, asked: string): ObjectInfo[] {
  const entries: ObjectInfo[] = [];
  for (const resource of items) {
    // A folder's own marker, as the console makes it, is not something in the folder.
    if (resource.name === asked && resource.name.endsWith("/")) continue;
    const path = resource.name.slice(root.length);
    entries.push(path.endsWith("/") ? { ...infoOf(path, resource), isDirectory: true } : infoOf(path, resource));
  }
  for (const group of prefixes) entries.push({ path: group.slice(root.length), size: 0, isDirectory: true });
  return prefixes.length === 0 ? entries : entries.sort((a, b) => comparePaths(a.path, b.path));
}
