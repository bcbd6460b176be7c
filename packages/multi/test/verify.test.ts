import { createBackend } from "@omni/core";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";

describe("verify", () => {
  test("says of every object where it is, by which proof, in order, as data and as text", async () => {
    const stores = [memory(), memory(), memory()];
    const store = multi(stores, { mode: "quorum" });
    await store.write("a", "equal");
    await store.write("b", "missing");
    await stores[2]?.delete("b");
    await store.write("c", "old");
    await stores[0]?.write("c", "new", { stamp: { id: "w", counter: 9 } });
    await stores[1]?.write("d", "only here");
    const verdicts = await Array.fromAsync(store.verify());
    expect(
      verdicts.map(({ path, equal, missingOn, differsOn, ambiguous }) => [path, equal, missingOn, differsOn, ambiguous]),
    ).toEqual([
      ["a", true, [], [], false],
      ["b", false, ["memory-3"], [], false],
      ["c", false, [], ["memory-2", "memory-3"], false],
      ["d", false, ["memory-1", "memory-3"], [], true],
    ]);
    const text = (await Array.fromAsync(store.verify().text())).join("");
    expect(text).toContain('"b": missing on memory-3 (by digest)\n');
    expect(text).toContain("4 objects, 24 bytes: 1 equal, 2 missing, 1 differ, 0 extra, 0 unanswered, 1 ambiguous");
    const lines = (await Array.fromAsync(store.verify().json())).map((line) => JSON.parse(line));
    expect(lines.map(({ path, summary }) => path ?? summary.objects)).toEqual(["b", "c", "d", 4]);
    const rest = store.verify({ cursor: "b" });
    expect(await rest.summary()).toMatchObject({ objects: 2 });
    expect((await store.verify({ prefix: "a" }).summary()).clean).toBe(true);
    await expect(store.verify({ content: "most" as never }).summary()).rejects.toThrow('content is "digest" or "size"');
  });

  test("what differs only because it was being written is looked at again", async () => {
    const stores = [memory(), memory()];
    const store = multi(stores);
    await store.write("a", "x");
    await stores[1]?.delete("a");
    const verifying = store.verify()[Symbol.asyncIterator]();
    const first = verifying.next();
    await store.write("a", "x");
    expect((await first).value).toMatchObject({ path: "a", equal: true });
  });

  test("bytes that rotted under one write id are found by the digest", async () => {
    const stores = [memory(), memory()];
    const store = multi(stores);
    const { stamp } = await store.write("a", "text");
    await stores[1]?.write("a", "tEXt", { stamp });
    expect(await Array.fromAsync(store.verify())).toMatchObject([{ equal: false, differsOn: ["memory-2"], proof: "digest" }]);
    expect((await store.verify({ content: "size" }).summary()).proofs["write id"]).toBe(1);
  });

  test("a listing that is not sorted is sorted on the way", async () => {
    const { driver } = memory();
    const shuffled = createBackend({
      ...driver,
      features: { ...driver.features, sortedList: false, listStartAfter: false },
      async *list(prefix, options) {
        const all = await Array.fromAsync(driver.list(prefix, { ...options, startAfter: undefined }));
        yield* all.reverse();
      },
    });
    const store = multi([memory(), shuffled]);
    for (let i = 0; i < 50; i++) await store.write(`k${i}`, String(i));
    expect(await store.verify().summary()).toMatchObject({ clean: true, objects: 50 });
    expect(await store.verify({ cursor: "k4" }).summary()).toMatchObject({ clean: true, objects: 15 });
  });
});
