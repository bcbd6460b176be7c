import { OmniError, open } from "@omni/core";
import { memory } from "@omni/memory";
import { classifyError } from "../src/errors.ts";

test("two stores are two stores, and a store is itself", () => {
  const [one, two] = [memory(), memory()];
  expect(one.driver.identity).toMatch(/^memory:/);
  expect(one.driver.identity).not.toBe(two.driver.identity);
});

test("an etag of one store is none of another", async () => {
  const [one, two] = [memory(), memory()];
  const { etag = "" } = await one.write("a", "x");
  await two.write("a", "x");
  await expect(two.write("a", "y", { ifMatch: etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
});

test("maxObjectBytes holds for bytes and streams", async () => {
  const store = memory({ maxObjectBytes: 4 });
  await store.write("a", "1234");
  await expect(store.write("a", "12345")).rejects.toMatchObject({ code: "TOO_LARGE", outcome: "not-applied" });
  await expect(store.write("a", ["123", "45"])).rejects.toMatchObject({
    code: "TOO_LARGE",
    message: expect.stringContaining("maxObjectBytes") as string,
  });
  await expect(store.stage("b", ["123", "45"])).rejects.toMatchObject({ code: "TOO_LARGE" });
  expect(await (await store.read("a")).text()).toBe("1234");
  expect(store.features.maxObjectBytes).toBe(4);
});

test("modification times come from the clock", async () => {
  const clock = { now: () => 86_400_000, setTimeout: () => 0, clearTimeout: () => {} };
  const store = memory({ clock });
  expect((await store.write("a", "x")).modifiedAt?.toISOString()).toBe("1970-01-02T00:00:00.000Z");
});

test("info given away cannot change the object", async () => {
  const store = memory();
  const metadata = { a: "1" };
  const info = await store.write("a", "x", { metadata, stamp: { id: "w", counter: 1 }, modifiedAt: new Date(0) });
  info.modifiedAt?.setFullYear(1999);
  expect(() => Object.assign(info.metadata ?? {}, { a: "2" })).toThrow(TypeError);
  const again = await store.stat("a");
  expect({ time: again.modifiedAt?.getTime(), metadata: { ...again.metadata }, stamp: { ...again.stamp } }).toEqual({
    time: 0,
    metadata: { a: "1" },
    stamp: { id: "w", counter: 1 },
  });
});

test("a copy is a write of its own: it has no stamp", async () => {
  const store = memory();
  await store.write("a", "x", { stamp: { id: "w", counter: 1 } });
  await store.copy("a", "b");
  await store.move("a", "c");
  expect([(await store.stat("b")).stamp, (await store.stat("c")).stamp]).toEqual([undefined, undefined]);
});

test("a staged write is found by its path and its token", async () => {
  const store = memory();
  const { token } = await store.stage("a", "x");
  expect((await store.resumeStage("b", token)).state).toBe("gone");
  expect((await store.resumeStage("a", token)).state).toBe("staged");
});

test.each([
  [{ maxObjectByte: 1 }, /unknown option "maxObjectByte"; did you mean "maxObjectBytes"/],
  [{ maxObjectBytes: 0 }, /1 or more/],
  [{ maxObjectBytes: "5" }, /whole number/],
  [{ clock: 7 }, /clock/],
  [null, /object/],
])("bad options are refused: %j", (options, words) => {
  expect(() => memory(options as never)).toThrow(words);
  expect(() => memory(options as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("opens by name, with text", async () => {
  const store = await open("memory", { max_object_bytes: "3" });
  await store.write("a", "123");
  await expect(store.write("a", "1234")).rejects.toMatchObject({ code: "TOO_LARGE" });
  await store.close();
});

test.each([
  [new RangeError("Array buffer allocation failed"), "TOO_LARGE"],
  [new RangeError("Invalid typed array length: 9007199254740991"), "TOO_LARGE"],
  [Object.assign(new RangeError("Cannot create a Buffer larger than 4 GB"), { code: "ERR_BUFFER_TOO_LARGE" }), "TOO_LARGE"],
  [new RangeError("Maximum call stack size exceeded"), undefined],
  [new Error("allocation failed"), undefined],
  [undefined, undefined],
  [null, undefined],
  ["allocation failed", undefined],
])("classifyError(%p)", (error, code) => {
  expect(classifyError(error)).toBe(code);
});

test("what is closed is gone", async () => {
  const store = memory();
  await store.write("a", "x");
  await store.close();
  await expect(store.read("a")).rejects.toThrow(OmniError);
  await expect(store.driver.stat("a", {})).rejects.toMatchObject({ code: "NOT_FOUND" });
});
