/** What can be searched: states as text, so that equal ones are one. */
export interface Searched<State> {
  first(): State;
  /** Everything that can happen next, with its name. */
  moves(text: string): [string, State][];
  /** What is wrong with a state in which nothing more can happen. */
  harmOf(end: State): string | undefined;
  /** What is wrong with a state whatever may still happen. */
  harmAt?(state: State): string | undefined;
}

/** @returns how many states there are, and the first way that leads to harm */
export function breadthFirst<State>(model: Searched<State>): { readonly states: number; readonly harm?: string } {
  const seen = new Set<string>();
  let level: [string, string][] = [[JSON.stringify(model.first()), ""]];
  while (level.length > 0) {
    const next: [string, string][] = [];
    for (const [text, way] of level) {
      const moves = model.moves(text);
      const harm = moves.length === 0 ? model.harmOf(JSON.parse(text) as State) : undefined;
      if (harm !== undefined) return { states: seen.size, harm: `${harm}:${way}` };
      for (const [name, state] of moves) {
        const key = JSON.stringify(state);
        if (seen.has(key)) continue;
        const wrong = model.harmAt?.(state);
        if (wrong !== undefined) return { states: seen.size, harm: `${wrong}:${way} ${name};` };
        seen.add(key);
        next.push([key, `${way} ${name};`]);
      }
    }
    level = next;
  }
  return { states: seen.size };
}
