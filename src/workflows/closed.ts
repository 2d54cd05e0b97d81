import { buildDenial, type Denial } from "../domain/denial.js";

/** What a message is told that comes when nothing can be said of the plan any more. */
export const CLOSED: Denial = buildDenial("closed", "The card is no longer open for decisions; read its state.");
