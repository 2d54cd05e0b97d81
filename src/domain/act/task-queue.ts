/** The task queue that only the Runner polls. Source: ADR-002 §4. */
export const LAB_512_QUEUE = "LAB_512";

/** The task queue of workflows and of the steps that run in their process. */
export const LAB_256_QUEUE = "LAB_256";
