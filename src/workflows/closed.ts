import { buildDenial, type Denial } from "../domain/denial.js";

/** The denial of a message that arrives after its round has closed. */
export const CLOSED: Denial = buildDenial("closed", "The card is no longer open for decisions; read its state.");
