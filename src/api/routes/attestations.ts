import { z } from "zod";
import { foreignEnvelopeSchema } from "../../domain/card/attestation.js";
import { OUTDATES_PLAN } from "../../domain/flow/lab256-steps.js";
import { tenantIdSchema } from "../../domain/ids.js";
import { verifyCardAttestation } from "../../lab256/acts/attestations.js";
import { findCard } from "../../lab256/ledger/queries/cards.js";
import { answerVerdict, isOpenForDecisions, refuseClosedCard, refuseMessage, verdictSchema } from "../acts/verdict.js";
import type { ApiDependencies } from "../dependencies.js";
import { ATTESTATION_EXAMPLE } from "../http/examples.js";
import { refuseNotFound } from "../http/problem.js";
import { defineMemberRoute, groupRoutes, type Route } from "../http/route.js";
import { cardParams } from "./cards.js";

const attestationSchema = z.strictObject({ tenant_id: tenantIdSchema, attestation: foreignEnvelopeSchema });

/** Attestations of a card's plan. Source: contracts "Levels" (L5), in-toto attestation framework v1. */
export function buildAttestationRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("cards", [
    defineMemberRoute("POST", "/v1/cards/:id/attestations", {
      tenant: "body",
      summary: "Submit an attestation of a card's current plan",
      detail:
        "The body is an in-toto statement in a DSSE envelope. Its predicate type is one that the card still needs; its subject has the card's id as name and the plan's digest as `blake3`. Any member may submit it, because only the signing key counts. A repeated attestation changes nothing. Members that are not known are ignored, base64 can be URL-safe, and `keyid` can be missing or empty (DSSE v1).",
      input: { params: cardParams, body: attestationSchema },
      example: ATTESTATION_EXAMPLE,
      answers: { 200: { text: "The attestation counts; `state` is the card's state after it", schema: verdictSchema } },
      problems: ["attestation_invalid", "decide_by_passed", "closed", ...OUTDATES_PLAN],
      async handle({ principal: { tenant_id }, params: { id }, body: { attestation }, correlate }) {
        correlate(id);
        const card = await findCard(deps.db, { tenant_id, card_id: id });
        if (card === undefined) return refuseNotFound("This card");
        if (!isOpenForDecisions(card)) return refuseClosedCard(deps, card);
        const counted = await verifyCardAttestation(deps, card, attestation);
        if (!counted.ok) return refuseMessage(deps, card, counted.denial);
        return answerVerdict(deps, card, await deps.flows.sendAttestation(card, attestation));
      },
    }),
  ]);
}
