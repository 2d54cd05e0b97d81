import { z } from "zod";
import { buildLineSchema } from "../text.js";

/** Declares an act an emergency. Source: contracts "Levels". */
export const breakGlassSchema = z.strictObject({ reason: buildLineSchema("The reason", 500) });
export type BreakGlass = z.infer<typeof breakGlassSchema>;

/** Something that says whether it belongs to a break-glass act. */
export interface MayBreakGlass {
  readonly break_glass?: BreakGlass | undefined;
}

/** Returns the member `break_glass` alone, and nothing for an ordinary act. */
export function pickBreakGlass({ break_glass }: MayBreakGlass): { readonly break_glass?: BreakGlass } {
  return break_glass === undefined ? {} : { break_glass };
}
