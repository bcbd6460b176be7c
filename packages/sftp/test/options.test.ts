import { OmniError, open, register, unregister } from "@omni/core";
import { type SftpOptions, sftp } from "@omni/sftp";
import { configOfUrl } from "../src/options.ts";

const GOOD = { host: "files.example.com", username: "ada", root: "/srv/objects" } as const;

it("reads a URL: user, host, port and the absolute path", () => {
  expect(configOfUrl(new URL("sftp://ada%40home@files.example.com:2222/srv/my%20objects?fsync=false"))).toEqual({
    host: "files.example.com",
    port: "2222",
    username: "ada@home",
    password: undefined,
    root: "/srv/my objects",
  });
  expect(configOfUrl(new URL("sftp://ada@[::1]/x"))).toMatchObject({ host: "::1", port: undefined });
});

it("is opened by its URL without being registered", async () => {
  const store = await open("sftp://ada@files.example.com:2222/srv/objects?known_hosts_file=/none&connections=2&file_mode=0640");
  expect(store.driver.scheme).toBe("sftp");
  expect(store.driver.identity).toBe("sftp:ada@files.example.com:2222|/srv/objects/");
  await store.close();
});

it("is opened by text configuration, older names included", async () => {
  const store = await open("sftp", {
    hostname: "Files",
    user: "ada",
    path: "/x/",
    pass: "secret",
    fingerprint: "SHA256:abc",
    sync: "no",
  });
  expect(store.driver.identity).toBe("sftp:ada@files:22|/x/");
  await store.close();
});

it("can be registered under another name", async () => {
  register("depot", sftp);
  try {
    const store = await open("depot", { ...GOOD });
    expect(store.driver.scheme).toBe("sftp");
    await store.close();
  } finally {
    unregister("depot");
  }
});

it.each<readonly [string, Partial<Record<keyof SftpOptions, unknown>>, RegExp]>([
  ["a missing host", { host: undefined }, /option "host" is missing/],
  ["an empty host", { host: "" }, /option "host" is the name or address/],
  ["a port that is none", { port: 70_000 }, /option "port" is a port number.*70000/],
  ["a relative root", { root: "objects" }, /option "root" is a directory of the server.*"objects"/],
  ["a root with dots", { root: "/srv/../etc" }, /option "root".*without "." or ".."/],
  ["a mode that is no octal number", { fileMode: "rw-r--r--" }, /option "fileMode" is a mode in octal.*"rw-r--r--"/],
  ["two keys", { privateKey: "x", privateKeyFile: "y" }, /"privateKey" and "privateKeyFile"/],
  ["two ways to know the server", { hostKey: "SHA256:x", knownHostsFile: "y" }, /hostKey, knownHostsFile all say/],
  ["a misspelt option", { pasword: "hunter2-secret" } as object, /did you mean "password"/],
  ["no connection at all", { connections: 0 }, /"connections" is a whole number, 1 or more/],
])("%s is refused, and no secret is shown", (_name, wrong, message) => {
  const make = (): unknown => sftp({ ...GOOD, password: "hunter2-secret", ...wrong } as SftpOptions);
  expect(make).toThrow(message);
  expect(make).not.toThrow(/hunter2/);
  try {
    make();
  } catch (error) {
    expect(OmniError.is(error, "INVALID_ARGUMENT")).toBe(true);
  }
});

it("a password of the wrong type is not shown", () => {
  expect(() => sftp({ ...GOOD, password: 12_345 as unknown as string })).toThrow(/"password" is a string, not number/);
});
