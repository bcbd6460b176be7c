import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { OmniError } from "@omni/core";
import type { CheckedOptions, HostKey } from "./options.ts";

type Checks = Pick<CheckedOptions, "host" | "port" | "hostKey" | "knownHostsFile" | "verifyHostKey">;

/** One line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
interface KnownKey {
  readonly type: string;
  readonly key: string;
  readonly isRevoked: boolean;
}

/** What is known of a server before it is asked. */
export interface HostKeyCheck {
  /** Kinds of the keys that are known, for the handshake to ask for one of them; empty = any. */
  readonly types: readonly string[];
  /** @throws OmniError UNAUTHENTICATED when the key is unknown, another one or revoked */
  check(key: Buffer): Promise<void>;
}

/** Prepares the check of a server's key: reads the files anew, so that a key that was added meanwhile is known. */
export async function hostKeyCheck(options: Checks): Promise<HostKeyCheck> {
  const { hostKey, verifyHostKey } = options;
  if (verifyHostKey) return { types: [], check: (key) => checkByFunction(verifyHostKey, shown(options, key)) };
  if (hostKey !== undefined) return givenKeys(options, hostKey);
  const files = filesOf(options);
  const known = (await Promise.all(files.map(linesOf))).flatMap((text) => parseKnownHosts(text, options.host, options.port));
  return {
    types: [...new Set(known.filter(({ isRevoked }) => !isRevoked).map(({ type }) => type))],
    check: async (key) => checkKnown(options, known, shown(options, key), files),
  };
}

/** The fingerprint as `ssh-keygen -l` shows it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The keys of a server in a known_hosts file: plain, bracketed, hashed, with wildcards and negations. */
export function parseKnownHosts(text: string, host: string, port: number): KnownKey[] {
  const found: KnownKey[] = [];
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (line.trim() === "" || words[0]?.startsWith("#")) continue;
    const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
    const [hosts, type, key] = words;
    // A certificate authority signs keys of servers; ssh2 does not know certificates.
    if (marker === "@cert-authority" || !hosts || !type || !key) continue;
    if (namesHost(hosts, host, port)) found.push({ type, key, isRevoked: marker === "@revoked" });
  }
  return found;
}

function namesHost(hosts: string, host: string, port: number): boolean {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  if (hosts.startsWith("|1|")) return isHashOf(hosts, name);
  let named = false;
  for (const pattern of hosts.toLowerCase().split(",")) {
    const isNegated = pattern.startsWith("!");
    if (!fits(isNegated ? pattern.slice(1) : pattern, name)) continue;
    if (isNegated) return false;
    named = true;
  }
  return named;
}

function isHashOf(hashed: string, name: string): boolean {
  const [, , salt = "", digest = ""] = hashed.split("|");
  const expected = Buffer.from(digest, "base64");
  const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function fits(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`).test(name);
}

function shown({ host, port }: Checks, key: Buffer): HostKey {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return { host, port, type: key.toString("latin1", 4, 4 + length), fingerprint: fingerprintOf(key), key: key.toString("base64") };
}

async function checkByFunction(verify: NonNullable<Checks["verifyHostKey"]>, key: HostKey): Promise<void> {
  if (!(await verify(key)))
    throw refused(`verifyHostKey() refuses the server's key ${key.type} ${key.fingerprint} of ${key.host}:${key.port}`);
}

function givenKeys(options: Checks, hostKey: string): HostKeyCheck {
  const entries = hostKey
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  const types = entries.flatMap((entry) => (entry.startsWith("SHA256:") ? [] : [entry.split(/\s+/)[0] as string]));
  const check = async (blob: Buffer): Promise<void> => {
    const key = shown(options, blob);
    const isGiven = entries.some((entry) => entry.replace(/=+$/, "") === key.fingerprint || entry.split(/\s+/)[1] === key.key);
    if (!isGiven)
      throw refused(
        `the server's key is ${key.type} ${key.fingerprint}, which the option "hostKey" does not name: if the key was changed by its owner, give the new one; if not, somebody may be in between`,
      );
  };
  return { types: types.length === entries.length ? types : [], check };
}

function checkKnown({ host, port }: Checks, known: readonly KnownKey[], key: HostKey, files: readonly string[]): void {
  const same = known.filter((one) => one.key === key.key);
  const where = files.join(" and ");
  const name = port === 22 ? host : `[${host}]:${port}`;
  if (same.some(({ isRevoked }) => isRevoked))
    throw refused(`the key ${key.type} ${key.fingerprint} of ${name} is marked @revoked in ${where}: do not trust this server`);
  if (same.length > 0) return;
  const trusted = known.filter(({ isRevoked }) => !isRevoked);
  if (trusted.length > 0)
    throw refused(
      `the server's key has changed: ${name} shows ${key.type} ${key.fingerprint}, ${where} has another (${trusted.map(({ type }) => type).join(", ")}). Somebody may be in between. If its owner changed it, remove the old one with ssh-keygen -R "${name}" and add the new one`,
    );
  throw refused(
    `the server ${name} is not known: its key is ${key.type} ${key.fingerprint}. Compare it with what its owner says, then give it as the option "hostKey", or add the line to ${files[0]}: ${name} ${key.type} ${key.key}`,
  );
}

function refused(reason: string): OmniError {
  return new OmniError("UNAUTHENTICATED", { reason, outcome: "not-applied" });
}

function filesOf({ knownHostsFile }: Checks): string[] {
  return knownHostsFile === undefined ? [join(homedir(), ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"] : [knownHostsFile];
}

async function linesOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    // Nobody is known then, which the refusal says.
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `the known_hosts file ${file} cannot be read: ${(cause as Error).message}`,
      cause,
    });
  }
}
