const ZERO = "0".repeat(40);

export interface Move {
  readonly jti: string;
  readonly old: string;
  readonly new: string;
}

/**
 * Finds the violations in `moves` as the whole history of a ref at `current` (undefined if it does not exist): the moves must form a trail
 * that starts at nothing, uses each move once and ends at `current`.
 */
export function findTrailViolations(name: string, moves: readonly Move[], current: string | undefined): string[] {
  const balance = new Map<string, number>();
  const addToBalance = (id: string, by: number) => balance.set(id, (balance.get(id) ?? 0) + by);
  for (const move of moves) {
    addToBalance(move.old, -1);
    addToBalance(move.new, 1);
  }
  addToBalance(ZERO, 1);
  addToBalance(current ?? ZERO, -1);
  const violations = [...balance].flatMap(([id, count]) =>
    count === 0
      ? []
      : [`${name}: ${id.slice(0, 12)} was ${count > 0 ? "reached and not left" : "left and not reached"} ${Math.abs(count)} times`],
  );
  const unreached = moves.filter((move) => !findReachableIds(moves).has(move.old));
  return [...violations, ...unreached.map(({ jti }) => `${name}: the move of ${jti} starts at an id that the ref never had`)];
}

function findReachableIds(moves: readonly Move[]): Set<string> {
  const reached = new Set([ZERO]);
  for (let before = 0; before < reached.size; ) {
    before = reached.size;
    for (const move of moves) if (reached.has(move.old)) reached.add(move.new);
  }
  return reached;
}
