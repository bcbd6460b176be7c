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
  /** In the order in which they came. */
  readonly listed: readonly string[];
  /** What was written, in byte order. */
  readonly wanted: readonly string[];
  /** Requests that had been made when the first entry came. */
  readonly requestsAtFirst: number;
  /** Requests that had been made when the last entry of the first page had come. */
  readonly requestsAtPage: number;
  readonly requests: number;
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
  return { listed, wanted: paths.toSorted(), requestsAtFirst, requestsAtPage, requests };
}
