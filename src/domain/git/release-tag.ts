import { z } from "zod";

const IDENTIFIER = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const NUMBER = "(?:0|[1-9]\\d*)";
const TAG = new RegExp(`^v${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${IDENTIFIER}(?:\\.${IDENTIFIER})*)?$`);

/** `vMAJOR.MINOR.PATCH` with an optional pre-release (SemVer 2.0.0 §9); build metadata is not part of a release's name. */
export const releaseTagSchema = z
  .string()
  .max(100, "A release tag may have at most 100 characters.")
  .regex(TAG, "Write a release tag such as `v1.2.0` or `v1.2.0-rc.1` (SemVer without build metadata).")
  // SemVer allows it, but git does not: no part of a ref may end with `.lock`.
  .refine((tag) => !tag.endsWith(".lock"), "A release tag must not end with `.lock`, which git refuses.");
