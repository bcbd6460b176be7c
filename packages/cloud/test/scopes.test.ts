import { setImmediate as turn } from "node:timers/promises";
import { defineClouds } from "@omni/cloud";
import { type Backend, collect } from "@omni/core";
import { memory } from "@omni/memory";

const bytesOf = (text: string): Buffer => Buffer.from(text);
const paths = async (backend: Backend): Promise<string[]> => (await Array.fromAsync(backend.list())).map(({ path }) => path);

test("a scope has its own clouds and shares the others", async () => {
  const [shared, own] = [memory(), memory()];
  await using clouds = defineClouds({ uploads: { backend: memory(), prefix: "in" }, logs: shared }, { env: {} });
  const tenant = clouds.scoped({ uploads: own });
  const object = await tenant.uploads.insert(bytesOf("x"), { filename: "a.txt" });
  expect(await paths(own)).toEqual([object.path]);
  expect(object.path).toMatch(/^in\//);
  await expect(clouds.read(object)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await tenant.logs.insert(bytesOf("x"));
  expect(await paths(shared)).toHaveLength(1);
  await tenant.close();
  await expect(own.exists("a")).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
  expect(await shared.exists("a")).toBe(false);
});

test("within run the outermost clouds mean the scope, a held scope always itself", async () => {
  const stores = { base: memory(), ada: memory(), bob: memory() };
  await using clouds = defineClouds({ uploads: stores.base }, { env: {} });
  const ada = clouds.scoped({ uploads: stores.ada });
  const bob = clouds.scoped({ uploads: stores.bob });
  const { uploads } = clouds;
  const later = await ada.run(async () => {
    await turn();
    await uploads.insert(bytesOf("1"));
    await bob.uploads.insert(bytesOf("2"));
    await bob.run(() => uploads.insert(bytesOf("3")));
    return () => uploads.insert(bytesOf("4"));
  });
  await later();
  expect(await Promise.all(Object.values(stores).map(async (store) => (await paths(store)).length))).toEqual([1, 1, 2]);
});

test("requests that run at the same time do not see each other's clouds", async () => {
  const tenants = await Promise.all(Array.from({ length: 7 }, async (_, index) => ({ name: `tenant-${index}`, store: memory() })));
  await using clouds = defineClouds({ uploads: memory() }, { env: {} });
  const scopes = tenants.map(({ name, store }) => ({
    name,
    scope: clouds.scoped({ uploads: store }, { facts: { tenant: name } }),
  }));
  await Promise.all(
    Array.from({ length: 700 }, (_, index) => {
      const { name, scope } = scopes[index % scopes.length] as (typeof scopes)[number];
      return scope.run(async () => {
        const object = await clouds.insert(bytesOf(name), { filename: `${name}.txt` });
        await turn();
        expect(Buffer.from(await collect(await clouds.read(object))).toString()).toBe(name);
        expect((await clouds.explain({ filename: "x" })).facts.tenant).toBe(name);
      });
    }),
  );
  for (const { name, store } of tenants) {
    const found = await paths(store);
    expect(found).toHaveLength(100);
    expect(found.every((path) => path.endsWith(`/${name}.txt`))).toBe(true);
  }
  expect(await paths(await clouds.uploads.backend())).toEqual([]);
});

test("a scope's rules and default are its own", async () => {
  await using clouds = defineClouds({ a: memory(), b: memory() }, { env: {}, route: [{ when: { tenant: "x" }, to: "b" }] });
  const x = clouds.scoped({}, { facts: { tenant: "x" } });
  const y = clouds.scoped({}, { route: [], default: "b" });
  expect((await clouds.insert(bytesOf("1"))).cloud).toBe("a");
  expect((await x.insert(bytesOf("1"))).cloud).toBe("b");
  expect((await y.insert(bytesOf("1"))).cloud).toBe("b");
});

test("where a scope's store is, is not taken over from the store that it replaces", () => {
  const clouds = defineClouds(
    { eu: { backend: memory(), residency: "eu" } },
    { env: {}, route: [{ name: "citizens", to: "eu", residency: "eu" }] },
  );
  expect(() => clouds.scoped({ eu: memory() })).toThrow(/citizens: the cloud "eu" is in no stated place/);
  expect(() => clouds.scoped({ eu: { backend: memory(), residency: "eu" } })).not.toThrow();
  // @ts-expect-error there is no such cloud
  expect(() => clouds.scoped({ us: memory() })).toThrow(/there is no cloud "us"/);
  expect(() => clouds.scoped({ eu: "s4://x" })).toThrow(/there is no backend "s4"/);
});
