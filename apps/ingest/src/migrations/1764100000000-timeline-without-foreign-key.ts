import { SqlMigration } from '@assay/postgres';

/**
 * The timeline's foreign key took a lock on the job and a look-up of it with every hop, two or more a review. A hop is
 * written by a transaction that has locked its job, so the key guarded nothing that can happen (GEN-1).
 */
export class TimelineWithoutForeignKey1764100000000 extends SqlMigration {
  readonly name = 'TimelineWithoutForeignKey1764100000000';

  readonly statements = [`ALTER TABLE job_timeline DROP CONSTRAINT job_timeline_job_id_fkey`];
}
