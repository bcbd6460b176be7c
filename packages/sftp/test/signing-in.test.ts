import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { describeWithServer } from "@omni/servers";
import { type SftpOptions, sftp } from "@omni/sftp";
import ssh2 from "ssh2";
import { optionsOf, Stores } from "./store.ts";

const run = promisify(execFile);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-sftp-"));
});
afterAll(() => rm(folder, { recursive: true }));

await describeWithServer("ssh", "signing in to OpenSSH", (current) => {
  const stores = new Stores(current);
  /** Signs in and asks for something that is not there. */
  const ask = async (options: Partial<SftpOptions>): Promise<boolean> => {
    const store = stores.fresh(options);
    try {
      return await store.exists("nothing");
    } finally {
      await store.close();
    }
  };

  it("by the file of a private key", async () => {
    expect(await ask({})).toBe(false);
  });

  it("by the text of a private key", async () => {
    const { privateKeyFile = "" } = optionsOf(current());
    expect(await ask({ privateKeyFile: undefined, privateKey: await readFile(privateKeyFile, "utf8") })).toBe(false);
  });

  it("by a private key with a passphrase; a wrong one is refused and not shown", async () => {
    const { privateKeyFile = "" } = optionsOf(current());
    const encrypted = join(folder, "encrypted");
    await run("cp", ["-p", privateKeyFile, encrypted]);
    await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", "open sesame", "-f", encrypted]);
    expect(await ask({ privateKeyFile: encrypted, passphrase: "open sesame" })).toBe(false);
    const wrong = await ask({ privateKeyFile: encrypted, passphrase: "open barley" }).catch((error: unknown) => error);
    expect(wrong).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('check the key and the option "passphrase"'),
    });
    expect(inspect(wrong, { depth: 9 })).not.toMatch(/barley|PRIVATE KEY/);
    await expect(ask({ privateKeyFile: encrypted })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("by an agent", async () => {
    const { privateKeyFile = "" } = optionsOf(current());
    const socket = join(folder, "agent");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(agent.stdout, "data");
      await run("ssh-add", ["-q", privateKeyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      expect(await ask({ privateKeyFile: undefined, agent: socket })).toBe(false);
    } finally {
      agent.kill();
      await once(agent, "exit");
    }
  });

  it("is refused for a key that the server does not know", async () => {
    const stranger = join(folder, "stranger");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", stranger]);
    await expect(ask({ privateKeyFile: stranger })).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      retryable: false,
      message: expect.stringContaining("the server refuses the user"),
    });
  });

  it("is refused for a key that is no key, and one that is not there", async () => {
    await expect(ask({ privateKeyFile: undefined, privateKey: "no key" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(ask({ privateKeyFile: join(folder, "nothing") })).rejects.toThrow(/private key .* cannot be read/);
  });

  it("needs something to sign in with", async () => {
    const before = process.env.SSH_AUTH_SOCK;
    delete process.env.SSH_AUTH_SOCK;
    try {
      await expect(ask({ privateKeyFile: undefined })).rejects.toThrow(
        'give "password", "privateKey", "privateKeyFile" or "agent"',
      );
    } finally {
      if (before !== undefined) process.env.SSH_AUTH_SOCK = before;
    }
  });

  it("checks the server's key: unknown, named, another one", async () => {
    const unknown = await ask({ knownHostsFile: join(folder, "nobody") }).catch((error: Error) => error);
    expect(unknown).toMatchObject({ code: "UNAUTHENTICATED" });
    const [fingerprint = ""] = /SHA256:[\w+/]{43}/.exec(String(unknown)) ?? [];
    expect(await ask({ knownHostsFile: undefined, hostKey: fingerprint })).toBe(false);
    const [, line = ""] = /: (\S+ ssh-\S+ \S+)$/.exec(String(unknown)) ?? [];
    expect(line).toBe((await readFile(optionsOf(current()).knownHostsFile ?? "", "utf8")).split(" ").slice(0, 3).join(" "));
    const other = fingerprint.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    await expect(ask({ knownHostsFile: undefined, hostKey: other })).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      message: expect.stringContaining(fingerprint),
    });
    expect(await ask({ knownHostsFile: undefined, verifyHostKey: (key) => key.fingerprint === fingerprint })).toBe(false);
  });
});

describe("a server that asks for a password", () => {
  const PASSWORD = "correct horse battery staple";
  let server: ssh2.Server;
  let port: number;
  let way: "password" | "keyboard-interactive";

  beforeAll(async () => {
    const { stdout } = await run("node", [
      "-e",
      "process.stdout.write(require('crypto').generateKeyPairSync('rsa',{modulusLength:2048,privateKeyEncoding:{type:'pkcs1',format:'pem'},publicKeyEncoding:{type:'pkcs1',format:'pem'}}).privateKey)",
    ]);
    server = new ssh2.Server({ hostKeys: [stdout] }, (client) => {
      client.on("error", () => {}); // a client that is refused hangs up
      client.on("authentication", (context) => {
        if (context.method === "password" && way === "password" && context.password === PASSWORD) context.accept();
        else if (context.method === "keyboard-interactive" && way === "keyboard-interactive")
          context.prompt([{ prompt: "Password: ", echo: false }], ([answer]) =>
            answer === PASSWORD ? context.accept() : context.reject([way]),
          );
        else context.reject([way]);
      });
      client.on("ready", () =>
        client.on("session", (accept) =>
          accept().on("sftp", (acceptSftp) => {
            const channel = acceptSftp();
            const nothing = (id: number): void => channel.status(id, 2);
            channel.on("REALPATH", (id, path) => channel.name(id, [{ filename: path, longname: path, attrs: {} as never }]));
            channel.on("LSTAT", nothing);
          }),
        ),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as { port: number }).port;
  });
  afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  async function ask(password: string): Promise<boolean> {
    const store = sftp({ host: "127.0.0.1", port, username: "ada", root: "/srv", password, verifyHostKey: () => true });
    try {
      return await store.exists("nothing");
    } finally {
      await store.close();
    }
  }

  it.each(["password", "keyboard-interactive"] as const)("gets it by %s", async (method) => {
    way = method;
    expect(await ask(PASSWORD)).toBe(false);
  });

  it.each(["password", "keyboard-interactive"] as const)("refuses a wrong one by %s, which no error shows", async (method) => {
    way = method;
    const error = await ask("wrong horse").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain("wrong horse");
  });
});
