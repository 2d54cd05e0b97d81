import { z } from "zod";
import { gitIdSchema } from "./git-id.js";

/** A full ref name and the ids between which it moves; ZERO_ID stands for "absent". */
export const refMoveSchema = z.strictObject({ name: z.string(), old: gitIdSchema, new: gitIdSchema });
export type RefMove = z.infer<typeof refMoveSchema>;
