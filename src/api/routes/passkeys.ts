import { z } from "zod";
import { asksForModels } from "../../decision/policy/passkey-filter.js";
import { assertionSchema } from "../../domain/card/statement.js";
import { passkeySchema as charterPasskeySchema } from "../../domain/charter/records.js";
import { actorIdSchema, blake3Schema } from "../../domain/ids.js";
import { findActor } from "../../lab256/identity/actors.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { listRegisteredPasskeys } from "../../lab256/identity/passkeys/passkey-records.js";
import { createRegistrationOptions, registerPasskey } from "../../lab256/identity/passkeys/passkey-registration.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildDenialProblem, buildProblem, refuseNotFound } from "../http/problem.js";
import { tenantQuery } from "../http/queries.js";
import { type Answer, answerCreated, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

/** An attestation object has at most 64 KiB; the rest of the body is smaller. */
const REGISTRATION_MAX_BYTES = 256 * 1024;
const RP_NAME = "Office Git Registry";

const countedSchema = z.object({
  credential_id: z.string(),
  fingerprint: blake3Schema,
  record: charterPasskeySchema,
  counts: z.boolean(),
});
const passkeySchema = countedSchema.extend({
  name: z.string(),
  transports: z.array(z.string()),
  created_at_ms: z.number(),
  disabled: z.boolean(),
});

const registrationSchema = z.strictObject({
  name: z.string().trim().min(1, "Give the passkey a name, such as that of the device.").pipe(charterPasskeySchema.shape.name),
  response: z.record(z.string(), z.unknown()),
  assertion: assertionSchema.optional(),
});

/** Passkeys belong to a person and serve all of the person's actors in the tenant. Source: WebAuthn Level 3. */
export function buildPasskeyRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("passkeys", [
    defineMemberRoute("GET", "/v1/passkeys", {
      tenant: "token",
      summary: "List your passkeys",
      detail:
        "`record` is what the charter says of a passkey that it names, `fingerprint` the BLAKE3 of its `public_key`, and `counts` whether the charter names it.",
      input: {},
      answers: { 200: { text: "The passkeys, the oldest first", schema: z.array(passkeySchema) } },
      handle: ({ principal }) =>
        runAsPerson(principal, async (personId) => answerOk(await listRegistered(deps, principal.tenant_id, personId))),
    }),
    defineMemberRoute("GET", "/v1/actors/:actor_id/passkeys", {
      tenant: "query",
      summary: "List the registered passkeys of an actor's person",
      detail: "For the holder of the founding key, who enters a `record` in the charter after comparing its `fingerprint` with the person.",
      input: { params: z.object({ actor_id: actorIdSchema }), query: tenantQuery },
      answers: { 200: { text: "The passkeys, the oldest first", schema: z.array(passkeySchema) } },
      async handle({ principal: { tenant_id }, params: { actor_id } }) {
        const actor = await findActor(deps.db, tenant_id, actor_id);
        if (actor === undefined || actor.person_id === null) return refuseNotFound("This actor");
        return answerOk(actor.kind === "person" ? await listRegistered(deps, tenant_id, actor.person_id) : []);
      },
    }),
    defineMemberRoute("POST", "/v1/passkeys/registration/options", {
      tenant: "token",
      summary: "Start the registration of a passkey",
      detail: "The answer is the argument of `navigator.credentials.create`. Its challenge is valid once and for five minutes.",
      input: { body: z.strictObject({}).optional() },
      example: {},
      answers: { 200: { text: "PublicKeyCredentialCreationOptionsJSON", schema: z.record(z.string(), z.unknown()) } },
      handle: ({ principal }) => runAsPerson(principal, (personId) => answerRegistrationOptions(deps, principal, personId)),
    }),
    defineMemberRoute("POST", "/v1/passkeys/registration", {
      tenant: "token",
      summary: "Register a passkey",
      detail:
        "A person's first passkey is trusted on first use. A further one requires `assertion`: an earlier passkey of the person signs the BLAKE3 of the canonical JSON of `{attestation_object, challenge, credential_id}`, with the new registration's values in base64url. The passkey counts once the tenant's charter has its `record`; compare `fingerprint` with that of your authenticator first.",
      input: { body: registrationSchema },
      example: {
        name: "Laptop",
        response: {
          id: "base64url",
          rawId: "base64url",
          type: "public-key",
          response: { clientDataJSON: "base64url", attestationObject: "base64url" },
        },
      },
      bodyMaxBytes: REGISTRATION_MAX_BYTES,
      answers: { 201: { text: "The passkey is registered", schema: countedSchema } },
      problems: ["step_up_required", "step_up_invalid", "limit_exceeded"],
      handle: ({ principal, body: { name, response, assertion } }) =>
        runAsPerson(principal, async (personId) => {
          const answer = {
            tenant_id: principal.tenant_id,
            person_id: personId,
            name,
            response,
            assertion,
            rp: deps.resolveRelyingParty(),
            nowMs: deps.now(),
          };
          const outcome = await registerPasskey(deps.db, answer);
          if (!outcome.ok) return buildDenialProblem(outcome.denial);
          const registered = (await listRegistered(deps, principal.tenant_id, personId)).find(
            (one) => one.credential_id === outcome.value.credential_id,
          );
          return answerCreated(countedSchema.parse(registered));
        }),
    }),
  ]);
}

function listRegistered({ db, resolveRelyingParty }: ApiDependencies, tenantId: string, personId: string) {
  return listRegisteredPasskeys(db, tenantId, personId, resolveRelyingParty().id);
}

/** An agent or app acts for a person and never with that person's passkeys. */
async function runAsPerson({ actor_id, kind, person_id }: Principal, act: (personId: string) => Promise<Answer>): Promise<Answer> {
  return kind !== "person" || person_id === null
    ? buildProblem("forbidden", `${actor_id} is not a person, and only persons have passkeys; use a token of a person.`)
    : act(person_id);
}

async function answerRegistrationOptions(deps: ApiDependencies, { tenant_id, actor_id }: Principal, personId: string): Promise<Answer> {
  const actor = await findActor(deps.db, tenant_id, actor_id);
  if (actor === undefined) return refuseNotFound("This actor");
  const policy = await deps.policies.readActivePolicy(tenant_id);
  if (!policy.ok) return buildDenialProblem(policy.denial);
  const rp = { ...deps.resolveRelyingParty(), name: RP_NAME };
  return answerOk(
    await createRegistrationOptions(deps.db, {
      tenant_id,
      person_id: personId,
      userName: actor_id,
      displayName: actor.display_name,
      rp,
      attested: asksForModels(policy.value.data),
      nowMs: deps.now(),
    }),
  );
}
