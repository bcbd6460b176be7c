// The publish rehearsal: a release into a registry on this machine, and consumers who know nothing of this repository.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { nodeVersion } from "../bootstrap/toolchain.mjs";
import { consume } from "../rehearsal/consumers.ts";
import { downloads } from "../rehearsal/downloads.ts";
import { dualWrite } from "../rehearsal/microservice.ts";
import { startRegistry } from "../rehearsal/registry.ts";
import { copyTree, minorStaysMinor, release } from "../rehearsal/release.ts";
import type { CheckContext, CheckOutcome } from "./check.ts";
import { node22 } from "./unit.ts";

export async function rehearsal(context: CheckContext): Promise<CheckOutcome> {
  // Outside of the clone: nothing of it may be found by looking upwards.
  const folder = mkdtempSync(join(tmpdir(), "omni-rehearsal-"));
  const registry = await startRegistry(context, join(folder, "registry"));
  try {
    await minorStaysMinor(context, join(folder, "minor"));
    const tree = join(folder, "tree");
    copyTree(context.root, tree);
    const packages = await release(context, tree, registry);
    const nodes = [process.execPath, await nodeVersion({ version: node22, cache: context.cache, env: context.env })];
    let uses = 1;
    for (const manager of ["npm", "pnpm"] as const)
      uses += await consume({ context, folder: join(folder, manager), manager, registry, packages, nodes });
    uses += (await downloads(context, join(folder, "everything"), registry, packages)).length;
    uses += await dualWrite({ context, folder: join(folder, "microservice"), registry, packages, nodes });
    return { passed: uses, note: packages.map(({ manifest }) => `${manifest.name}@${manifest.version}`).join(" ") };
  } finally {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
