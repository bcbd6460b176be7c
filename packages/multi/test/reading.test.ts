import { type Backend, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";
import { group, PATH, rejection } from "./faulty-group.ts";

describe("reading", () => {
  test("goes on to the next member when the first does not answer", async () => {
    const { store } = await group([[{ on: ["read", "stat", "list"], do: "fail" }], []]);
    expect(await (await store.read(PATH)).text()).toBe("old");
    expect(await store.exists(PATH)).toBe(true);
    expect((await Array.fromAsync(store.list())).map(({ path }) => path)).toEqual([PATH]);
  });

  test("names the member whose view it gives", async () => {
    const stores = [memory(), memory()];
    const store = multi(
      stores.map((backend, at) => ({ name: `m${at}`, backend })),
      { mode: "quorum", quorum: 1 },
    );
    await store.write(PATH, "both");
    await stores[0]?.delete(PATH);
    expect(await store.stat(PATH)).toMatchObject({ member: "m1" });
    expect((await store.read(PATH)).info).toMatchObject({ member: "m1" });
    const merged = multi(
      stores.map((backend, at) => ({ name: `m${at}`, backend })),
      { mode: "quorum", quorum: 1, readPolicy: "quorum" },
    );
    expect(await merged.stat(PATH)).toMatchObject({ member: "m1" });
    expect(await Array.fromAsync(merged.list())).toMatchObject([{ path: PATH, member: "m1" }]);
  });

  test("a listing that breaks off goes on at the next member, complete", async () => {
    const clock = new AutoClock();
    const stores = [memory({ clock }), memory({ clock })];
    const paths = Array.from({ length: 20 }, (_, at) => `k${String(at).padStart(2, "0")}`);
    for (const store of stores) for (const path of paths) await store.write(path, "x");
    const store = multi([faulty(stores[0] as Backend, [{ on: "list", do: "fail", atEntry: 7 }], { clock }), stores[1]], { clock });
    expect((await Array.fromAsync(store.list())).map(({ path }) => path)).toEqual(paths);
  });

  test("the etag of a group is the write id: what is read under it comes from a member that holds that write", async () => {
    const { store, stores } = await group([[], []]);
    const info = await store.write(PATH, "new");
    expect(info.etag).toBe(info.stamp?.id);
    await stores[0]?.write(PATH, "foreign");
    expect(await (await store.read(PATH, { ifMatch: info.etag as string })).text()).toBe("new");
    await stores[1]?.write(PATH, "foreign too");
    expect((await rejection(store.read(PATH, { ifMatch: info.etag as string }))).code).toBe("PRECONDITION_FAILED");
  });

  test("a body that breaks off goes on at a member with the same write, and never at another version", async () => {
    const clock = new AutoClock();
    const body = new Uint8Array(200_000).map((_, at) => at * 31);
    const gone = (): OmniError => new OmniError("UNAVAILABLE", { reason: "the line is cut" });
    const dies: Fault[] = [
      { on: "read", do: "fail", atByte: 70_000, once: true, error: gone },
      { on: "read", do: "fail", nth: 2, error: gone },
    ];
    const dying = faulty(memory({ clock }), dies, { clock });
    const whole = memory({ clock });
    const store = multi([dying, whole], { clock });
    await store.write(PATH, body);
    expect(Buffer.compare(await (await store.read(PATH)).bytes(), body)).toBe(0);
    dying.faults.clear();
    for (const fault of dies) dying.faults.add(fault);
    const reader = await multi([dying, whole], { clock }).read(PATH);
    await whole.write(PATH, "another version");
    // The member that may still hold the version does not answer, and the other holds another one.
    expect((await rejection(reader.bytes())).code).toBe("UNAVAILABLE");
  });

  test("without write ids an equal digest of the whole object is as good, and another one is not", async () => {
    const clock = new AutoClock();
    const gone = (): OmniError => new OmniError("UNAVAILABLE", { reason: "the line is cut" });
    const [lasting, whole] = [memory({ clock }), memory({ clock })];
    for (const each of [lasting, whole]) await each.write(PATH, "the same bytes");
    const dies: Fault[] = [
      { on: "read", do: "fail", atByte: 5, once: true, error: gone },
      { on: "read", do: "fail", nth: 2, error: gone },
    ];
    const read = async () => (await multi([faulty(lasting, dies, { clock }), whole], { clock }).read(PATH)).text();
    expect(await read()).toBe("the same bytes");
    await whole.write(PATH, "the samE bytes");
    expect((await rejection(read())).code).toBe("UNAVAILABLE");
  });

  test("who asks not to go on is not gone on for", async () => {
    const clock = new AutoClock();
    const dying = faulty(memory({ clock }), [{ on: "read", do: "fail", atByte: 1 }], { clock });
    const store = multi([dying, memory({ clock })], { clock });
    await store.write(PATH, "text");
    const reader = await store.read(PATH, { resumeAttempts: 0 });
    expect((await rejection(reader.bytes())).message).toContain('the member "memory-1" broke off');
  });

  test("conditions are refused before any I/O: without a journal nobody decides them", async () => {
    const { store, members } = await group([[], []]);
    expect((await rejection(store.write(PATH, "new", { ifNoneMatch: "*" }))).code).toBe("NOT_SUPPORTED");
    expect(members.every(({ faults }) => faults.log.length === 0)).toBe(true);
  });
});
