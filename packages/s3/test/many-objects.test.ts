import { recordCounts } from "@omni/property";
import { s3 } from "@omni/s3";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { longListing } from "@omni/store-trials";
import { emptied, freshStore, makeBucket, optionsFor, prefixOf } from "./store.ts";

// Three pages of a thousand; the full tier lists 12,000.
const OBJECTS = Number(process.env.OMNI_RUNS ?? 2_200);
const PAGE = 1_000;

await describeWithServer("s3", "a long listing", (current: () => RunningServer) => {
  beforeAll(() => makeBucket(current()));

  test(`of ${OBJECTS} objects is whole, in order, and asks for a page when its first entry is wanted`, async () => {
    const store = freshStore(current());
    const { listed, wanted, requestsAtFirst, requestsAtPage, requests } = await longListing({
      store,
      url: current().url,
      objects: OBJECTS,
      pageSize: PAGE,
      watched: (proxy) => s3(optionsFor(current(), { prefix: prefixOf(store), endpoint: proxy.url })),
    });
    expect([requestsAtFirst, requestsAtPage]).toEqual([1, 1]);
    expect(listed).toEqual(wanted);
    // Where the last page is full a server may say only by an empty one that it was the last.
    expect(requests - Math.ceil(OBJECTS / PAGE)).toBeLessThanOrEqual(OBJECTS % PAGE === 0 ? 1 : 0);
    recordCounts({ objectsListed: listed.length });
    await emptied(current(), store);
    await store.close();
  }, 900_000);
});
