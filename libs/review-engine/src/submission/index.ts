export {
  judgeSubmission,
  reviewInput,
  verdictDocument,
  type JudgedSubmission,
  type Judgement,
  type JudgementRules,
  type VerdictDocument,
} from './judge-submission.js';
