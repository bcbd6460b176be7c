import { createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprintOf, hostKeyCheck, parseKnownHosts } from "../src/host-keys.ts";

/** A public key as it goes over the wire: the kind's name, then bytes. */
function keyOf(type: string, content: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(content)]);
}

const KEY = keyOf("ssh-ed25519", "one");
const OTHER = keyOf("ssh-ed25519", "two");
const LINE = `ssh-ed25519 ${KEY.toString("base64")}`;

function hashed(name: string): string {
  const salt = Buffer.from("some salt of 20 byte");
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

describe("a known_hosts file", () => {
  const known = (hosts: string, host: string, port = 22): boolean => parseKnownHosts(`${hosts} ${LINE}\n`, host, port).length === 1;

  it.each([
    ["a name", "files.example.com", "files.example.com", 22, true],
    ["a name in another case", "Files.Example.com", "files.example.COM", 22, true],
    ["one of several names", "a,files.example.com,10.0.0.1", "10.0.0.1", 22, true],
    ["another name", "files.example.com", "example.com", 22, false],
    ["a port of its own", "[files.example.com]:2222", "files.example.com", 2222, true],
    ["the port left out", "files.example.com", "files.example.com", 2222, false],
    ["a wildcard", "*.example.com", "files.example.com", 22, true],
    ["a wildcard whose dot is a dot", "*.example.com", "filesXexample.com", 22, false],
    ["a question mark", "host?", "host7", 22, true],
    ["a negation", "*.example.com,!secret.example.com", "secret.example.com", 22, false],
    ["a hashed name", hashed("files.example.com"), "files.example.com", 22, true],
    ["a hashed name with a port", hashed("[files.example.com]:2222"), "files.example.com", 2222, true],
    ["another hashed name", hashed("files.example.com"), "example.com", 22, false],
    ["a damaged hash", "|1|??|??", "files.example.com", 22, false],
  ] as const)("%s", (_name, hosts, host, port, expected) => {
    expect(known(hosts, host, port)).toBe(expected);
  });

  it("skips comments, empty and damaged lines and certificate authorities, and sees revoked keys", () => {
    const text = `# files ${LINE}\n\nfiles\nfiles ssh-rsa\n@cert-authority files ${LINE}\n@revoked files ${LINE}\n`;
    expect(parseKnownHosts(text, "files", 22)).toEqual([{ type: "ssh-ed25519", key: KEY.toString("base64"), isRevoked: true }]);
  });
});

describe("a server's key", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "omni-sftp-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const at = { host: "files", port: 2222, hostKey: undefined, knownHostsFile: undefined, verifyHostKey: undefined };
  async function checkByFile(lines: string, key: Buffer): Promise<void> {
    const knownHostsFile = join(folder, "known_hosts");
    await writeFile(knownHostsFile, lines);
    await (await hostKeyCheck({ ...at, knownHostsFile })).check(key);
  }

  it("is taken when the file has it", async () => {
    await expect(checkByFile(`[files]:2222 ${LINE}\n`, KEY)).resolves.toBeUndefined();
  });

  it("is refused when the server is not known, with the fingerprint and the line to add", async () => {
    await expect(checkByFile("", KEY)).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      retryable: false,
      message: expect.stringContaining(`is not known: its key is ssh-ed25519 ${fingerprintOf(KEY)}`),
    });
    await expect(checkByFile("", KEY)).rejects.toThrow(`add the line to ${join(folder, "known_hosts")}: [files]:2222 ${LINE}`);
  });

  it("is refused when there is no file", async () => {
    const check = await hostKeyCheck({ ...at, knownHostsFile: join(folder, "nothing") });
    await expect(check.check(KEY)).rejects.toThrow("is not known");
  });

  it("is refused when it changed, with what to do", async () => {
    await expect(checkByFile(`[files]:2222 ${LINE}\n`, OTHER)).rejects.toThrow(/key has changed.*ssh-keygen -R "\[files\]:2222"/s);
  });

  it("is refused when it is revoked, also where it is known", async () => {
    await expect(checkByFile(`[files]:2222 ${LINE}\n@revoked * ${LINE}\n@revoked [files]:* ${LINE}\n`, KEY)).rejects.toThrow(
      "@revoked",
    );
  });

  it("is asked for in a kind that is known", async () => {
    const knownHostsFile = join(folder, "kinds");
    await writeFile(knownHostsFile, `[files]:2222 ${LINE}\n[files]:2222 ssh-rsa AAAA\nother ecdsa-sha2-nistp256 AAAA\n`);
    expect((await hostKeyCheck({ ...at, knownHostsFile })).types).toEqual(["ssh-ed25519", "ssh-rsa"]);
  });

  it("is compared with the option hostKey: fingerprints and public keys", async () => {
    const check = async (hostKey: string, key: Buffer): Promise<void> => (await hostKeyCheck({ ...at, hostKey })).check(key);
    await check(fingerprintOf(KEY), KEY);
    await check(`${fingerprintOf(OTHER)}, ${LINE} a comment`, KEY);
    await expect(check(fingerprintOf(OTHER), KEY)).rejects.toThrow(fingerprintOf(KEY));
    await expect(check("", KEY)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("is shown to verifyHostKey, whose word counts", async () => {
    const seen: unknown[] = [];
    const check = async (answer: boolean): Promise<void> =>
      (
        await hostKeyCheck({
          ...at,
          verifyHostKey: async (key) => {
            seen.push(key);
            return answer;
          },
        })
      ).check(KEY);
    await check(true);
    await expect(check(false)).rejects.toThrow("verifyHostKey() refuses");
    const shown = { host: "files", port: 2222, type: "ssh-ed25519", fingerprint: fingerprintOf(KEY), key: KEY.toString("base64") };
    expect(seen).toEqual([shown, shown]);
  });
});
