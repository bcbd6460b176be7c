import { memory } from "@omni/memory";
import { multi } from "@omni/multi";
import { describeWithServer } from "@omni/servers";
import { sync } from "@omni/sync";
import { Stores } from "./store.ts";

await describeWithServer("ssh", "with other packages", (current) => {
  const stores = new Stores(current);

  it("is a member of a group: written to all, withdrawn from all", async () => {
    const members = { memory: memory(), sftp: stores.fresh() };
    const group = multi([
      { name: "memory", backend: members.memory },
      { name: "sftp", backend: members.sftp },
    ]);
    const { outcomes } = await group.write("a/object", "to both");
    expect(outcomes.map(({ member, state }) => [member, state])).toEqual([
      ["memory", "committed"],
      ["sftp", "committed"],
    ]);
    expect(await (await members.sftp.read("a/object")).text()).toBe("to both");
    const reason = new Error("the source broke");
    const broken = async function* (): AsyncGenerator<string, void> {
      yield "half";
      throw reason;
    };
    await expect(group.write("a/object", broken())).rejects.toThrow();
    for (const member of Object.values(members)) expect(await (await member.read("a/object")).text()).toBe("to both");
    await Promise.all(Object.values(members).map((member) => member.close()));
  });

  it("is synced to and from, and the second run transfers nothing", async () => {
    const [from, there, back] = [memory(), stores.fresh(), memory()];
    // Times with milliseconds, of which SFTP keeps the seconds.
    for (const path of ["a", "b/c", "b/d", "e f"])
      await from.write(path, `is ${path}`, { modifiedAt: new Date(1_700_000_000_789) });
    expect((await sync({ from, to: there })).text()).toContain("4 copied");
    const again = await sync({ from, to: there });
    expect({ ok: again.ok, text: again.text() }).toEqual({ ok: true, text: expect.stringContaining("sync: 4 same; 0 bytes") });
    expect((await sync({ from: there, to: back })).ok).toBe(true);
    expect(await (await back.read("b/d")).text()).toBe("is b/d");
    await there.close();
  });
});
