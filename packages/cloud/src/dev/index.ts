export { type AnyClouds, type DevHandler, type DevRouterOptions, devPlugin, devRouter, type FastifyLike } from "./router.ts";
