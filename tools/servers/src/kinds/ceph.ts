/**
 * The faithful S3 server of the full tier: Ceph's gateway before one monitor and one storage daemon that keeps objects in memory.
 * The gateway can be killed and started again; objects live in the storage daemon and survive that.
 */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { debianRoot, inside, installDebian, installedVersion } from "../debian.ts";
import { absent, onPath } from "../executables.ts";
import { answers } from "../http.ts";
import type { Absent, ProcessPlan, Program, ServerKind, Site } from "../kind.ts";
import { mustRun, run } from "../processes.ts";
import { pins } from "../versions.ts";
import { credentials, region, s3Environment } from "./s3.ts";

export const ceph: ServerKind = {
  name: "ceph",
  environment: (variables) => s3Environment(variables, "OMNI_CEPH"),
  probe,
  install: (say) => installDebian(pins.ceph, say),
  portNames: () => ["client", "monitor", "monitorV1"],
  endpoint: ({ ports }) => ({ url: `http://127.0.0.1:${ports.client}`, credentials, region }),
  async plan(site) {
    for (const folder of ["data/mon", "data/osd", "data/gateway", "run"])
      await mkdir(join(site.directory, folder), { recursive: true });
    await writeFile(configurationFile(site), configuration(site));
    return [monitor(site), storage(site), gateway(site)];
  },
  startTimeoutMs: 120_000,
};

async function probe(): Promise<Program | Absent> {
  const commands = await Promise.all(["ceph-mon", "ceph-osd", "radosgw", "ceph"].map(onPath));
  if (commands.every((command) => command !== undefined)) {
    const said = await run({ command: "radosgw", args: ["--version"] });
    return { from: "path", command: "radosgw", version: /\d+\.\d+\.\d+/.exec(said.stdout)?.[0] ?? "unknown" };
  }
  const version = await installedVersion(pins.ceph, "radosgw");
  if (!version) return absent("ceph", "no radosgw on the PATH and none in the cache", "Debian, root and 1.1 GB");
  if (process.getuid?.() !== 0)
    return { why: "the installed Ceph lives in a tree of its own, which only root can enter", remedy: "run as root" };
  return { from: "cache", command: "radosgw", version, home: debianRoot(pins.ceph) };
}

function configurationFile(site: Site): string {
  return join(site.directory, "ceph.conf");
}

/** Runs one of Ceph's tools on this cluster to its end. */
function tool(site: Site, command: string, ...args: string[]): Promise<string> {
  return mustRun(inside(site.program.home, site, command, ["-c", configurationFile(site), ...args]));
}

function monitor(site: Site): ProcessPlan {
  const keyring = join(site.directory, "keyring");
  const monitorKeyring = join(site.directory, "monitor.keyring");
  const map = join(site.directory, "monmap");
  const prepare = async () => {
    const all = ["--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *"];
    await tool(site, "ceph-authtool", "--create-keyring", monitorKeyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *");
    await tool(site, "ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "client.admin", ...all);
    for (const name of ["client.gateway", "osd.0"]) await tool(site, "ceph-authtool", keyring, "--gen-key", "-n", name, ...all);
    await tool(site, "ceph-authtool", monitorKeyring, "--import-keyring", keyring);
    await tool(site, "monmaptool", "--create", "--fsid", fsid(site), "--addv", "a", monitorAddress(site, false), map);
    await tool(site, "ceph-mon", "--mkfs", "-i", "a", "--monmap", map, "--keyring", monitorKeyring);
  };
  return {
    role: "mon",
    ...daemon(site, "ceph-mon", "-i", "a"),
    prepare,
    ready: () => listens(site.ports.monitor!),
    killable: false,
  };
}

function storage(site: Site): ProcessPlan {
  const prepare = async () => {
    const id = randomUUID();
    await tool(site, "ceph", "osd", "new", id, "0");
    await tool(site, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", id);
    await tool(site, "ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost");
  };
  const ready = async () => /\b1 up\b/.test(await tool(site, "ceph", "osd", "stat"));
  return { role: "osd", ...daemon(site, "ceph-osd", "-i", "0"), prepare, ready, killable: false };
}

function gateway(site: Site): ProcessPlan {
  const account = [
    "--uid=omni",
    "--display-name=omni",
    `--access-key=${credentials.accessKeyId}`,
    `--secret-key=${credentials.secretAccessKey}`,
  ];
  return {
    role: "gateway",
    ...daemon(site, "radosgw", "-n", "client.gateway"),
    ready: () => answers(`http://127.0.0.1:${site.ports.client}/`),
    finish: async () => void (await tool(site, "radosgw-admin", "-n", "client.gateway", "user", "create", ...account)),
  };
}

/** A daemon in the foreground. */
function daemon(site: Site, command: string, ...args: string[]): ReturnType<typeof inside> {
  return inside(site.program.home, site, command, ["-c", configurationFile(site), ...args, "-f"]);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
  });
}

/** The cluster's id, made of the instance's own so that a restart finds the same. */
function fsid(site: Site): string {
  const digits = Buffer.from(site.id.slice(-10)).toString("hex").slice(0, 20).padStart(32, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20)}`;
}

function monitorAddress(site: Site, nonce: boolean): string {
  const end = nonce ? "/0" : "";
  return `[v2:127.0.0.1:${site.ports.monitor}${end},v1:127.0.0.1:${site.ports.monitorV1}${end}]`;
}

function configuration(site: Site): string {
  const at = (name: string) => join(site.directory, name);
  return `[global]
fsid = ${fsid(site)}
mon_host = ${monitorAddress(site, true)}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = ${at("keyring")}
run_dir = ${at("run")}
admin_socket =
pid_file =
log_file =
log_to_stderr = true
err_to_stderr = true
auth_allow_insecure_global_id_reclaim = false
mon_data = ${at("data/mon")}
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
mon_data_avail_warn = 1
osd_data = ${at("data/osd")}
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_class_default_list = *
osd_class_load_list = *
osd_crush_update_on_start = false
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_memory_target = 939524096
# Without tcp_nodelay a small answer waits 40 ms for the client's delayed acknowledgement.
[client.gateway]
rgw_frontends = beast endpoint=127.0.0.1:${site.ports.client} tcp_nodelay=1
rgw_data = ${at("data/gateway")}
rgw_run_sync_thread = false
rgw_thread_pool_size = 32
`;
}
