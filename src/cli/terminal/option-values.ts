import { InvalidArgumentError, Option } from "commander";
import { FLOW_STATUSES } from "../../domain/card/flow-status.js";
import { LEVELS } from "../../domain/level.js";
import { UsageError } from "../failure.js";

/** How many rows a list has when nothing else is said. */
export const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 10_000;

/** A whole number from 1. @throws InvalidArgumentError, by which commander names the option */
function parseCount(text: string): number {
  const value = Number(text);
  if (/^[1-9][0-9]*$/.test(text) && value <= LIMIT_MAX) return value;
  throw new InvalidArgumentError(`Write a number from 1 to ${LIMIT_MAX}.`);
}

export const buildLimitOption = (): Option =>
  new Option("--limit <count>", "at most this many").argParser(parseCount).default(LIMIT_DEFAULT);
export const buildStatusOption = (): Option => new Option("--status <status>", "those that stand so").choices(FLOW_STATUSES);
export const buildRiskOption = (): Option => new Option("--risk <level>", "raise the level").choices(LEVELS);
export const buildOfficeOption = (): Option =>
  new Option("--office <office>", "the office that you act through").default("office::default");
export const buildDryRunOption = (): Option => new Option("--dry-run", "show what would be done, and send nothing");
export const buildLocalDryRunOption = (): Option => new Option("--dry-run", "show what would be done, and change nothing");
export const buildYesOption = (): Option => new Option("--yes", "do not ask");

/** The place of an entry in a chain, from 0. @throws UsageError */
export function parseSequenceNumber(option: string, text: string): number {
  if (/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return Number(text);
  throw new UsageError(`${option}: ${text} is no entry's number; write the \`seq\` of one.`);
}
