import { copyBetween, moveBetween } from "@omni/core";
import { type Context, UsageError } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { Meter } from "../output/bar.ts";
import { isFolder, nameOf, objectAt, urlOf } from "../places.ts";
import type { StoreTarget } from "../targets.ts";
import type { CP_OPTIONS } from "./stores.ts";

/** The arguments taken apart: several sources and one place, which is a folder when they are several. */
export function sourcesAndPlace(places: readonly string[], place: StoreTarget): readonly string[] {
  const sources = places.slice(0, -1);
  if (sources.length > 1 && !isFolder(place))
    throw new UsageError(`${sources.length} sources need a folder to go to; end ${JSON.stringify(places.at(-1))} in "/"`);
  return sources;
}

/** Where a source goes: into a folder under its own name. */
export function destinationOf(place: StoreTarget, sourceName: string): string {
  return isFolder(place) ? `${place.path}${nameOf(sourceName)}` : place.path;
}

/** Copies or moves objects one after the other; each is told with its bar. */
export async function transferEach(
  verb: "copy" | "move",
  context: Context,
  places: readonly string[],
  { ifAbsent }: OptionsOf<typeof CP_OPTIONS>,
): Promise<void> {
  const { out, signal, dryRun } = context;
  const targets = await context.targets();
  const place = await targets.store(places.at(-1) ?? "");
  for (const text of sourcesAndPlace(places, place)) {
    const source = objectAt(await targets.store(text), text);
    const toPath = destinationOf(place, source.path);
    const from = urlOf(source, source.path);
    const to = urlOf(place, toPath);
    const { size } = await source.backend.stat(source.path, { signal });
    if (!dryRun) {
      const meter = new Meter(out.name(source.path), size);
      const live = await out.live((columns) => meter.lines(columns));
      const transfer = verb === "copy" ? copyBetween : moveBetween;
      try {
        await transfer(source.backend, source.path, place.backend, {
          toPath,
          signal,
          onProgress: ({ bytes }) => {
            meter.bytes = bytes;
          },
          ...(ifAbsent ? { ifNoneMatch: "*" } : {}),
        });
      } finally {
        live.done();
      }
    }
    await out.result({ action: verb, from, to, size, dryRun }, `+ ${out.name(to)}`);
  }
}
