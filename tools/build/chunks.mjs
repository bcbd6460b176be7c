// Which file a module of a package goes to.

/**
 * What is known of a module, by ids.
 * @typedef {{ readonly imports: readonly string[], readonly dynamicImports: readonly string[] }} ModuleLinks
 */

/**
 * Names the shared file of each module that more than one entry point loads, at once or at its first use: few files, since each costs a process that
 * imports it, and no module in two of them, since its classes and registries would be two. A module goes with the first entry point that loads it at once,
 * so that one entry point may load a module that only another asked for; what is left to a first use stays out of every one. Modules without a name stay
 * with the one that loads them.
 *
 * @param {readonly { readonly name: string, readonly id: string }[]} entries the first ones load no more than what they import
 * @param {(id: string) => ModuleLinks | undefined} linksOf nothing of what is not of the package
 * @returns {ReadonlyMap<string, string>} from a module to the name of its shared file
 */
export function sharedModules(entries, linksOf) {
  const loadedAtOnce = entries.map(({ name, id }) => ({ name, modules: reach(id, linksOf) }));
  const everything = reachAll(
    entries.map(({ id }) => id),
    linksOf,
  );
  const lateIds = [...everything].flatMap((id) => linksOf(id)?.dynamicImports.filter((late) => linksOf(late)) ?? []);
  const late = [...new Set(lateIds)].map((id) => reach(id, linksOf));
  const starts = new Set(entries.map(({ id }) => id));
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const id of everything) {
    if (starts.has(id)) continue;
    const atOnce = loadedAtOnce.filter(({ modules }) => modules.has(id));
    const users = atOnce.length + late.filter((modules) => modules.has(id)).length;
    if (users < 2) continue;
    // A module that is only ever the start of what is left to a first use keeps a file of its own.
    if (atOnce.length === 0 && lateIds.includes(id)) continue;
    names.set(id, atOnce[0] ? `shared-${atOnce[0].name.replaceAll("/", "-")}` : "shared");
  }
  return names;
}

/**
 * The modules that are loaded at once with one.
 * @param {string} start
 * @param {(id: string) => ModuleLinks | undefined} linksOf
 */
function reach(start, linksOf) {
  const found = new Set([start]);
  for (const id of found) for (const next of linksOf(id)?.imports ?? []) if (linksOf(next)) found.add(next);
  return found;
}

/**
 * The modules that are ever loaded.
 * @param {readonly string[]} starts
 * @param {(id: string) => ModuleLinks | undefined} linksOf
 */
function reachAll(starts, linksOf) {
  const found = new Set(starts);
  for (const id of found) {
    const { imports, dynamicImports } = linksOf(id) ?? { imports: [], dynamicImports: [] };
    for (const next of [...imports, ...dynamicImports]) if (linksOf(next)) found.add(next);
  }
  return found;
}
