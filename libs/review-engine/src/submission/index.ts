export {
  judgeSubmission,
  reviewInput,
  verdictDocument,
  type Judgement,
  type JudgementRules,
  type VerdictDocument,
} from './judge-submission.js';
export {
  changedFilesFaults,
  readSubmission,
  reviewResultFaults,
  rootFaults,
  type JudgedSubmission,
  type SubmissionFault,
} from './read-submission.js';
export { JUDGED_SUBMISSION_SCHEMA } from './submission-schema.js';
