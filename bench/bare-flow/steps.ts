/** The local steps, each of one transaction. */
export interface LocalSteps {
  writeRow(row: { readonly flow: string; readonly step: string }): Promise<void>;
}

/** The step on its own queue, of seven store requests. Returns the bytes read. */
export interface StoreSteps {
  useStore(flow: string): Promise<number>;
}

export const WORKFLOW_QUEUE = "BARE_256";
export const STORE_QUEUE = "BARE_512";
