import { type Clock, type Logger, OmniError, type OptionTable, type TextConfig } from "@omni/core";

/** What {@link SftpOptions.verifyHostKey} is shown. */
export interface HostKey {
  readonly host: string;
  readonly port: number;
  /** The kind of the key: `ssh-ed25519`. */
  readonly type: string;
  /** As `ssh-keygen -l` shows it: `SHA256:…`. */
  readonly fingerprint: string;
  /** The public key itself, base64, as it stands in a known_hosts file. */
  readonly key: string;
}

/** Options of {@link sftp}. */
export interface SftpOptions {
  /** Name or address of the server. */
  readonly host: string;
  /** @default 22 */
  readonly port?: number | undefined;
  /** Whom to sign in as. */
  readonly username: string;
  /** The directory that holds the objects, from `/` on; made at the first write. */
  readonly root: string;
  /** Signs in by password, also where the server asks for it interactively. */
  readonly password?: string | undefined;
  /** Signs in by this private key: its text, OpenSSH or PEM. */
  readonly privateKey?: string | undefined;
  /** Signs in by the private key in this file, read at each connection. */
  readonly privateKeyFile?: string | undefined;
  /** Opens an encrypted private key. */
  readonly passphrase?: string | undefined;
  /** Signs in by the keys of an agent: its socket. @default `SSH_AUTH_SOCK`, where no password and no key is given */
  readonly agent?: string | undefined;
  /** The server's key, in place of a known_hosts file: fingerprints (`SHA256:…`) or public keys (`ssh-ed25519 AAAA…`), several with commas. */
  readonly hostKey?: string | undefined;
  /** Where the keys of known servers stand. @default `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts` */
  readonly knownHostsFile?: string | undefined;
  /** Decides whether a server's key is right, in place of both of the above. */
  readonly verifyHostKey?: ((key: HostKey) => boolean | Promise<boolean>) | undefined;
  /**
   * Force every write to the server's disk, the file and its directory, before the promise resolves, where the server offers
   * `fsync@openssh.com`.
   *
   * @default true
   */
  readonly fsync?: boolean | undefined;
  /** Permissions of new objects, in octal: `"0640"`. @default the server's umask decides */
  readonly fileMode?: string | undefined;
  /** Permissions of new directories, in octal: `"0750"`. @default the server's umask decides */
  readonly directoryMode?: string | undefined;
  /** Connections to the server at once; another is opened when the present ones have four calls each. @default 4 */
  readonly connections?: number | undefined;
  /** Milliseconds for connecting and signing in. @default 20_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds without a word of the server after which it is asked; three unanswered = the connection is lost. @default 15_000 */
  readonly keepaliveMs?: number | undefined;
  /** Milliseconds after which an unused connection is closed; it does not keep the process alive. @default 30_000 */
  readonly idleMs?: number | undefined;
  /** Milliseconds after which a staged write that was not committed may be swept. @default 604_800_000, seven days */
  readonly stageTtlMs?: number | undefined;
  /** Told about connections. @default silent */
  readonly logger?: Logger | undefined;
  /** Time for deadlines. @default the machine's clock */
  readonly clock?: Clock | undefined;
}

export const OPTIONS: OptionTable<SftpOptions> = {
  host: { type: "string", required: true, aliases: ["hostname"] },
  port: { type: "integer", min: 1 },
  username: { type: "string", required: true, aliases: ["user"] },
  root: { type: "string", required: true, aliases: ["path", "dir", "directory", "basePath"] },
  password: { type: "string", secret: true, aliases: ["pass"] },
  privateKey: { type: "string", secret: true },
  privateKeyFile: { type: "string", aliases: ["identityFile", "keyFile"] },
  passphrase: { type: "string", secret: true },
  agent: { type: "string" },
  hostKey: { type: "string", aliases: ["fingerprint", "hostKeys"] },
  knownHostsFile: { type: "string", aliases: ["knownHosts"] },
  verifyHostKey: { type: "function" },
  fsync: { type: "boolean", aliases: ["sync"] },
  fileMode: { type: "string", aliases: ["mode"] },
  directoryMode: { type: "string", aliases: ["dirMode"] },
  connections: { type: "integer", min: 1 },
  connectTimeoutMs: { type: "integer", min: 1 },
  keepaliveMs: { type: "integer", min: 1 },
  idleMs: { type: "integer", min: 1 },
  stageTtlMs: { type: "integer", min: 1000 },
  logger: { type: "object" },
  clock: { type: "object" },
};

/** The options with their defaults. */
export interface CheckedOptions
  extends Pick<SftpOptions, "password" | "privateKey" | "privateKeyFile" | "passphrase" | "agent">,
    Pick<SftpOptions, "hostKey" | "knownHostsFile" | "verifyHostKey" | "logger"> {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly root: string;
  readonly fsync: boolean;
  readonly fileMode: number | undefined;
  readonly directoryMode: number | undefined;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly keepaliveMs: number;
  readonly idleMs: number;
  readonly stageTtlMs: number;
}

const DEFAULTS = {
  port: 22,
  fsync: true,
  connections: 4,
  connectTimeoutMs: 20_000,
  keepaliveMs: 15_000,
  idleMs: 30_000,
  stageTtlMs: 7 * 86_400_000,
} as const;

/** Completes the options. @throws OmniError INVALID_ARGUMENT */
export function withDefaults(options: SftpOptions): CheckedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as unknown as SftpOptions;
  const { host, port = DEFAULTS.port, privateKey, privateKeyFile, hostKey, knownHostsFile, verifyHostKey } = given;
  if (host === "") throw refused('the option "host" is the name or address of a server, such as "files.example.com"');
  if (port > 65_535) throw refused(`the option "port" is a port number, 1 to 65535, not ${port}`);
  if (privateKey !== undefined && privateKeyFile !== undefined)
    throw refused('the options "privateKey" and "privateKeyFile" are two keys; give one of them');
  const ways = { hostKey, knownHostsFile, verifyHostKey };
  const chosen = Object.entries(ways).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (chosen.length > 1) throw refused(`the options ${chosen.join(", ")} all say which server is right; give one of them`);
  return {
    ...DEFAULTS,
    ...given,
    root: rootOf(given.root),
    fileMode: modeOf("fileMode", given.fileMode),
    directoryMode: modeOf("directoryMode", given.directoryMode),
  } as CheckedOptions;
}

function rootOf(root: string): string {
  const trimmed = root.replace(/\/+$/, "");
  if (!root.startsWith("/") || root.includes("\0") || /\/(?:\.{1,2}|)(?:\/|$)/.test(trimmed))
    throw refused(
      `the option "root" is a directory of the server from "/" on, without "." or "..", such as "/srv/objects", not ${JSON.stringify(root)}`,
    );
  return trimmed;
}

function modeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^0?[0-7]{3}$/.test(text))
    throw refused(`the option "${name}" is a mode in octal, such as "0640", not ${JSON.stringify(text)}`);
  return Number.parseInt(text, 8);
}

/** `sftp://user@host:2222/srv/objects?fsync=false`: the path is the root. */
export function configOfUrl(url: URL): TextConfig {
  const { hostname, port, username, password, pathname } = url;
  return {
    host: hostname.replace(/^\[|\]$/g, "") || undefined,
    port: port || undefined,
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    root: decodeURIComponent(pathname) || undefined,
  };
}

function refused(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason });
}
