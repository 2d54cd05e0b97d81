/** Two steps beside the workflow, of one transaction each. */
export interface LocalSteps {
  writeRow(row: { readonly flow: string; readonly step: string }): Promise<void>;
}

/** One step on a queue of its own, of seven store requests. Returns the bytes that it read. */
export interface StoreSteps {
  useStore(flow: string): Promise<number>;
}

export const WORKFLOW_QUEUE = "BARE_256";
export const STORE_QUEUE = "BARE_512";
