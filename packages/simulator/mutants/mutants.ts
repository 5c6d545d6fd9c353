/**
 * The mistakes that the simulator must notice: those of the reference's list, and others that
 * databases were found to make.
 */
import {
  ELECTION_MUTANTS,
  LOG_MUTANTS,
  MEMBER_MUTANTS,
  READ_MUTANTS,
} from "./consensus-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { SERVICE_MUTANTS } from "./service-mutants.ts";
import { STORAGE_MUTANTS } from "./storage-mutants.ts";

export const MUTANTS: readonly Mutant[] = [
  ...ELECTION_MUTANTS,
  ...LOG_MUTANTS,
  ...READ_MUTANTS,
  ...MEMBER_MUTANTS,
  ...STORAGE_MUTANTS,
  ...SERVICE_MUTANTS,
];
