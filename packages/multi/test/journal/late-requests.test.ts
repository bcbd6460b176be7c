import { createHash } from "node:crypto";
import { type Backend, collect, createBackend, type ObjectInfo, OmniError, wrap } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { multi } from "@omni/multi";
import { all, rejection, setUp, textAt } from "./journal-group.ts";

describe("requests that come late or twice", () => {
  test.each(["commit", "delete"] as const)("a late %s does not undo what was decided since", async (on) => {
    const { group, faults, stores } = setUp();
    await group.write("p", "old");
    faults.add({ on, do: "apply-late", once: true });
    await (on === "commit" ? group.write("p", "first") : group.delete("p"));
    expect(await group.recover()).toEqual({ finished: 0, aborted: 0, open: 0 });
    await group.write("p", "second");
    expect(faults.late).toBe(1);
    await faults.flush();
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["second", "second"]);
  });

  test("an owner that stands still while others finish and write on does no harm", async () => {
    const { group, open, faults, stores } = setUp();
    await group.write("p", "old");
    faults.add({ on: "commit", do: "hang", once: true });
    const writing = group.write("p", "slow");
    await faults.struck();
    const other = open();
    await other.write("p", "fast");
    faults.release();
    // It was decided and carried out, before the other one.
    expect((await writing).outcomes.map(({ state }) => state)).toEqual(["committed", "committed"]);
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["fast", "fast"]);
  });

  test("the journal's answers may be lost", async () => {
    const { clock, journal, members, stores } = setUp();
    const lossy = faulty(journal, [], { clock });
    const group = multi(members, { journal: lossy, clock });
    await group.write("p", "old");
    // The decision, a repetition of it, and the end.
    lossy.faults.add({ on: "write", do: "fail-after-commit", times: 3 });
    await group.write("p", "new");
    expect(lossy.faults.log).toHaveLength(3);
    expect(await textAt(stores.b, "p")).toBe("new");
    expect(await group.recover()).toEqual({ finished: 0, aborted: 0, open: 0 });
  });

  test("a journal that goes away at the decision leaves the write in doubt, and what is staged stays", async () => {
    const { clock, journal, members, stores } = setUp();
    const lossy = faulty(journal, [], { clock });
    const group = multi(members, { journal: lossy, clock });
    await group.write("p", "old");
    lossy.faults.add({ on: "write", do: "apply-late", once: true });
    lossy.faults.add({ on: "write", do: "hang" });
    const error = await rejection(group.write("p", "new"));
    expect(error).toMatchObject({ code: "IN_DOUBT", outcome: "unknown" });
    lossy.faults.clear();
    expect(await all(group.intents())).toEqual([]);
    await lossy.faults.flush();
    expect((await all(group.intents())).map(({ id }) => id)).toEqual([error.intent]);
    expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["new", "new"]);
  });
});

describe("a store whose etags repeat with the bytes", () => {
  /** The memory store with etags of its bytes, conditional deletes under them. */
  function likeAws(store: Backend): Backend {
    const { driver } = store;
    const seen = async (info: ObjectInfo): Promise<ObjectInfo> => {
      const { body } = await driver.read(info.path, {});
      return {
        ...info,
        etag: createHash("md5")
          .update(await collect(body))
          .digest("hex"),
        version: info.etag,
      };
    };
    const features = { ...driver.features, conditional: { create: true, replace: "etag" as const, delete: true } };
    return createBackend(
      wrap(driver, {
        features,
        stat: async (path, options) => seen(await driver.stat(path, options)),
        async delete(path, { ifMatch, ...options }) {
          if (ifMatch === undefined) return driver.delete(path, options);
          const { etag, version } = await seen(await driver.stat(path, options));
          if (etag !== ifMatch) throw new OmniError("PRECONDITION_FAILED", { outcome: "not-applied" });
          await driver.delete(path, { ...options, ifMatch: version });
        },
      }),
    );
  }

  test("a delete that comes late does not hit a successor with the same bytes", async () => {
    const { stores, journal, clock } = setUp();
    const b = faulty(likeAws(stores.b), [], { clock });
    const group = multi(
      [
        { name: "a", backend: stores.a },
        { name: "b", backend: b },
      ],
      { journal, clock },
    );
    await group.write("p", "same");
    b.faults.add({ on: "delete", do: "apply-late", once: true });
    await group.delete("p");
    expect(await textAt(stores.b, "p")).toBeUndefined();
    await group.write("p", "same");
    expect(b.faults.late).toBe(1);
    await b.faults.flush();
    expect(await textAt(stores.b, "p")).toBe("same");
  });
});
