import { recordCounts } from "@omni/property";
import { s3 } from "@omni/s3";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { longListing } from "@omni/store-trials";
import { emptied, freshStore, makeBucket, optionsFor, prefixOf } from "@omni/store-trials/s3";

// The full tier lists 12,000.
const OBJECTS = Number(process.env.OMNI_RUNS ?? 2_200);

await describeWithServer("s3", "a long listing", (current: () => RunningServer) => {
  beforeAll(() => makeBucket(current()));

  test(`of ${OBJECTS} objects is whole, in order, and asks for a page when its first entry is wanted`, async () => {
    const store = freshStore(current());
    const { listed, violations } = await longListing({
      store,
      url: current().url,
      objects: OBJECTS,
      // Three pages, asked for: a server may have no limit of its own.
      pageSize: 1_000,
      watched: (proxy) => s3(optionsFor(current(), { prefix: prefixOf(store), endpoint: proxy.url })),
    });
    expect(violations).toEqual([]);
    expect(listed).toBe(OBJECTS);
    recordCounts({ objectsListed: listed });
    await emptied(current(), store);
    await store.close();
  }, 900_000);
});
