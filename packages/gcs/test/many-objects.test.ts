import { gcs } from "@omni/gcs";
import { recordCounts } from "@omni/property";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { longListing } from "@omni/store-trials";
import { emptied, freshStore, makeBucket, optionsFor, prefixOf } from "@omni/store-trials/gcs";

// The full tier lists 12,000.
const OBJECTS = Number(process.env.OMNI_RUNS ?? 2_200);

await describeWithServer("gcs", "a long listing", (current: () => RunningServer) => {
  beforeAll(() => makeBucket(current()));

  test(`of ${OBJECTS} objects is whole, in order, and asks for a page when its first entry is wanted`, async () => {
    const store = freshStore(current());
    const { listed, violations } = await longListing({
      store,
      url: current().url,
      objects: OBJECTS,
      // Three pages, asked for: a server may have no limit of its own.
      pageSize: 1_000,
      watched: (proxy) => gcs(optionsFor(current(), { prefix: prefixOf(store), apiEndpoint: proxy.url })),
    });
    expect(violations).toEqual([]);
    expect(listed).toBe(OBJECTS);
    recordCounts({ objectsListed: listed });
    await emptied(current(), store);
    await store.close();
  }, 900_000);
});
