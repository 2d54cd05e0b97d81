import { z } from "zod";
import { JOB_TYPES, jobSchema } from "../act/job.js";
import { contextSchema } from "../context.js";
import { actorIdSchema, cardIdSchema, jobIdSchema, officeIdSchema, targetSchema, tenantIdSchema, timeMsSchema } from "../ids.js";
import { LEVELS } from "../level.js";
import { buildSentenceSchema } from "../sentence.js";

/** Who runs an approved card: the flow itself as soon as it is approved, or a client with the permit until `run_by`. */
export const RUN_MODES = ["on_approval", "on_command"] as const;
export type RunMode = (typeof RUN_MODES)[number];

const intentSchema = buildSentenceSchema("The intent", "Say in a sentence what this is for.");

const proposal = {
  tenant_id: tenantIdSchema,
  office_id: officeIdSchema,
  intent: intentSchema,
  context: contextSchema.default({}),
  jobType: z.enum(JOB_TYPES, "This job type is not known."),
  target: targetSchema,
  risk: z.enum(LEVELS, "Write a level from `L0` to `L5`.").optional(),
};

/** The body of POST /v1/cards; `params` is parsed by its job type. */
export const cardRequestSchema = z
  .strictObject({
    ...proposal,
    params: z.record(z.string(), z.unknown()),
    jobId: jobIdSchema.optional(),
    run: z.enum(RUN_MODES, "Write `on_approval` or `on_command`.").default("on_approval"),
  })
  .transform((request, context) => {
    const job = jobSchema.safeParse({ jobType: request.jobType, params: request.params });
    if (!job.success) {
      for (const issue of job.error.issues) context.addIssue({ ...issue } as never);
      return z.NEVER;
    }
    return { ...request, params: job.data.params };
  });
export type CardRequest = z.infer<typeof cardRequestSchema>;

/** A card as its workflow receives it: the patch staged, the author known, the id given, signed by the api that authenticated the author. */
export const cardSchema = z.strictObject({
  ...proposal,
  card_id: cardIdSchema,
  params: z.record(z.string(), z.unknown()),
  jobId: jobIdSchema,
  run: z.enum(RUN_MODES),
  author: z.strictObject({ actor_id: actorIdSchema, person_id: z.string().nullable() }),
  opened_at: timeMsSchema,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
});
export type Card = z.infer<typeof cardSchema>;
export type UnsignedCard = Omit<Card, "kid" | "sig">;
