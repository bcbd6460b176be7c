// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own notation is tested
import { expand, namesOfEnvironment } from "../../src/config/environment.ts";

describe("variables in values", () => {
  const env = { REGION: "eu-west-1", KEY: "k", EMPTY: "" };

  test("stand for their values, anywhere in texts, lists and objects", () => {
    const value = { url: "s3://b?region=${REGION}", list: ["${KEY}${KEY}", 1, true], none: null, empty: "${EMPTY}" };
    expect(expand(value, env, "f", [])).toEqual({ url: "s3://b?region=eu-west-1", list: ["kk", 1, true], none: null, empty: "" });
  });

  test("are plain text after a second $", () => {
    expect(expand("$${REGION} ${REGION} $5 {x}", env, "f", [])).toBe("${REGION} eu-west-1 $5 {x}");
  });

  test("that are not set are named with file and key path", () => {
    const value = { members: ["a", "${NOWHERE}"] };
    expect(() => expand(value, env, "omni.config.json", ["groups", "g"])).toThrow(
      "omni.config.json: groups.g.members[1]: the environment variable NOWHERE is not set; set it, or write the value here",
    );
    expect(() => expand("${no name}", env, "f", ["use"])).toThrow("names no variable; write ${NAME}");
  });

  test("are not looked for in what code made", () => {
    class Client {
      readonly text = "${NOWHERE}";
    }
    const client = new Client();
    expect((expand({ client }, env, "f", []) as { client: Client }).client).toBe(client);
  });
});

describe("names of the environment", () => {
  test("are new ones, or those of the configuration", () => {
    const env = { OMNI_BACKUP_URL: "s3://b", OMNI_USER_UPLOADS_URL: "memory", OMNI_BIG_STORE_URL: "memory" };
    expect(Object.fromEntries(namesOfEnvironment(env, ["userUploads", "other"]))).toEqual({
      backup: { variable: "OMNI_BACKUP_URL", url: "s3://b" },
      userUploads: { variable: "OMNI_USER_UPLOADS_URL", url: "memory" },
      "big-store": { variable: "OMNI_BIG_STORE_URL", url: "memory" },
    });
  });

  test("are not the options of a backend, and not what is empty", () => {
    expect(namesOfEnvironment({ OMNI_S3_ENDPOINT_URL: "http://x", OMNI_A_URL: "", OMNI_B: "x", MY_OMNI_C_URL: "x" }, []).size).toBe(
      0,
    );
  });
});
