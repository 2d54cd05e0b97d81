import type { EventType, LedgerEntry } from "../../../domain/ledger/event.js";
import { cardAttestationsProjection } from "./card-attestations.js";
import { cardGroundsProjection } from "./card-grounds.js";
import { cardStatementsProjection } from "./card-statements.js";
import { cardsProjection } from "./cards.js";
import { charterVersionsProjection } from "./charter-versions.js";
import { commandsProjection } from "./commands.js";
import type { Effect, EntryOf, Projection, Writer } from "./effect.js";
import { permitsProjection } from "./permits.js";
import { pushedCommitsProjection } from "./pushed-commits.js";
import { receiptsProjection } from "./receipts.js";
import { refsProjection } from "./refs.js";
import { registryProjection } from "./registry.js";

const SUBJECTS: readonly Projection[] = [
  registryProjection,
  refsProjection,
  pushedCommitsProjection,
  commandsProjection,
  receiptsProjection,
  permitsProjection,
  cardsProjection,
  cardStatementsProjection,
  cardAttestationsProjection,
  cardGroundsProjection,
  charterVersionsProjection,
];

/** Builds all effects of `entries` on the projections, in order. */
export function buildEffects(write: Writer, entries: readonly LedgerEntry[]): Effect[] {
  return entries.flatMap((entry) => SUBJECTS.flatMap((subject) => buildSubjectEffects(subject, write, entry)));
}

function buildSubjectEffects<T extends EventType>(subject: Projection, write: Writer, entry: EntryOf<T>): Effect | readonly Effect[] {
  const project = subject[entry.type];
  return project === undefined ? [] : project(write, entry);
}
