import { faultProxy } from "@omni/fault-proxy";
import { gcs } from "@omni/gcs";
import { recordCounts } from "@omni/property";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { emptied, freshStore, makeBucket, optionsFor } from "./store.ts";

// Three pages of a thousand; the full tier lists 12,000.
const OBJECTS = Number(process.env.OMNI_RUNS ?? 2_200);
// Asked for: the test server has no limit of its own.
const PAGE = 1_000;

await describeWithServer("gcs", "a long listing", (current: () => RunningServer) => {
  beforeAll(() => makeBucket(current()));

  test(`of ${OBJECTS} objects is whole, in order, and asks for a page when its first entry is wanted`, async () => {
    const store = freshStore(current());
    const paths = Array.from({ length: OBJECTS }, (_, at) => `folder ${at % 7}/${at.toString(36).padStart(4, "0")}`);
    const queue = paths.values();
    const write = async (): Promise<void> => {
      for (const path of queue) await store.write(path, path);
    };
    await Promise.all(Array.from({ length: 32 }, write));

    const requests: string[] = [];
    await using proxy = await faultProxy(current().url, { onExchange: ({ path }) => void requests.push(path ?? "") });
    const identity = store.driver.identity ?? "";
    const prefix = decodeURIComponent(identity.slice(identity.lastIndexOf("|") + 1));
    const watched = gcs(optionsFor(current(), { prefix, apiEndpoint: proxy.url }));
    const listed: string[] = [];
    let pages: number | undefined;
    for await (const { path } of watched.list("", { pageSize: PAGE })) {
      pages ??= requests.length;
      listed.push(path);
      if (listed.length === PAGE) expect(requests).toHaveLength(1);
    }
    expect(pages).toBe(1);
    expect(listed).toEqual(paths.toSorted());
    // Where the last page is full a server may say only by an empty one that it was the last.
    expect(requests.length - Math.ceil(OBJECTS / PAGE)).toBeLessThanOrEqual(OBJECTS % PAGE === 0 ? 1 : 0);
    recordCounts({ objectsListed: listed.length });
    await watched.close();
    await emptied(current(), store);
    await store.close();
  }, 900_000);
});
