// Time that passes by itself while something is waited for, stores that are slow in it, and chance that can be repeated.
export { seeded } from "./random.ts";
export { slowBackend, type Trouble } from "./slow-backend.ts";
export { StepClock } from "./step-clock.ts";
export { VirtualTime } from "./virtual-time.ts";
