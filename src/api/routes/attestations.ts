import { z } from "zod";
import { attestationEnvelopeSchema } from "../../domain/card/attestation.js";
import { tenantIdSchema } from "../../domain/ids.js";
import { findCard } from "../../lab256/ledger/queries/cards.js";
import { answerVerdict, verdictSchema } from "../acts/verdict.js";
import type { ApiDependencies } from "../dependencies.js";
import { ATTESTATION_EXAMPLE } from "../http/examples.js";
import { refuseNotFound } from "../http/problem.js";
import { defineGuardedRoute, type Route } from "../http/route.js";
import { cardParams } from "./cards.js";

const attestationSchema = z.strictObject({ tenant_id: tenantIdSchema, attestation: attestationEnvelopeSchema });

/** What attestors say of a card's plan. Source: contracts "Levels" (L5), in-toto attestation framework v1. */
export function buildAttestationRoutes(deps: ApiDependencies): readonly Route[] {
  return [
    defineGuardedRoute({
      method: "POST",
      url: "/v1/cards/:id/attestations",
      access: "member",
      tenant: "body",
      group: "cards",
      summary: "Bring an attestation of the card's current plan",
      detail:
        "An in-toto statement in a DSSE envelope, of a predicate type that the card still needs, about a subject with the card's id as its name and the plan's digest as its `blake3`. The key that signed it decides, whoever brings it. A repeated attestation changes nothing.",
      input: { params: cardParams, body: attestationSchema },
      example: ATTESTATION_EXAMPLE,
      answers: { 200: { text: "It counts; `state` is where the card stands now", schema: verdictSchema } },
      problems: ["attestation_invalid", "decide_by_passed", "closed"],
      async handle({ principal: { tenant_id }, params: { id }, body: { attestation }, correlate }) {
        correlate(id);
        const card = await findCard(deps.db, { tenant_id, card_id: id });
        if (card === undefined) return refuseNotFound("This card");
        return answerVerdict(deps, card, await deps.flows.sendAttestation(tenant_id, id, attestation));
      },
    }),
  ];
}
