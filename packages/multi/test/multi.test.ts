import { type Backend, createBackend, MultiError, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, type MultiOptions, multi, type WriteOutcome } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";

const PATH = "a/b.txt";

async function textOf(store: Backend, path = PATH): Promise<string | undefined> {
  return (await store.exists(path)) ? await (await store.read(path)).text() : undefined;
}

/** The error of a call that must reject. */
async function rejection<E = OmniError>(work: Promise<unknown>): Promise<E> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error as E,
  );
}

function stateOf(outcomes: readonly WriteOutcome[]): string {
  return outcomes.map(({ state }) => state).join(" ");
}

/** A group of memory stores, each with its own faults, all holding "old". */
async function group(faults: readonly (readonly Fault[])[], options: MultiOptions = {}) {
  const clock = new AutoClock();
  const stores = faults.map(() => memory({ clock }));
  await Promise.all(stores.map((store) => store.write(PATH, "old")));
  const members = stores.map((store, at) => faulty(store, faults[at] ?? [], { clock }));
  const store = multi(members, { memberTimeoutMs: 1_000, clock, ...options });
  return { store, members, stores, texts: () => Promise.all(stores.map((member) => textOf(member))) };
}

async function* large(text = "new"): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text);
}

describe("members", () => {
  test("null and undefined are left out", () => {
    const store = multi([memory(), null, undefined, memory()]);
    expect(store.count).toBe(2);
    expect(store.members.map(({ name }) => name)).toEqual(["memory-1", "memory-2"]);
  });

  test("none left is an error", () => {
    expect(() => multi([null, undefined])).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => multi([])).toThrow(/no member is left/);
  });

  test("one store twice is an error, also behind two handles", () => {
    const store = memory();
    expect(() => multi([store, store])).toThrow(/same store/);
    const disk = (): Backend => createBackend({ ...memory().driver, identity: "disk:/data" });
    expect(() => multi([disk(), disk()])).toThrow(/same store/);
  });

  test("names are kept, and refused when they stand twice", () => {
    expect(multi([{ name: "near", backend: memory() }, memory()]).members.map(({ name }) => name)).toEqual(["near", "memory-2"]);
    expect(() =>
      multi([
        { name: "x", backend: memory() },
        { name: "x", backend: memory() },
      ]),
    ).toThrow(/two members have the name "x"/);
  });

  test("what cannot hold a write back is refused where that matters", () => {
    const live = (): Backend => createBackend({ ...memory().driver, features: { live: true }, stage: undefined } as never);
    expect(() => multi([live()])).toThrow(/cannot hold a write back/);
    expect(multi([live(), memory()], { mode: "best-effort" }).guarantee.beforeFirstCommit).toBe(
      "members without staging may have written",
    );
  });

  test.each([
    [{ mode: "most" }, /mode is all, quorum, best-effort/],
    [{ quorum: 2 }, /quorum goes with mode "quorum"/],
    [{ mode: "quorum", quorum: 4 }, /quorum is 4, but there are 2 members/],
    [{ mode: "quorum", quorum: 0 }, /quorum is a whole number, 1 or more/],
    [{ mode: "best-effort", minCommits: 3 }, /minCommits is 3/],
    [{ qourum: 2 }, /unknown option "qourum"/],
    [{ partial: "maybe" }, /partial is/],
  ])("the options %j are refused", (options, words) => {
    expect(() => multi([memory(), memory()], options as never)).toThrow(words);
  });

  test("they belong to the caller, unless the group is to close them", async () => {
    const [kept, closed] = [memory(), memory()];
    await multi([kept]).close();
    await kept.write(PATH, "still open");
    await multi([closed], { closeMembers: true }).close();
    expect((await rejection(closed.stat(PATH))).code).toBe("BACKEND_CLOSED");
  });
});

describe("mode all", () => {
  test("writes to every member and says so", async () => {
    const { store, texts } = await group([[], [], []]);
    const info = await store.write(PATH, "new");
    expect(stateOf(info.outcomes)).toBe("committed committed committed");
    expect(info).toMatchObject({ path: PATH, size: 3 });
    expect(info.failures).toBeUndefined();
    expect(await texts()).toEqual(["new", "new", "new"]);
  });

  test.each(["stage", "write"] as const)("a member that fails to %s leaves every former object", async (on) => {
    const { store, texts } = await group([[], [{ on: [on, "commit"], do: "fail" }], []]);
    const error = await rejection<MultiError<WriteOutcome>>(on === "stage" ? store.write(PATH, large()) : store.write(PATH, "new"));
    expect(MultiError.is(error, "PARTIAL_FAILURE")).toBe(true);
    expect(error.outcome).toBe(on === "stage" ? "not-applied" : "unknown");
    if (on === "stage") expect(await texts()).toEqual(["old", "old", "old"]);
    expect(error.outcomes.map(({ member }) => member)).toEqual(["memory-1", "memory-2", "memory-3"]);
  });

  test("a member that fails midway is reported with its bytes and its phase, the others are discarded", async () => {
    const { store, texts } = await group([[], [{ on: "stage", do: "fail", atByte: 4 }]]);
    const error = await rejection<MultiError<WriteOutcome>>(
      store.write(
        PATH,
        (async function* () {
          yield Buffer.from("1234");
          yield Buffer.from("5678");
        })(),
      ),
    );
    expect(error.outcomes[0]).toMatchObject({ member: "memory-1", state: "discarded" });
    expect(error.outcomes[1]).toMatchObject({ member: "memory-2", state: "failed", phase: "stage", error: expect.any(OmniError) });
    expect(error.outcomes[1]?.bytes).toBeGreaterThanOrEqual(4);
    expect(await texts()).toEqual(["old", "old"]);
  });

  test("the first commit goes alone: when it fails nothing was changed anywhere", async () => {
    const { store, texts } = await group([[{ on: "commit", do: "fail" }], [], []]);
    const error = await rejection<MultiError<WriteOutcome>>(store.write(PATH, large()));
    expect(stateOf(error.outcomes)).toBe("failed discarded discarded");
    expect(error.outcome).toBe("not-applied");
    expect(await texts()).toEqual(["old", "old", "old"]);
  });

  test("a later commit that fails leaves old or new whole, and the outcomes say which", async () => {
    const { store, texts } = await group([[], [{ on: "commit", do: "fail" }], []]);
    const error = await rejection<MultiError<WriteOutcome>>(store.write(PATH, large()));
    expect(stateOf(error.outcomes)).toBe("committed failed committed");
    expect(error.outcome).toBe("unknown");
    expect(await texts()).toEqual(["new", "old", "new"]);
  });

  test("the weakest member commits first", async () => {
    const order: string[] = [];
    const { stage: _stage, resumeStage: _resume, ...held } = memory().driver;
    const noting = (name: string, backend: Backend) =>
      faulty(backend, [{ on: ["commit", "write"], do: "delay", delayMs: 0, when: () => order.push(name) > 0 }]);
    const store = multi([
      noting("process", memory()),
      noting("held", createBackend({ ...held, features: { ...held.features, stagedWrite: "held" } })),
    ]);
    await store.write(PATH, large());
    // A held write is one call, made when staging starts; its end comes with the commit.
    expect(order).toEqual(["held", "process"]);
    expect(store.guarantee.staging).toEqual({ "memory-1": "process", "memory-2": "held" });
  });

  test("an answer that got lost is found again by the write id", async () => {
    const { store, texts } = await group([[], [{ on: "commit", do: "fail-after-commit" }]]);
    expect(stateOf((await store.write(PATH, large())).outcomes)).toBe("committed committed");
    expect(await texts()).toEqual(["new", "new"]);
  });

  test("a commit that does not answer and does not show is unknown, and may still take effect", async () => {
    const { store, texts, members } = await group([[], [{ on: "commit", do: "apply-late" }]]);
    const error = await rejection<MultiError<WriteOutcome>>(store.write(PATH, large()));
    expect(stateOf(error.outcomes)).toBe("committed unknown");
    expect(await texts()).toEqual(["new", "old"]);
    await members[1]?.faults.flush();
    expect(await texts()).toEqual(["new", "new"]);
  });

  test("a source that throws leaves every former object, and its error arrives", async () => {
    const { store, texts } = await group([[], []]);
    const broken = new Error("the disk broke");
    const error = await rejection(
      store.write(
        PATH,
        (async function* () {
          yield Buffer.from("half");
          throw broken;
        })(),
      ),
    );
    expect(error.cause).toBe(broken);
    expect(await texts()).toEqual(["old", "old"]);
  });

  test("an abort leaves every former object and rejects with its reason", async () => {
    const { store, texts } = await group([[], []]);
    const controller = new AbortController();
    const writer = store.createWriter(PATH, { signal: controller.signal });
    await writer.write(new Uint8Array(100_000));
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await rejection(writer.close())).toBe(reason);
    expect(await texts()).toEqual(["old", "old"]);
  });

  test("a member that hangs is out after its deadline", async () => {
    const { store, texts } = await group([[], [{ on: "stage", do: "hang" }]]);
    const error = await rejection<MultiError<WriteOutcome>>(store.write(PATH, large()));
    expect(error.outcomes[1]).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
    expect(await texts()).toEqual(["old", "old"]);
  });

  test("a delete that a member misses is an error that names it", async () => {
    const { store, texts } = await group([[], [{ on: "delete", do: "fail" }]]);
    const error = await rejection<MultiError<WriteOutcome>>(store.delete(PATH));
    expect(stateOf(error.outcomes)).toBe("committed failed");
    expect(await texts()).toEqual([undefined, "old"]);
  });
});

describe("mode quorum", () => {
  const quorum = { mode: "quorum" } as const;

  test("a member that fails is reported and does not stop the write", async () => {
    const { store, texts } = await group([[], [{ on: "commit", do: "fail" }], []], quorum);
    const info = await store.write(PATH, large());
    expect(stateOf(info.outcomes)).toBe("committed failed committed");
    expect(info.failures?.errors).toHaveLength(1);
    expect(await texts()).toEqual(["new", "old", "new"]);
  });

  test("counts over the configured members, not over those that opened", async () => {
    const down: Fault[] = [{ on: ["stage", "write"], do: "fail" }];
    const { store, texts } = await group([down, down, down, [], []], quorum);
    const error = await rejection<MultiError<WriteOutcome>>(store.write(PATH, large()));
    expect(error.code).toBe("QUORUM_FAILED");
    expect(error.outcome).toBe("not-applied");
    expect(await texts()).toEqual(["old", "old", "old", "old", "old"]);
  });

  test("a member that fails once is out for the object: no hole is ever committed", async () => {
    const { store, texts } = await group([[], [{ on: "stage", do: "fail", atByte: 3, once: true }], []], quorum);
    await store.write(
      PATH,
      (async function* () {
        for (const part of ["abc", "def", "ghi"]) yield Buffer.from(part);
      })(),
    );
    expect(await texts()).toEqual(["abcdefghi", "old", "abcdefghi"]);
  });

  test("a hung member does not hang the write", async () => {
    const { store, texts } = await group([[], [{ on: "stage", do: "hang" }], []], quorum);
    expect(stateOf((await store.write(PATH, large())).outcomes)).toBe("committed failed committed");
    expect(await texts()).toEqual(["new", "old", "new"]);
  });

  test("NOT_FOUND needs enough members to say it", async () => {
    const { store, stores } = await group([[], [], []], quorum);
    await stores[0]?.delete(PATH);
    expect(await (await store.read(PATH)).text()).toBe("old");
    await stores[1]?.delete(PATH);
    expect((await rejection(store.stat(PATH))).code).toBe("NOT_FOUND");
  });

  test("too few that answer is UNAVAILABLE, not NOT_FOUND", async () => {
    const { store, stores } = await group([[], [{ on: "stat", do: "fail" }], [{ on: "stat", do: "fail" }]], quorum);
    await stores[0]?.delete(PATH);
    const error = await rejection(store.stat(PATH));
    expect(error.code).toBe("UNAVAILABLE");
    expect(error.message).toContain("1 of 3 members say that it is not there, 2 must");
  });
});

describe("mode best-effort", () => {
  const down: Fault[] = [{ on: ["stage", "write", "commit"], do: "fail" }];

  test("resolves with the failures", async () => {
    const { store, texts } = await group([down, []], { mode: "best-effort" });
    const info = await store.write(PATH, "new");
    expect(MultiError.is(info.failures, "PARTIAL_FAILURE")).toBe(true);
    expect(stateOf(info.outcomes)).toBe("failed committed");
    expect(await texts()).toEqual(["old", "new"]);
  });

  test('partial: "throw" throws them although the write stands', async () => {
    const { store, texts } = await group([down, []], { mode: "best-effort", partial: "throw" });
    const error = await rejection<MultiError<WriteOutcome>>(store.write(PATH, "new"));
    expect(stateOf(error.outcomes)).toBe("failed committed");
    expect(await texts()).toEqual(["old", "new"]);
  });

  test("nobody is an error, unless that is asked for", async () => {
    const strict = await group([down, down], { mode: "best-effort" });
    const error = await rejection<MultiError<WriteOutcome>>(strict.store.write(PATH, "new"));
    expect(error.message).toMatch(/planned fault.*\(and 1 more errors\)$/);
    expect(error.cause).toBe(error.errors[0]);
    const lax = await group([down, down], { mode: "best-effort", minCommits: 0 });
    expect(stateOf((await lax.store.write(PATH, "new")).outcomes)).toBe("failed failed");
  });
});

describe("reading", () => {
  test("goes on to the next member when the first does not answer", async () => {
    const { store } = await group([[{ on: ["read", "stat", "list"], do: "fail" }], []]);
    expect(await (await store.read(PATH)).text()).toBe("old");
    expect(await store.exists(PATH)).toBe(true);
    expect((await Array.fromAsync(store.list())).map(({ path }) => path)).toEqual([PATH]);
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

describe("many at once", () => {
  test("members are served together: the time is the slowest one's, not the sum", async () => {
    const clock = new AutoClock();
    const slow = () => faulty(memory({ clock }), [{ on: "commit", do: "delay", delayMs: 100 }], { clock });
    const store: MultiBackend = multi([memory({ clock }), slow(), slow(), slow()], { clock });
    const start = clock.now();
    await store.write(PATH, large());
    expect(clock.now() - start).toBe(100);
  });

  test("the guarantee is said in words and in fields", () => {
    const { guarantee } = multi([memory(), memory(), memory()], { mode: "quorum" });
    expect(guarantee).toMatchObject({
      mode: "quorum",
      members: 3,
      needed: 2,
      readAfterWrite: false,
      notFoundNeeds: 2,
      rolledForward: false,
    });
    expect(guarantee.text).toContain("at least 2 of 3 members");
    const readAfterWrite = (options: MultiOptions, backend: Backend = memory()): boolean =>
      multi([memory(), memory(), backend], options).guarantee.readAfterWrite;
    expect(readAfterWrite({ mode: "quorum", readPolicy: "quorum" })).toBe(true);
    expect(readAfterWrite({ mode: "quorum", quorum: 1, readPolicy: "quorum" })).toBe(false);
    expect(readAfterWrite({ mode: "best-effort", readPolicy: "quorum" })).toBe(false);
    const { driver } = memory();
    const features = { ...driver.features, conditional: { create: true, replace: "etag", delete: false } } as const;
    expect(readAfterWrite({ mode: "quorum", readPolicy: "quorum" }, createBackend({ ...driver, features }))).toBe(false);
  });
});
