export { type Answer, type Fault, failAfterCommit, throttled, unavailable } from "./faults.ts";
export {
  type Counts,
  type Exchange,
  type FaultProxy,
  type FaultProxyOptions,
  faultProxy,
  type Rule,
  type Subject,
} from "./proxy.ts";
