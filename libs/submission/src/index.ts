export { deniedProblem } from './denied-problem.js';
export { dryRun, type DryRunDocument } from './dry-run.js';
export { readSubmission, type DoorRules, type GivenSubmission, type Submission } from './read-submission.js';
export { DRY_RUN_SCHEMA, SUBMISSION_SCHEMA } from './submission-schema.js';
