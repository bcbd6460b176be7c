/** What was done to one path, and what may be seen of it. */

/** A change; `written` is the text, absent for a delete. */
export interface Change {
  readonly written: string | undefined;
  readonly begun: number;
  /** When it was acknowledged; infinite when nobody knows what became of it. */
  ended: number;
  /** It certainly had no effect. */
  void: boolean;
}

export class History {
  readonly changes: Change[] = [{ written: undefined, begun: -1, ended: -1, void: false }];

  begin(written: string | undefined, now: number): Change {
    const change: Change = { written, begun: now, ended: Number.POSITIVE_INFINITY, void: false };
    this.changes.push(change);
    return change;
  }

  /** Whether a look that lasted from `begun` to `ended` may have shown this: a change that nothing acknowledged had replaced before the look began. */
  allows(seen: string | undefined, begun: number, ended: number): boolean {
    const isReplaced = (shown: Change): boolean =>
      this.changes.some((later) => later.begun > shown.ended && later.ended < begun && !later.void);
    return this.changes.some((shown) => shown.written === seen && !shown.void && shown.begun <= ended && !isReplaced(shown));
  }

  toString(): string {
    return this.changes
      .map(({ written, begun, ended, void: isVoid }) => `${written ?? "(deleted)"} ${begun}..${ended}${isVoid ? " void" : ""}`)
      .join(", ");
  }
}
