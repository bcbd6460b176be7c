/** An OpenSSH server with SFTP: keys of its own, made at the first start; signs in the user that started it, by key. Files survive SIGKILL. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { installApt } from "../apt.ts";
import { absent, exists, onPath } from "../executables.ts";
import type { Absent, Endpoint, Program, ServerKind, Site } from "../kind.ts";
import { mustRun, run } from "../processes.ts";
import { pins } from "../versions.ts";

export const ssh: ServerKind = {
  name: "ssh",
  environment: ({ OMNI_SSH_URL: url, OMNI_SSH_PRIVATE_KEY_FILE: privateKeyFile, OMNI_SSH_KNOWN_HOSTS_FILE: knownHostsFile }) =>
    url && privateKeyFile && knownHostsFile ? { url, ssh: { privateKeyFile, knownHostsFile } } : undefined,
  probe,
  install: (say) => installApt(pins.ssh, say),
  portNames: () => ["client"],
  endpoint,
  async plan(site) {
    const { directory, ports, program } = site;
    await prepare(site);
    const file = join(directory, "sshd_config");
    await writeFile(file, configuration(site));
    const args = ["-D", "-e", "-f", file];
    return [{ role: "server", command: program.command, args, ready: () => greets(ports.client!) }];
  },
};

/** sshd is no command of users: it is rarely on their PATH. */
async function probe(): Promise<Program | Absent> {
  const command = (await onPath("sshd")) ?? ((await exists("/usr/sbin/sshd")) ? "/usr/sbin/sshd" : undefined);
  if (!command || !(await onPath("ssh-keygen"))) return absent("ssh", "no sshd and ssh-keygen on the PATH", "Debian and root");
  const said = await run({ command, args: ["-V"], timeoutMs: 10_000 });
  return { from: "path", command, version: /OpenSSH_(\d+\.\d+)/.exec(said.stdout + said.stderr)?.[1] ?? "unknown" };
}

function endpoint({ ports, directory = "" }: Parameters<ServerKind["endpoint"]>[0]): Endpoint {
  return {
    url: `sftp://${encodeURIComponent(userInfo().username)}@127.0.0.1:${ports.client}${join(directory, "data")}`,
    ssh: { privateKeyFile: join(directory, "user_key"), knownHostsFile: join(directory, "known_hosts") },
  };
}

async function prepare({ directory, ports }: Site): Promise<void> {
  const at = (name: string): string => join(directory, name);
  await mkdir(at("data"), { recursive: true });
  // Where sshd shuts itself in before a user is known; it starts as root only with it.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  if (await exists(at("host_key"))) return;
  for (const name of ["host_key", "user_key"])
    await mustRun({ command: "ssh-keygen", args: ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", at(name)] });
  await writeFile(at("authorized_keys"), await readFile(at("user_key.pub"), "utf8"));
  await writeFile(at("known_hosts"), `[127.0.0.1]:${ports.client} ${await readFile(at("host_key.pub"), "utf8")}`);
  await rm(at("user_key.pub"));
}

function configuration({ directory, ports, program, options }: Site): string {
  const lines = [
    `ListenAddress 127.0.0.1:${ports.client}`,
    `HostKey ${join(directory, "host_key")}`,
    `AuthorizedKeysFile ${join(directory, "authorized_keys")}`,
    "PidFile none",
    "PermitRootLogin prohibit-password",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "UsePAM no",
    "UseDNS no",
    // The folder of the instance is in a temporary directory, which others may write to.
    "StrictModes no",
    "MaxStartups 200",
    "MaxSessions 200",
    "Subsystem sftp internal-sftp",
    "LogLevel INFO",
    // Since 9.8 a client that fails to sign in is kept out for a while, and all tests are one client.
    ...(Number(program.version) >= 9.8 ? ["PerSourcePenalties no"] : []),
    options.configuration ?? "",
  ];
  return `${lines.join("\n")}\n`;
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setTimeout(1000, () => socket.destroy());
    socket.once("data", (data) => {
      resolve(data.toString("latin1").startsWith("SSH-2.0-"));
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}
