import { createBackend, extend } from "@omni/core";
import { recording } from "@omni/core/testing";
import { memory } from "@omni/memory";

test("counts what is asked of the driver", async () => {
  const watched = recording(memory());
  await watched.write("a", "x");
  await watched.exists("a");
  await watched.stat("a");
  const staged = await watched.stage("b", "y");
  await staged.commit();
  await (await watched.resumeStage("b", staged.token)).discard();
  for await (const { path } of watched.list()) expect(["a", "b"]).toContain(path);
  await watched.deleteMany(["a", "b"]);
  expect(watched.requests.counts()).toEqual({
    write: 1,
    stat: 2,
    stage: 1,
    commit: 1,
    resumeStage: 1,
    discard: 1,
    list: 1,
    deleteMany: 1,
  });
  expect(watched.requests.count("stat", "list")).toBe(3);
  expect(watched.requests.log[0]).toMatchObject({ operation: "write", path: "a" });
  watched.requests.clear();
  expect(watched.requests.count()).toBe(0);
});

test("counts the pushes of a writer", async () => {
  const pushed: string[] = [];
  const { driver } = memory();
  const backend = createBackend({
    ...driver,
    openWriter: (path) => ({
      write: async (chunk) => void pushed.push(Buffer.from(chunk).toString()),
      close: async () => ({ path, size: pushed.join("").length }),
      abort: async () => {},
    }),
  });
  const watched = recording(backend);
  const writer = watched.createWriter("a");
  await writer.write("one");
  await writer.write("two");
  expect((await writer.close()).size).toBe(6);
  await watched.createWriter("b").abort();
  expect(watched.requests.counts()).toEqual({ push: 2, closeWriter: 1, abortWriter: 1 });
});

test("keeps what was added to the backend", () => {
  const extended = extend(memory(), { answer: 42 });
  expect(recording(extended).answer).toBe(42);
});
