import type { Command } from '../assayctl.js';

/** Reading the log asks dead-letter; verifying needs no service but the files of an export and the log's public key. */
export const auditCommand: Command = {
  usage: 'SUBCOMMAND [--json]',
  summary:
    "Lists and exports the audit log (auditor's key: --key-file or ASSAY_API_KEY); says whether an export is what was signed, and which entry is the first bad one; proves of one entry that it stands there, and of an older checkpoint that the log has only grown since.",
  subcommands: {
    list: '[--limit N] [--cursor C] [--all] [--url URL] [--key-file FILE]',
    export: 'DIRECTORY [--csv] [--url URL] [--key-file FILE]',
    verify: 'DIRECTORY --key KEY ... [--origin NAME] [--checkpoint FILE ...] [--max-lateness-h N]',
    proof: 'DIRECTORY INDEX|--since FILE --key KEY ... [--origin NAME]',
    'verify-proof': 'PROOF --entry FILE|--since FILE --key KEY ... [--origin NAME]',
    'new-key': 'NAME FILE',
  },
  async run(args, terminal) {
    if (args[0] === 'list' || args[0] === 'export') {
      const [{ runOperator }, { AUDIT }] = await Promise.all([
        import('../operator/run-operator.js'),
        import('../operator/audit.js'),
      ]);
      return runOperator(AUDIT, args, terminal);
    }
    const { runAudit } = await import('../audit/run-audit.js');
    return runAudit(args, terminal);
  },
};
