import { InvalidArgumentError, Option } from "commander";
import { FLOW_STATUSES } from "../../domain/card/flow-status.js";
import { LEVELS } from "../../domain/level.js";
import { UsageError } from "../failure.js";

/** The default number of rows in a list. */
export const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 10_000;

/** Parses a whole number from 1. @throws InvalidArgumentError, to which commander adds the option's name */
function parseCount(text: string): number {
  const value = Number(text);
  if (/^[1-9][0-9]*$/.test(text) && value <= LIMIT_MAX) return value;
  throw new InvalidArgumentError(`Write a number from 1 to ${LIMIT_MAX}.`);
}

export const buildLimitOption = (): Option =>
  new Option("--limit <count>", "the maximum number of rows").argParser(parseCount).default(LIMIT_DEFAULT);
export const buildStatusOption = (): Option => new Option("--status <status>", "only those with this status").choices(FLOW_STATUSES);
export const buildRiskOption = (): Option => new Option("--risk <level>", "raise the level").choices(LEVELS);
export const buildBreakGlassOption = (): Option =>
  new Option("--break-glass <reason>", "declare an emergency: L5, but its author and pushers may approve it, also in a disabled project");
export const DEFAULT_OFFICE = "office::default";
export const buildOfficeOption = (): Option => new Option("--office <office>", "the office to act through").default(DEFAULT_OFFICE);
export const buildDryRunOption = (): Option => new Option("--dry-run", "show what would be sent, and send nothing");
export const buildLocalDryRunOption = (): Option => new Option("--dry-run", "show what would change, and change nothing");
export const buildYesOption = (): Option => new Option("--yes", "do not ask for confirmation");

/** Parses an entry's number in a chain, from 0. @throws UsageError */
export function parseSequenceNumber(option: string, text: string): number {
  if (/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return Number(text);
  throw new UsageError(`${option}: ${text} is not an entry number; use the \`seq\` of an entry.`);
}
