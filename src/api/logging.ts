import type { DestinationStream, Logger } from "pino";
import { createProcessLog } from "../process/log.js";

/** The api's log. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  return createProcessLog("api", level, destination);
}
