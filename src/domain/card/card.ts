import { z } from "zod";
import { breakGlassSchema, type MayBreakGlass } from "../act/break-glass.js";
import { buildJobSchema, type Job, omitPatchBytes } from "../act/job.js";
import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";
import { isCharterJobType } from "../charter/change.js";
import { contextSchema } from "../context.js";
import { actorIdSchema, cardIdSchema, jobIdSchema, officeIdSchema, targetSchema, tenantIdSchema, timeMsSchema } from "../ids.js";
import { EVENT_TYPES } from "../ledger/event-types.js";
import { LEVELS } from "../level.js";
import { buildTextSchema } from "../text.js";

/** What runs an approved card: its flow, as soon as it is approved, or a client with the permit, until `run_by`. */
export const RUN_MODES = ["on_approval", "on_command"] as const;
export type RunMode = (typeof RUN_MODES)[number];

export const intentSchema = z.string().trim().min(1, "Describe the purpose in a sentence.").pipe(buildTextSchema("The intent", 500));
export const riskSchema = z.enum(LEVELS, "Write a level from `L0` to `L5`.");

const proposal = {
  tenant_id: tenantIdSchema,
  office_id: officeIdSchema,
  intent: intentSchema,
  context: contextSchema.default({}),
  target: targetSchema,
  risk: riskSchema.optional(),
  break_glass: breakGlassSchema.optional(),
};

/** Break-glass is for emergencies of a project; nothing is waived for a change of the charter. */
const hasOwnBreakGlass = ({ jobType, break_glass }: MayBreakGlass & { readonly jobType: string }) =>
  break_glass === undefined || !isCharterJobType(jobType);
const BREAK_GLASS_ISSUE = { path: ["break_glass"], message: "Only a card for a `git.registry.*` act may have it." };

/** A misspelt type would be delivered never, and nobody would notice. Charters keep what they have: a later release knows other types. */
function checkEventTypes(request: Job, context: z.RefinementCtx): void {
  if (request.jobType !== "registry.webhooks.change") return;
  for (const [id, { types }] of Object.entries(request.params.webhooks))
    for (const [at, type] of (types ?? []).entries())
      if (!KNOWN_TYPES.has(type))
        context.addIssue({
          code: "custom",
          path: ["params", "webhooks", id, "types", at],
          message: `The ledger has no events of this type; write some of ${EVENT_TYPES.join(", ")}.`,
        });
}
const KNOWN_TYPES: ReadonlySet<string> = new Set(EVENT_TYPES);

/** The body of POST /v1/cards. */
export const cardRequestSchema = buildJobSchema({
  ...proposal,
  jobId: jobIdSchema.optional(),
  run: z.enum(RUN_MODES, "Write `on_approval` or `on_command`.").default("on_approval"),
})
  .refine(hasOwnBreakGlass, BREAK_GLASS_ISSUE)
  .superRefine(checkEventTypes);
export type CardRequest = z.infer<typeof cardRequestSchema>;

/** A card as its workflow receives it: with its id and author, without its patch, signed by the api that authenticated the author. */
export const cardSchema = buildJobSchema({
  ...proposal,
  card_id: cardIdSchema,
  jobId: jobIdSchema,
  run: z.enum(RUN_MODES),
  author: z.strictObject({ actor_id: actorIdSchema, person_id: z.string().nullable() }),
  opened_at: timeMsSchema,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
}).refine(hasOwnBreakGlass, BREAK_GLASS_ISSUE);
export type Card = z.infer<typeof cardSchema>;

/**
 * Computes the digest of a card that a statement names: the BLAKE3 of its JCS without its signature and its patch. It commits to author,
 * office, intent, risk, break-glass and job.
 */
export function hashCard({ kid: _, sig: __, ...card }: Card): Blake3Hex {
  return hashCanonical(omitPatchBytes(card as Card));
}

/** A card before it is signed. */
export type UnsignedCard = Job & Omit<Card, "kid" | "sig" | keyof Job>;

/** An act to be planned, that of a card or of a preview. */
export type ProposedAct = Job & Pick<Card, "tenant_id" | "target">;
