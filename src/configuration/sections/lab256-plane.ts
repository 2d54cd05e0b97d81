import { z } from "zod";
import { buildRequiredText, describeSetting } from "../environment.js";

/** The settings that the processes of LAB 256 share: its keys, and the domain of passkeys. */
export const lab256PlaneSettings = {
  OGR_PERMIT_KEY_FILE: describeSetting(
    buildRequiredText("LAB 256's key for permits (PKCS #8 PEM)"),
    "signs permits (PKCS #8 PEM, Ed25519, mode 0600)",
  ),
  OGR_STATEMENT_KEY_FILE: describeSetting(buildRequiredText("LAB 256's key for statements (PKCS #8 PEM)"), "signs statements"),
  OGR_RECEIPT_JWKS_FILE: describeSetting(buildRequiredText("the Runners' public keys (JWKS)"), "the Runners' public keys (JWKS)"),
  OGR_RP_ID: describeSetting(z.string().default("localhost"), "the domain of passkeys"),
};

/** Every process verifies the tenants' charters from these public keys. */
export const foundingSettings = {
  OGR_FOUNDING_KEYS_FILE: describeSetting(
    buildRequiredText("the founding keys, a JWK for each tenant"),
    "JSON: the founding key (JWK) of each tenant",
  ),
};
