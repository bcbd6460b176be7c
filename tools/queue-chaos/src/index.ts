export { type BrokerStopOptions, type BrokerStopReport, runBrokerStops } from "./broker-stops.ts";
export { type ConsumerKillOptions, type ConsumerKillReport, type OpenQueue, runConsumerKills } from "./consumer-kills.ts";
