import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { comparePaths, type DriverListOptions, type ObjectInfo, OmniError } from "@omni/core";
import type { Context } from "./context.ts";
import { defined, quoted } from "./objects.ts";

/** Lists page by page, lazily: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export async function* list(context: Context, prefix: string, options: DriverListOptions): AsyncGenerator<ObjectInfo, undefined> {
  const { settings, send, key } = context;
  const { delimiter, startAfter, pageSize, signal } = options;
  let token: string | undefined;
  while (true) {
    const page = await send(
      "ListObjectsV2",
      {
        Prefix: key(prefix),
        // Keys may hold characters that XML cannot.
        EncodingType: "url",
        ...defined({
          Delimiter: delimiter,
          MaxKeys: pageSize,
          ContinuationToken: token,
          StartAfter: startAfter === undefined || token !== undefined ? undefined : key(startAfter),
        }),
      },
      signal,
    );
    for (const entry of entriesOf(page, settings.prefix, key(prefix)))
      if (startAfter === undefined || comparePaths(entry.path, startAfter) > 0) yield entry;
    if (!page.IsTruncated) return;
    const next = page.NextContinuationToken;
    if (!next || next === token)
      throw new OmniError("UNKNOWN", {
        reason: `the store cut the listing of ${JSON.stringify(prefix)} short without saying how to go on: it is not complete`,
      });
    token = next;
  }
}

/** The entries of a page in byte order: objects and groups come in two lists. */
function entriesOf(page: ListObjectsV2CommandOutput, root: string, asked: string): ObjectInfo[] {
  const decode = page.EncodingType === "url" ? decodeKey : (text: string) => text;
  const entries: ObjectInfo[] = [];
  for (const { Key, Size = 0, LastModified, ETag } of page.Contents ?? []) {
    if (Key === undefined) continue;
    const key = decode(Key);
    // A folder's own marker, as consoles make it, is not something in the folder.
    if (key === asked && key.endsWith("/")) continue;
    const path = key.slice(root.length);
    entries.push({
      path,
      size: Size,
      ...defined({ modifiedAt: LastModified, etag: quoted(ETag) }),
      ...(path.endsWith("/") ? { isDirectory: true } : {}),
    });
  }
  const groups = page.CommonPrefixes ?? [];
  for (const { Prefix } of groups)
    if (Prefix !== undefined) entries.push({ path: decode(Prefix).slice(root.length), size: 0, isDirectory: true });
  return groups.length === 0 ? entries : entries.sort((a, b) => comparePaths(a.path, b.path));
}

// A form's encoding: a space is a plus.
function decodeKey(text: string): string {
  return decodeURIComponent(text.replaceAll("+", "%20"));
}
