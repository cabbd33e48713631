export {
  judgeSubmission,
  verdictDocument,
  type Judgement,
  type JudgementRules,
  type VerdictDocument,
} from './judge-submission.js';
export { readSubmission, type JudgedSubmission, type SubmissionFault } from './read-submission.js';
export { JUDGED_SUBMISSION_SCHEMA } from './submission-schema.js';
