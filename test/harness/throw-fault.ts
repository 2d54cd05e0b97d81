/** For the `reportFault` of LAB 256 where a test expects no fault. */
export function throwFault(error: unknown, what: string): never {
  throw new Error(`${what}: ${String(error)}`, { cause: error });
}
