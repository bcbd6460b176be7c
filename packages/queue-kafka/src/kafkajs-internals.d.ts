/** What kafkajs has no types for. */
declare module "kafkajs/src/network/requestQueue/index.js" {
  const found: unknown;
  export default found;
}
