import { defineSearchAttributeKey, type SearchAttributePair, SearchAttributeType } from "@temporalio/common";

/** The attributes by which Temporal's UI filters flows. A visibility store on SQLite has at most ten keyword attributes. */
export const SEARCH_ATTRIBUTES = {
  tenant: defineSearchAttributeKey("OgrTenant", SearchAttributeType.KEYWORD),
  project: defineSearchAttributeKey("OgrProject", SearchAttributeType.KEYWORD),
  card: defineSearchAttributeKey("OgrCard", SearchAttributeType.KEYWORD),
  jobType: defineSearchAttributeKey("OgrJobType", SearchAttributeType.KEYWORD),
  level: defineSearchAttributeKey("OgrLevel", SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey("OgrStatus", SearchAttributeType.KEYWORD),
} as const;

export interface FlowAttributes {
  readonly tenant: string;
  readonly project: string;
  readonly card?: string;
  readonly jobType: string;
  readonly level?: string;
  readonly status: string;
}

export function toSearchAttributes(attributes: Partial<FlowAttributes>): SearchAttributePair[] {
  const keys = Object.keys(SEARCH_ATTRIBUTES) as (keyof typeof SEARCH_ATTRIBUTES)[];
  return keys.flatMap((name) => {
    const value = attributes[name];
    return value === undefined ? [] : [{ key: SEARCH_ATTRIBUTES[name], value }];
  });
}
