/** What a queue object counts; plain numbers, written by the parts of the queue. */
export class Counters {
  published = 0;
  duplicates = 0;
  rejected = 0;
  unknown = 0;
  consumed = 0;
  acked = 0;
  nacked = 0;
  deadLettered = 0;
  dropped = 0;
  failed = 0;
  suppressed = 0;
  inFlight = 0;
}
