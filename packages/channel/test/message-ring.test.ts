import { MessageRing } from "../src/message-ring.ts";

const message = (value: number): Uint8Array => Uint8Array.of(value, value);

describe("the ring of messages", () => {
  it("numbers messages for ever, over every growth and turn", () => {
    const ring = new MessageRing();
    let taken = 0;
    for (let i = 0; i < 1000; i++) {
      ring.push(message(i % 256));
      if (i % 3 === 0) expect(ring.shift()).toEqual(message(taken++ % 256));
    }
    expect([ring.first, ring.end, ring.length, ring.bytes]).toEqual([taken, 1000, 1000 - taken, 2 * (1000 - taken)]);
    for (let i = ring.first; i < ring.end; i++) expect(ring.at(i)).toEqual(message(i % 256));
    while (ring.length > 0) expect(ring.shift()).toEqual(message(taken++ % 256));
    expect([taken, ring.bytes]).toEqual([1000, 0]);
  });

  it("takes back its newest messages, never those that have left", () => {
    const ring = new MessageRing();
    for (let i = 0; i < 10; i++) ring.push(message(i));
    ring.shift();
    ring.truncate(4);
    expect([ring.first, ring.end, ring.bytes]).toEqual([1, 4, 6]);
    ring.truncate(0);
    expect([ring.first, ring.end, ring.bytes]).toEqual([1, 1, 0]);
    ring.push(message(7));
    expect(ring.at(1)).toEqual(message(7));
  });
});
