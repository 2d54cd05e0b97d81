import { z } from "zod";
import { buildRequiredText, describeSetting } from "../environment.js";

/** What the processes of LAB 256 know together: its keys, and whose passkeys it takes. */
export const lab256PlaneSettings = {
  OGR_PERMIT_KEY_FILE: describeSetting(
    buildRequiredText("LAB 256's key for permits (PKCS #8 PEM)"),
    "signs permits (PKCS #8 PEM, Ed25519, mode 0600)",
  ),
  OGR_STATEMENT_KEY_FILE: describeSetting(buildRequiredText("LAB 256's key for statements (PKCS #8 PEM)"), "signs statements"),
  OGR_RECEIPT_JWKS_FILE: describeSetting(buildRequiredText("the Runners' public keys (JWKS)"), "the Runners' public keys (JWKS)"),
  OGR_RP_ID: describeSetting(z.string().default("localhost"), "the domain of passkeys"),
};

/** The public keys by which each tenant publishes its policy: every process reads them. */
export const foundingSettings = {
  OGR_FOUNDING_KEYS_FILE: describeSetting(buildRequiredText("the founding keys, a JWKS for each tenant"), "JSON: a JWKS for each tenant"),
};
