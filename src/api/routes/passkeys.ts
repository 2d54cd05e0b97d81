import { z } from "zod";
import { assertionSchema } from "../../domain/card/statement.js";
import { findActor } from "../../lab256/identity/actors.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { createRegistrationOptions, registerPasskey } from "../../lab256/identity/passkeys/passkey-registration.js";
import { listPasskeys } from "../../lab256/identity/passkeys/passkeys.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildDenialProblem, buildProblem, refuseNotFound } from "../http/problem.js";
import { type Answer, answerCreated, answerOk, defineGuardedRoute, type Route } from "../http/route.js";

/** An attestation object is at most 64 KiB, and what is around it less. */
const REGISTRATION_MAX_BYTES = 256 * 1024;
const RP_NAME = "Office Git Registry";

const passkeySchema = z.object({
  credential_id: z.string(),
  name: z.string(),
  transports: z.array(z.string()),
  created_at_ms: z.number(),
  disabled: z.boolean(),
});

const registrationSchema = z.strictObject({
  name: z.string().trim().min(1, "Give the passkey a name, such as that of the device.").max(100, "The name has at most 100 characters."),
  response: z.record(z.string(), z.unknown()),
  assertion: assertionSchema.optional(),
});

/** A person's passkeys; they go with the person, whatever actors they hold. Source: WebAuthn Level 3. */
export function buildPasskeyRoutes(deps: ApiDependencies): readonly Route[] {
  return [
    defineGuardedRoute({
      method: "GET",
      url: "/v1/passkeys",
      access: "member",
      tenant: "token",
      group: "passkeys",
      summary: "Your passkeys",
      input: {},
      answers: { 200: { text: "Passkeys, the oldest first", schema: z.array(passkeySchema) } },
      problems: [],
      handle: ({ principal }) => runAsPerson(principal, async (personId) => answerOk(await listPasskeys(deps.db, personId))),
    }),
    defineGuardedRoute({
      method: "POST",
      url: "/v1/passkeys/registration/options",
      access: "member",
      tenant: "token",
      group: "passkeys",
      summary: "Begin to register a passkey",
      detail: "What `navigator.credentials.create` takes. The challenge is used once, within five minutes.",
      input: { body: z.strictObject({}).optional() },
      example: {},
      answers: { 200: { text: "PublicKeyCredentialCreationOptionsJSON", schema: z.record(z.string(), z.unknown()) } },
      problems: [],
      handle: ({ principal }) => runAsPerson(principal, (personId) => answerRegistrationOptions(deps, principal, personId)),
    }),
    defineGuardedRoute({
      method: "POST",
      url: "/v1/passkeys/registration",
      access: "member",
      tenant: "token",
      group: "passkeys",
      summary: "Register a passkey",
      detail:
        "The first one is trusted on first use. A further one needs `assertion`: an earlier passkey of the person asserts the BLAKE3 of the JCS of `{attestation_object, challenge, credential_id}`, as the new one's registration has them in base64url.",
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
      answers: { 201: { text: "Registered", schema: z.object({ credential_id: z.string() }) } },
      problems: ["step_up_required", "step_up_invalid", "limit_exceeded"],
      handle: ({ principal, body: { name, response, assertion } }) =>
        runAsPerson(principal, async (personId) => {
          const answer = { person_id: personId, name, response, assertion, rp: deps.resolveRelyingParty(), nowMs: deps.now() };
          const outcome = await registerPasskey(deps.db, answer);
          return outcome.ok ? answerCreated(outcome.value) : buildDenialProblem(outcome.denial);
        }),
    }),
  ];
}

async function runAsPerson({ actor_id, person_id }: Principal, act: (personId: string) => Promise<Answer>): Promise<Answer> {
  return person_id === null
    ? buildProblem("forbidden", `${actor_id} belongs to no person, and only a person has passkeys.`)
    : act(person_id);
}

async function answerRegistrationOptions(deps: ApiDependencies, { tenant_id, actor_id }: Principal, personId: string): Promise<Answer> {
  const actor = await findActor(deps.db, tenant_id, actor_id);
  if (actor === undefined) return refuseNotFound("This actor");
  const rp = { ...deps.resolveRelyingParty(), name: RP_NAME };
  return answerOk(
    await createRegistrationOptions(deps.db, {
      person_id: personId,
      userName: actor_id,
      displayName: actor.display_name,
      rp,
      nowMs: deps.now(),
    }),
  );
}
