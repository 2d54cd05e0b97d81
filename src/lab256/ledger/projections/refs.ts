import { ZERO_ID } from "../../../domain/git/git-id.js";
import type { RefMove } from "../../../domain/git/ref-move.js";
import { ACT_REFS } from "../../../domain/git/ref-name.js";
import { buildEffect, type Effect, type EntryOf, type Projection, toPostgresText, type Writer } from "./effect.js";

/** The maximum number of rows in a statement. Postgres takes at most 65,535 parameters. */
const ROWS_MAX = 1_000;

/** The current position of every ref, from the receipts of the acts that moved it. */
export const refsProjection: Projection = {
  "receipt.recorded": (write, entry) => {
    const { receipt } = entry.payload;
    if (receipt.status !== "success") return [];
    const steps = sumSteps(receipt.refs.filter(isVisibleMove).flatMap(toSteps));
    const chunks = Array.from({ length: Math.ceil(steps.length / ROWS_MAX) }, (_, n) => steps.slice(n * ROWS_MAX, (n + 1) * ROWS_MAX));
    return chunks.map((chunk) => updateRefBalances(write, entry, chunk));
  },
};

interface Step {
  readonly name: string;
  readonly object_id: string;
  readonly balance: number;
  readonly isLeft: boolean;
}

function isVisibleMove(move: RefMove): boolean {
  return move.old !== move.new && !move.name.startsWith(ACT_REFS);
}

/** A move is a step away from the old id and a step to the new one. "No object" is no position, but it is left by a creation. */
function toSteps(move: RefMove): Step[] {
  const { name } = move;
  return [
    { name, object_id: move.old, balance: move.old === ZERO_ID ? 0 : -1, isLeft: true },
    ...(move.new === ZERO_ID ? [] : [{ name, object_id: move.new, balance: 1, isLeft: false }]),
  ];
}

/** Sums the steps of each ref and id, because Postgres refuses to write a row twice in one statement. */
function sumSteps(steps: readonly Step[]): Step[] {
  const rows = new Map<string, Step>();
  for (const step of steps) {
    const row = `${step.name}\0${step.object_id}`;
    const before = rows.get(row);
    rows.set(row, { ...step, balance: (before?.balance ?? 0) + step.balance, isLeft: step.isLeft || before?.isLeft === true });
  }
  return [...rows.values()];
}

function updateRefBalances(write: Writer, { tenant_id, seq, at_ms, payload }: EntryOf<"receipt.recorded">, steps: readonly Step[]): Effect {
  const { project_id, jti } = payload.receipt;
  return buildEffect(
    steps.map((step) => `registry_refs/${project_id}/${step.name}`),
    write
      .insertInto("registry_refs")
      .values(
        steps.map(({ name, object_id, balance, isLeft }) => ({
          tenant_id,
          project_id,
          name: toPostgresText(name),
          object_id,
          seq,
          balance,
          left_seq: isLeft ? seq : null,
          jti,
          moved_at: at_ms,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(["tenant_id", "project_id", "name", "object_id"]).doUpdateSet((row) => ({
          balance: row("registry_refs.balance", "+", row.ref("excluded.balance")),
          left_seq: row.fn.coalesce("excluded.left_seq", "registry_refs.left_seq"),
          seq: row.ref("excluded.seq"),
          jti: row.ref("excluded.jti"),
          moved_at: row.ref("excluded.moved_at"),
        })),
      ),
  );
}
