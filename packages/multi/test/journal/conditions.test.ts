import { OmniError } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { multi } from "@omni/multi";
import { rejection, setUp, textAt } from "./journal-group.ts";

describe("conditions are evaluated in the head", () => {
  test("ifNoneMatch and ifMatch, by write id", async () => {
    const { group, stores } = setUp();
    const first = await group.write("p", "one", { ifNoneMatch: "*" });
    expect(first.etag).toBe((await stores.a.stat("p")).stamp?.id);
    await expect(group.write("p", "no", { ifNoneMatch: "*" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    const second = await group.write("p", "two", { ifMatch: first.etag });
    await expect(group.write("p", "no", { ifMatch: first.etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    await expect(group.delete("p", { ifMatch: first.etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    await group.delete("p", { ifMatch: second.etag });
    expect(await textAt(stores.a, "p")).toBeUndefined();
    await group.write("p", "three", { ifNoneMatch: "*" });
    expect(await textAt(stores.b, "p")).toBe("three");
  });

  test("of many creates at once one wins, in several processes", async () => {
    const { open, stores } = setUp();
    const groups = [open(), open(), open()];
    const results = await Promise.allSettled(
      groups.flatMap((group, at) => [0, 1, 2].map((nth) => group.write("p", `${at}${nth}`, { ifNoneMatch: "*" }))),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results)
      if (result.status === "rejected") expect(OmniError.is(result.reason, "ALREADY_EXISTS")).toBe(true);
    expect(await textAt(stores.a, "p")).toBe(await textAt(stores.b, "p"));
  });

  test("a move leaves a source that was replaced meanwhile", async () => {
    const { group, open, stores } = setUp();
    await group.write("from", "old");
    const slow = faulty(stores.a, [{ on: "read", do: "hang", atByte: 1, once: true }]);
    const mover = multi(
      [
        { name: "a", backend: slow },
        { name: "b", backend: stores.b },
      ],
      { journal: setUp().journal, adopt: true },
    );
    const moving = rejection(mover.move("from", "to"));
    await slow.faults.struck();
    await mover.write("from", "new");
    slow.faults.release();
    expect(await moving).toMatchObject({ code: "PRECONDITION_FAILED" });
    expect(await textAt(stores.b, "to")).toBe("old");
    expect(await textAt(stores.b, "from")).toBe("new");
    expect(open).toBeDefined();
  });
});

test("an error of the source is thrown as it is, an abort as its reason, and nothing is left", async () => {
  const { group, stores } = setUp();
  const broken = new Error("the source broke");
  const source = async function* () {
    yield new Uint8Array(10);
    throw broken;
  };
  expect((await rejection(group.write("p", source()))).cause ?? (await rejection(group.write("p", source())))).toBe(broken);
  const reason = new Error("changed my mind");
  expect(await rejection(group.write("p", "x", { signal: AbortSignal.abort(reason) }))).toBe(reason);
  expect(await textAt(stores.a, "p")).toBeUndefined();
});
