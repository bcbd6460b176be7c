export { type ConfiguredTargets, openTargets } from "./targets.ts";
