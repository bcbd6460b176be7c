import { readFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { OmniError } from "@omni/core";
import type { Client, ConnectConfig, FileEntryWithStats, InputAttributes, ServerHostKeyAlgorithm, SFTPWrapper, Stats } from "ssh2";
import { ConnectionLost } from "./errors.ts";
import { hostKeyCheck } from "./host-keys.ts";
import type { CheckedOptions } from "./options.ts";

type Done<T> = (error: Error | null | undefined, value: T) => void;
type Handle = Buffer;

// The least that every server takes in one packet (draft-ietf-secsh-filexfer-02, section 3), and what those take that tell their limits.
const SAFE_CHUNK_BYTES = 31 * 1024;
const LARGE_CHUNK_BYTES = 128 * 1024;

// So many silent intervals and the connection counts as lost.
const SILENT_INTERVALS = 3;

/**
 * One connection with one SFTP channel: the calls of ssh2 as promises. Every call that has no answer when the connection ends rejects with
 * {@link ConnectionLost}.
 */
export class Session {
  /** Bytes for one request. */
  readonly chunkBytes: number;
  readonly #socket: Socket;
  readonly #client: Client;
  readonly #channel: SFTPWrapper;
  readonly #pending = new Set<(error: ConnectionLost) => void>();
  readonly #keepalive: NodeJS.Timeout;
  #lost: ConnectionLost | undefined;
  #onClosed: () => void = () => {};

  constructor(socket: Socket, client: Client, channel: SFTPWrapper, keepaliveMs: number) {
    this.#socket = socket;
    this.#client = client;
    this.#channel = channel;
    // Set by ssh2 when the server has answered limits@openssh.com.
    const hasLimits = (channel as { maxOpenHandles?: number }).maxOpenHandles !== undefined;
    this.chunkBytes = hasLimits ? LARGE_CHUNK_BYTES : SAFE_CHUNK_BYTES;
    client.on("error", (error) => this.#end(error));
    client.on("close", () => this.#end());
    channel.on("error", (error: Error) => this.#end(error));
    channel.on("close", () => this.#end());
    this.#keepalive = this.#listen(keepaliveMs);
  }

  get isOpen(): boolean {
    return this.#lost === undefined;
  }

  /** Called once, when the connection has ended. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }

  /** Whether the connection keeps the process alive. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#socket.ref();
    else this.#socket.unref();
  }

  close(): void {
    this.#client.end();
    this.#end();
  }

  #end(cause?: unknown): void {
    if (this.#lost) return;
    this.#lost = new ConnectionLost("the connection to the server was lost", cause);
    clearInterval(this.#keepalive);
    this.#socket.destroySoon();
    for (const reject of this.#pending) reject(this.#lost);
    this.#pending.clear();
    this.#onClosed();
  }

  /** Ends the connection when the server is silent. ssh2's own timer would keep the process alive. */
  #listen(intervalMs: number): NodeJS.Timeout {
    let read = -1;
    let silent = 0;
    const tick = (): void => {
      silent = this.#socket.bytesRead === read ? silent + 1 : 0;
      read = this.#socket.bytesRead;
      if (silent > SILENT_INTERVALS) {
        this.#socket.destroy();
        this.#end(new Error(`the server was silent for ${silent * intervalMs} ms`));
      } else if (silent > 0) this.realPath(".").catch(() => {}); // an answer is heard by its bytes; without one the session ends
    };
    return setInterval(tick, intervalMs).unref();
  }

  #call<T>(ask: (channel: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      this.#pending.add(reject);
      ask(this.#channel, (error, value) => {
        this.#pending.delete(reject);
        if (!error) return resolve(value);
        // What ssh2 says of calls without an answer.
        const isUnanswered = error.message === "No response from server" && (error as { code?: unknown }).code === undefined;
        reject(isUnanswered ? new ConnectionLost(error.message, error) : error);
      });
    });
  }

  #do(ask: (channel: SFTPWrapper, done: (error?: Error | null) => void) => void): Promise<void> {
    return this.#call<void>((channel, done) => ask(channel, (error) => done(error, undefined)));
  }

  realPath(path: string): Promise<string> {
    return this.#call((channel, done: Done<string>) =>
      channel.realpath(path, done as (error: Error | undefined, path: string) => void),
    );
  }

  /** Links are not followed. */
  look(path: string): Promise<Stats> {
    return this.#call((channel, done: Done<Stats>) =>
      channel.lstat(path, done as (error: Error | undefined, stats: Stats) => void),
    );
  }

  lookOpen(handle: Handle): Promise<Stats> {
    return this.#call((channel, done: Done<Stats>) =>
      channel.fstat(handle, done as (error: Error | undefined, stats: Stats) => void),
    );
  }

  openToRead(path: string): Promise<Handle> {
    return this.#call((channel, done: Done<Handle>) =>
      channel.open(path, "r", done as (error: Error | undefined, handle: Handle) => void),
    );
  }

  /** A file that is not there yet. */
  openNew(path: string): Promise<Handle> {
    return this.#call((channel, done: Done<Handle>) =>
      channel.open(path, "wx", done as (error: Error | undefined, handle: Handle) => void),
    );
  }

  /** Bytes at a place: as many as wanted or fewer, none at the end. */
  async read(handle: Handle, position: number, bytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    const got = await this.#call<number>((channel, done) =>
      channel.read(handle, buffer, 0, bytes, position, (error, count) => done(error, count)),
    );
    return got === bytes ? buffer : buffer.subarray(0, got);
  }

  write(handle: Handle, bytes: Buffer, position: number): Promise<void> {
    return this.#do((channel, done) => channel.write(handle, bytes, 0, bytes.byteLength, position, done));
  }

  closeHandle(handle: Handle): Promise<void> {
    return this.#do((channel, done) => channel.close(handle, done));
  }

  /** Forces a file to the disk. @returns `false` where the server does not offer it */
  async sync(handle: Handle): Promise<boolean> {
    return this.#offered("fsync@openssh.com", () => this.#do((channel, done) => channel.ext_openssh_fsync(handle, done)));
  }

  /** Renames over what is there. @returns `false` where the server does not offer it */
  replace(from: string, to: string): Promise<boolean> {
    return this.#offered("posix-rename@openssh.com", () => this.#do((channel, done) => channel.ext_openssh_rename(from, to, done)));
  }

  /** Renames where nothing is (draft-ietf-secsh-filexfer-02, section 6.5). */
  rename(from: string, to: string): Promise<void> {
    return this.#do((channel, done) => channel.rename(from, to, done));
  }

  /** Whether the file system that a path is on has no room; `undefined` where the server does not tell. */
  async isFull(path: string): Promise<boolean | undefined> {
    let room: { f_bavail: number; f_favail: number; f_files: number } | undefined;
    const ask = (): Promise<void> =>
      this.#do((channel, done) =>
        channel.ext_openssh_statvfs(path, (error, info) => {
          room = info as unknown as typeof room;
          done(error);
        }),
      );
    if (!(await this.#offered("statvfs@openssh.com", ask)) || !room) return undefined;
    return Number(room.f_bavail) === 0 || (Number(room.f_files) > 0 && Number(room.f_favail) === 0);
  }

  setAttributes(path: string, attributes: InputAttributes): Promise<void> {
    return this.#do((channel, done) => channel.setstat(path, attributes, done));
  }

  setAttributesOpen(handle: Handle, attributes: InputAttributes): Promise<void> {
    return this.#do((channel, done) => channel.fsetstat(handle, attributes, done));
  }

  unlink(path: string): Promise<void> {
    return this.#do((channel, done) => channel.unlink(path, done));
  }

  makeDirectory(path: string, mode: number | undefined): Promise<void> {
    return this.#do((channel, done) => (mode === undefined ? channel.mkdir(path, done) : channel.mkdir(path, { mode }, done)));
  }

  removeDirectory(path: string): Promise<void> {
    return this.#do((channel, done) => channel.rmdir(path, done));
  }

  /** Names and attributes of all that is in a directory; links are not followed. */
  entries(path: string): Promise<FileEntryWithStats[]> {
    return this.#call((channel, done: Done<FileEntryWithStats[]>) =>
      channel.readdir(path, done as (error: Error | undefined, list: FileEntryWithStats[]) => void),
    );
  }

  /** ssh2 throws at once where the server has not offered an extension; it shows no list of those offered. */
  async #offered(extension: string, ask: () => Promise<void>): Promise<boolean> {
    try {
      await ask();
      return true;
    } catch (error) {
      const { message, code } = error as { message?: unknown; code?: unknown };
      if (code === undefined && message === "Server does not support this extended request") return false;
      throw error instanceof Error ? error : new Error(`${extension} failed`, { cause: error });
    }
  }
}

/**
 * Connects, checks the server's key, signs in, and opens the SFTP channel.
 *
 * @throws OmniError UNAUTHENTICATED for a server that is not the right one; else what the socket or ssh2 throws
 */
export async function openSession(options: CheckedOptions): Promise<Session> {
  const { default: ssh2 } = await import("ssh2");
  const { host, port, connectTimeoutMs, keepaliveMs } = options;
  const check = await hostKeyCheck(options);
  const signIn = await signInOf(options);
  const client = new ssh2.Client();
  const socket = connectSocket({ host, port, noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<SFTPWrapper>();
  const late = setTimeout(
    () => reject(new OmniError("TIMEOUT", { reason: `the server did not let in within ${connectTimeoutMs} ms` })),
    connectTimeoutMs,
  );
  client.on("ready", () => client.sftp((error, channel) => (error ? reject(noChannel(error)) : resolve(channel))));
  client.on("error", reject);
  client.on("close", () => reject(brokenOff()));
  socket.on("error", reject);
  client.on("keyboard-interactive", (_name, _instructions, _language, prompts, answer) =>
    answer(prompts.map(() => options.password ?? "")),
  );
  const hostVerifier = (key: Buffer, verify: (isRight: boolean) => void): void => {
    check.check(key).then(
      () => verify(true),
      (error) => {
        reject(error);
        verify(false);
      },
    );
  };
  try {
    const algorithms = { serverHostKey: { prepend: preferred(check.types), append: [], remove: [] } };
    const asked: ConnectConfig = {
      ...signIn,
      sock: socket,
      readyTimeout: 0,
      hostVerifier,
      tryKeyboard: options.password !== undefined,
    };
    start(client, check.types.length > 0 ? { ...asked, algorithms } : asked);
    return new Session(socket, client, await promise, keepaliveMs);
  } catch (error) {
    promise.catch(() => {}); // thrown above, or never awaited
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/** ssh2 throws at once for a key that it cannot read. */
function start(client: Client, config: ConnectConfig): void {
  try {
    client.connect(config);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^Cannot parse privateKey: /, "") : String(cause);
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `the private key cannot be used: ${why}; check the key and the option "passphrase"`,
      cause,
    });
  }
}

/** Not a lost connection: nothing was asked of it yet. */
function brokenOff(): OmniError {
  return new OmniError("UNAVAILABLE", {
    reason: "the server ended the connection before the user was signed in; it may be starting, stopping, or limiting connections",
    retryable: true,
    outcome: "not-applied",
  });
}

function noChannel(cause: Error): OmniError {
  return new OmniError("NOT_SUPPORTED", {
    reason: "the server lets the user in but offers no SFTP; enable its subsystem sftp",
    cause,
  });
}

async function signInOf(options: CheckedOptions): Promise<ConnectConfig> {
  const { username, password, privateKeyFile, passphrase } = options;
  const key = options.privateKey ?? (privateKeyFile === undefined ? undefined : await keyIn(privateKeyFile));
  const agent = options.agent ?? (password === undefined && key === undefined ? process.env.SSH_AUTH_SOCK : undefined);
  if (password === undefined && key === undefined && !agent)
    throw new OmniError("INVALID_ARGUMENT", {
      reason:
        'nothing to sign in with: give "password", "privateKey", "privateKeyFile" or "agent", or start an agent (SSH_AUTH_SOCK)',
    });
  return {
    username,
    ...(password === undefined ? {} : { password }),
    ...(key === undefined ? {} : { privateKey: key, ...(passphrase === undefined ? {} : { passphrase }) }),
    ...(agent ? { agent } : {}),
  };
}

async function keyIn(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `the private key ${file} cannot be read: ${(cause as Error).message}`,
      cause,
    });
  }
}

/** Algorithms of the keys that are known, so that the server shows one of them; an RSA key signs by three. */
function preferred(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const all = types.flatMap((type) => (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type]));
  return all as ServerHostKeyAlgorithm[];
}
