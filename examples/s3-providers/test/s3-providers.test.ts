import { PROVIDERS, type S3Backend } from "@omni/s3";

type Example = { readonly default: (env: Readonly<Record<string, string | undefined>>) => S3Backend };

const ENV = { BUCKET: "photos", ACCESS_KEY_ID: "key", SECRET_ACCESS_KEY: "secret" };

test.each(Object.keys(PROVIDERS))("%s has an example that opens its store as the profile says", async (provider) => {
  const { default: open } = (await import(`../src/${provider}.ts`)) as Example;
  await using store = open(ENV);
  const profile = PROVIDERS[provider as keyof typeof PROVIDERS];
  expect(store.driver.identity).toContain("photos");
  expect(store.supports("deleteMany")).toBe(profile.deleteMany);
  expect(store.features.conditional.create).toBe(profile.conditional.create || ["ceph", "other"].includes(provider));
});
