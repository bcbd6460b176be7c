import {
  backends,
  createBackend,
  defineBackend,
  isRegistered,
  type OmniError,
  open,
  register,
  type TextConfig,
  unregister,
} from "@omni/core";
import { memory } from "@omni/memory";

interface CloudOptions {
  readonly bucket: string;
  readonly apiKey?: string | undefined;
  readonly partSizeBytes?: number | undefined;
  readonly usePathStyle?: boolean | undefined;
  readonly mode?: "fast" | "safe" | undefined;
  readonly tags?: object | undefined;
}

const made: CloudOptions[] = [];
const cloud = defineBackend<CloudOptions>("cloud", {
  options: {
    bucket: { type: "string", required: true },
    apiKey: { type: "string", secret: true, aliases: ["token"] },
    partSizeBytes: { type: "integer", min: 5, aliases: ["part_size"] },
    usePathStyle: { type: "boolean" },
    mode: { type: "string", values: ["fast", "safe"] },
    tags: { type: "object" },
  },
  fromUrl: (url) => ({ bucket: url.host }),
  driver: (options) => {
    made.push(options);
    return { ...memory().driver, scheme: "cloud" };
  },
});

async function failure(work: () => unknown): Promise<OmniError> {
  try {
    await work();
  } catch (error) {
    return error as OmniError;
  }
  throw new Error("it succeeded");
}

describe("open", () => {
  test("loads a first-party package by name and by URL", async () => {
    expect((await open("memory")).driver.scheme).toBe("memory");
    expect((await open("memory:")).driver.scheme).toBe("memory");
  });

  test("reads a URL's host and query, and configuration wins over it", async () => {
    made.length = 0;
    await open("cloud://photos?part_size=10&use_path_style=true", { use: [cloud] });
    await open("cloud://photos?part_size=10", { use: [cloud], part_size: "20", tags: '{"a":1}' });
    expect(made).toEqual([
      { bucket: "photos", partSizeBytes: 10, usePathStyle: true },
      { bucket: "photos", partSizeBytes: 20, tags: { a: 1 } },
    ]);
  });

  test("an unknown scheme says what is known and what to do", async () => {
    const error = await failure(() => open("memry"));
    expect(error.code).toBe("UNKNOWN_BACKEND");
    expect(error.message).toContain('did you mean "memory"?');
    expect(error.message).toContain('register("memry", factory)');
    expect((await failure(() => open("ftp://host/x"))).code).toBe("UNKNOWN_BACKEND");
    expect((await failure(() => open(""))).code).toBe("INVALID_ARGUMENT");
    expect((await failure(() => open(7 as never))).code).toBe("INVALID_ARGUMENT");
  });

  test.each([
    ["a misspelt option", { bukcet: "x" }, /unknown option "bukcet"; did you mean "bucket"\?/],
    ["a missing one", {}, /the option "bucket" is missing/],
    ["a number that is none", { bucket: "x", part_size: "big" }, /"partSizeBytes" is a whole number, 5 or more, not "big"/],
    ["one that is too small", { bucket: "x", part_size: "4" }, /5 or more, not 4/],
    ["a boolean that is none", { bucket: "x", use_path_style: "maybe" }, /true or false, not "maybe"/],
    ["a value that is not allowed", { bucket: "x", mode: "slow" }, /"fast" \| "safe", not "slow"/],
    ["JSON that is none", { bucket: "x", tags: "{" }, /"tags" is JSON/],
    ["one option by two names", { bucket: "x", api_key: "a", token: "b" }, /"apiKey" is given twice/],
  ])("%s is refused", async (_, config, words) => {
    const error = await failure(() => open("cloud", { use: [cloud], ...config }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", backend: "cloud" });
    expect(error.message).toMatch(words);
  });

  test("a secret is never shown", async () => {
    const error = await failure(() => cloud({ bucket: "x", apiKey: 12345 as never }));
    expect(error.message).toContain('the option "apiKey" is a string, not number');
    expect(error.message).not.toContain("12345");
  });
});

describe("factories in code", () => {
  test.each([
    [{ bucket: "x", partsize: 7 }, /unknown option "partsize"/],
    [{ bucket: 7 }, /"bucket" is a string, not 7/],
    [null, /options are an object/],
    ["x", /options are an object, not string/],
  ])("%j is refused", async (options, words) => {
    expect((await failure(() => cloud(options as never))).message).toMatch(words);
  });

  test("a scheme is checked", () => {
    expect(() => defineBackend("My Cloud", () => memory())).toThrow(/is no scheme/);
  });
});

describe("register", () => {
  afterEach(() => unregister("mine"));

  test("makes a plain factory or a definition known", async () => {
    register("mine", (config: TextConfig) => createBackend({ ...memory().driver, scheme: "mine", identity: config.where }));
    expect(isRegistered("mine")).toBe(true);
    expect(backends()).toContain("mine");
    expect((await open("mine", { where: "here" })).driver.identity).toBe("here");
    expect(unregister("mine")).toBe(true);
    expect(isRegistered("mine")).toBe(false);
    register("mine", cloud);
    expect((await open("mine://photos")).driver.scheme).toBe("cloud");
  });

  test("refuses a second factory for a scheme, and takes the same again", async () => {
    const factory = () => memory();
    register("mine", factory);
    register("mine", factory);
    expect((await failure(() => register("mine", () => memory()))).code).toBe("ALREADY_EXISTS");
    expect((await failure(() => register("mine2", 5 as never))).code).toBe("INVALID_ARGUMENT");
  });

  test("is shared by two copies of core", () => {
    const key = Symbol.for("@omni/core/registry@1");
    expect((globalThis as never as Record<symbol, unknown>)[key]).toBeInstanceOf(Map);
  });
});
