import { createBackend } from "@omni/core";
import { memory } from "@omni/memory";
import { HeadLog } from "../../src/journal/log.ts";
import { close, decide, type OpenHead } from "../../src/journal/protocol.ts";
import { all } from "./journal-group.ts";

describe("the numbered records", () => {
  const settings = { clock: undefined, memberTimeoutMs: 1_000, logger: undefined };
  const intentOf = (id: string) => ({ id, kind: "write", at: 0, counter: 0, tokens: {}, bases: {} }) as const;
  const CLOSED = { do: "close", outcome: "committed", foreign: [] } as const;

  async function change(log: HeadLog, id: string): Promise<void> {
    const record = decide("p", await log.head("p"), intentOf(id), `${id} open`);
    expect(await log.add(record)).toBe("stands");
    await log.add(close(record as OpenHead, CLOSED, `${id} closed`));
  }

  test("old ones are removed, and one that is made again by somebody who slept is void", async () => {
    const journal = memory();
    const log = new HeadLog(journal, settings);
    await change(log, "w1");
    const seen = await log.head("p");
    const stale = decide("p", seen, intentOf("stale"), "stale");
    for (let at = 2; at <= 15; at++) await change(log, `w${at}`);
    const left = await all(createBackend(journal.driver, { reserved: true }).list(".omni/multi/heads/"));
    expect(left.length).toBeLessThan(20);
    // Its number is free again: creating it succeeds, and says nothing.
    expect(left.some(({ path }) => path.endsWith(`/${String(stale.seq).padStart(10, "0")}`))).toBe(false);
    expect(await new HeadLog(journal, settings).add(stale)).toBe("lost");
    expect((await new HeadLog(journal, settings).head("p"))?.last?.id).toBe("w15");
    expect(await all(log.open())).toEqual([]);
    // So much later nobody can tell any more, and nobody claims to.
    for (let at = 16; at <= 30; at++) await change(log, `w${at}`);
    const later = new HeadLog(journal, settings).add({ ...stale, seq: 4, nonce: "another" });
    await expect(later).rejects.toMatchObject({ code: "IN_DOUBT" });
  });

  test("of many that add after the same head one stands", async () => {
    const journal = memory();
    const logs = Array.from({ length: 6 }, () => new HeadLog(journal, settings));
    await change(logs[0] as HeadLog, "w1");
    const head = await (logs[0] as HeadLog).head("p");
    const added = await Promise.all(logs.map((log, at) => log.add(decide("p", head, intentOf(`r${at}`), `r${at}`))));
    expect(added.filter((each) => each === "stands")).toHaveLength(1);
    expect((await all((logs[1] as HeadLog).open())).map(({ open }) => open.id)).toEqual([`r${added.indexOf("stands")}`]);
  });
});
