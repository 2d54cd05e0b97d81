import { z } from "zod";
import { requiredText } from "./environment.js";

/** Where Temporal is. */
export const temporalEnvironment = {
  OGR_TEMPORAL_ADDRESS: requiredText("Temporal's address, such as `127.0.0.1:7233`"),
  OGR_TEMPORAL_NAMESPACE: z.string().default("default"),
};
