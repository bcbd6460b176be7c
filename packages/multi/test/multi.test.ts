import { type Backend, createBackend, MultiError, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi, type WriteOutcome } from "@omni/multi";
import { group, large, PATH, rejection, stateOf } from "./faulty-group.ts";

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
