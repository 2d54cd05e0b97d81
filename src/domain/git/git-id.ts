import { z } from "zod";

/** The object id that stands for "no object": 40 zeros. */
export const ZERO_ID = "0".repeat(40);

/** A SHA-1 git object id: 40 lower-case hexadecimal digits. */
export const gitIdSchema = z.string().regex(/^[0-9a-f]{40}$/, "Write a full git object id: 40 lower-case hexadecimal digits.");

/** The id of git's empty tree, with which a new branch is compared. */
export const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
