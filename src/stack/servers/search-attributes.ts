import { SEARCH_ATTRIBUTES } from "../../workflows/search-attributes.js";
import type { SearchAttributeTypes } from "./temporal-namespace.js";

/** The search attributes that the flows need, as Temporal indexes them. */
export const searchAttributeTypes: SearchAttributeTypes = Object.fromEntries(
  Object.values(SEARCH_ATTRIBUTES).map((attribute) => [attribute.name, "Keyword" as const]),
);
