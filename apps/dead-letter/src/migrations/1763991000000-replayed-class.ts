import { SqlMigration } from '@assay/postgres';

/**
 * The class that a dead letter had when its replay was asked for: what fails in the new generation is held against that
 * (DLQ-9), whatever late news of the generation before make of the dead letter meanwhile (GEN-9).
 */
export class ReplayedClass1763991000000 extends SqlMigration {
  readonly name = 'ReplayedClass1763991000000';

  readonly statements = [
    `ALTER TABLE replay_items ADD COLUMN error_class text`,
    `UPDATE replay_items i SET error_class = d.error_class FROM dead_letters d WHERE d.id = i.dead_letter_id`,
    `ALTER TABLE replay_items ALTER COLUMN error_class SET NOT NULL`,
  ];
}
