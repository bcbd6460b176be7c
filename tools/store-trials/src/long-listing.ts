import type { Backend } from "@omni/core";
import { type FaultProxy, faultProxy } from "@omni/fault-proxy";

/** What is to be listed. */
export interface LongListing {
  /** Empty, and without a proxy between. */
  readonly store: Backend;
  /** Where the server answers. */
  readonly url: string;
  readonly objects: number;
  readonly pageSize: number;
  /** The same store, by way of the proxy. */
  watched(proxy: FaultProxy): Backend;
}

export interface LongListingReport {
  readonly listed: number;
  /** What is not as promised: whole, in byte order, a page asked for when its first entry is wanted. Has to be empty. */
  readonly violations: readonly string[];
}

/** Writes objects, some at once, and lists them while the requests are counted. */
export async function longListing({ store, url, objects, pageSize, watched }: LongListing): Promise<LongListingReport> {
  const paths = Array.from({ length: objects }, (_, at) => `folder ${at % 7}/${at.toString(36).padStart(4, "0")}`);
  const queue = paths.values();
  const write = async (): Promise<void> => {
    for (const path of queue) await store.write(path, path);
  };
  await Promise.all(Array.from({ length: 32 }, write));

  let requests = 0;
  const proxy = await faultProxy(url, { onExchange: () => void requests++ });
  const seen = watched(proxy);
  const listed: string[] = [];
  let requestsAtFirst = 0;
  let requestsAtPage = 0;
  for await (const { path } of seen.list("", { pageSize })) {
    if (listed.push(path) === 1) requestsAtFirst = requests;
    if (listed.length === pageSize) requestsAtPage = requests;
  }
  await seen.close();
  await proxy.close();

  const violations: string[] = [];
  if (listed.join("\n") !== paths.toSorted().join("\n")) violations.push(`${listed.length} entries, or another order`);
  if (requestsAtFirst !== 1) violations.push(`${requestsAtFirst} requests before the first entry`);
  if (requestsAtPage !== 1) violations.push(`${requestsAtPage} requests before the end of the first page`);
  // Where the last page is full a server may say only by an empty one that it was the last.
  const pages = Math.ceil(objects / pageSize) + (objects % pageSize === 0 ? 1 : 0);
  if (requests > pages) violations.push(`${requests} requests for ${pages} pages`);
  return { listed: listed.length, violations };
}
