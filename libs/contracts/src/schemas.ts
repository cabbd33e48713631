/**
 * JSON Schema 2020-12 of each event's data, checked by the publisher and by every consumer.
 * Objects stay open (OPS-5: within `.v1` fields are only added, readers ignore what they do not know), and closed
 * vocabularies are plain text here, because a reader keeps an unknown value as text.
 */
type Schema = Record<string, unknown>;

const text: Schema = { type: 'string', minLength: 1 };
const nullableText: Schema = { type: ['string', 'null'] };
const count: Schema = { type: 'integer', minimum: 0 };
const instant: Schema = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' };
const uuid: Schema = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' };

function object(properties: Record<string, Schema>, optional: Record<string, Schema> = {}): Schema {
  return { type: 'object', required: Object.keys(properties), properties: { ...properties, ...optional } };
}
const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const listOf = (items: Schema): Schema => ({ type: 'array', items });
const mapOf = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });

const aboutAnything: Record<string, Schema> = {
  job_id: nullable(uuid),
  source: text,
  changelist_id: nullableText,
  review_version: { type: ['integer', 'null'], minimum: 1 },
  generation: count,
  revision: count,
  occurred_at: instant,
  correlation_id: text,
};
const aboutAJob: Record<string, Schema> = {
  ...aboutAnything,
  job_id: uuid,
  changelist_id: text,
  review_version: { type: 'integer', minimum: 1 },
};

const recipients = listOf(object({ channel: text, address: text }));
const counts = object({ submitted: count, kept: count, dropped: count, coerced: count, by_code: mapOf(count) });
const summary = object({ open: count, failed: count, by_channel: mapOf(mapOf(count)) }, { withheld: count });
/** Of a job whose deliveries wait (ING-11). */
const waits: Record<string, Schema> = { waits_until: instant };
const finding = object({
  id: text,
  severity: text,
  category: text,
  title: text,
  file: text,
  line: { type: 'integer', minimum: 1 },
  message: text,
});
/** A path, or a renamed file's with the one before (ING-1). */
const changedFile: Schema = {
  anyOf: [{ type: 'string' }, object({ path: { type: 'string' } }, { previous_path: nullableText })],
};

const place: Schema = { type: ['integer', 'null'], minimum: 0 };
const explanation = object({
  sub_reason: text,
  cure: text,
  offset: place,
  line: place,
  column: place,
  found: nullableText,
  expected: nullableText,
});

const replay: Record<string, Schema> = {
  ...aboutAJob,
  plan_id: uuid,
  item_id: uuid,
  dead_letter_id: uuid,
  action: text,
  start_stage: text,
  subject_type: text,
  subject_id: text,
};
const wantedReplay: Record<string, Schema> = {
  ...replay,
  corrected_recipient: nullable(object({ channel: text, address: text })),
  reason: nullableText,
  actor: text,
};

export const EVENT_SCHEMAS = {
  'review.submitted': object({
    ...aboutAJob,
    priority: { type: 'integer', minimum: 0, maximum: 9 },
    allow_list_hash: text,
    recipients,
    accepted_at: instant,
    submission: object(
      { changed_files: listOf(changedFile), review_result: {} },
      { root: nullableText, case_insensitive_paths: { type: 'boolean' }, review_result_format: text },
    ),
  }),
  'review.validated': object(
    {
      ...aboutAJob,
      outcome: text,
      versions: object({
        schema_version: nullableText,
        read_as: nullableText,
        prompt_version: nullableText,
        schema_verdict: nullableText,
        prompt_verdict: nullableText,
      }),
      counts,
      rejection: nullable(object({ class: text, code: text })),
      result: nullable(
        object(
          { schema_version: text, prompt_version: text, findings: listOf(finding) },
          { summary: { type: 'string' } },
        ),
      ),
      recipients,
      priority: { type: 'integer', minimum: 0, maximum: 9 },
      accepted_at: instant,
      allow_list: object({ submitted_under: text, judged_by: text }),
    },
    {
      reading: text,
      explanation: nullable(explanation),
      truncated: { type: 'boolean' },
      lines_defaulted: listOf({ type: 'string' }),
    },
  ),
  'delivery.settled': object(
    {
      ...aboutAJob,
      summary,
      deliveries: listOf(
        object(
          {
            delivery_id: uuid,
            channel: text,
            state: text,
            notification_id: nullableText,
            notified_at: nullable(instant),
          },
          { had_dead_letter: { type: 'boolean' }, original_id: nullable(uuid), repeat: count, withheld: count },
        ),
      ),
    },
    waits,
  ),
  'stage.delayed': object(
    {
      ...aboutAJob,
      stage: text,
      subject_type: text,
      subject_id: text,
      attempt: { type: 'integer', minimum: 1 },
      max_attempts: nullable({ type: 'integer', minimum: 1 }),
      error_class: text,
      code: text,
      next_due_at: instant,
      summary: nullable(summary),
    },
    waits,
  ),
  'stage.dead_lettered': object(
    {
      ...aboutAnything,
      stage: text,
      subject_type: text,
      subject_id: text,
      error_class: text,
      code: text,
      last_stack: { type: 'string' },
      sanitized_context: { type: 'object' },
      first_failure_at: instant,
      last_failure_at: instant,
      fingerprint: text,
      summary: nullable(summary),
    },
    waits,
  ),
  'stage.recovered': object({
    ...aboutAnything,
    stage: text,
    subject_type: text,
    subject_id: text,
    cause: text,
  }),
  'review.settled': object(
    {
      ...aboutAJob,
      state: text,
      counts: nullable(counts),
      deliveries: mapOf(mapOf(count)),
      given_up: { type: 'boolean' },
      links: object({ job: text, findings: text }),
    },
    { submitted_again_as: uuid, reading: text, truncated: { type: 'boolean' }, withheld: count },
  ),
  'review.cancelled': object({ ...aboutAJob, actor: text, reason: text }),
  'dead_letter.changed': object({
    ...aboutAnything,
    dead_letter_id: uuid,
    subject_type: text,
    subject_id: text,
    stage: text,
    error_class: text,
    state: text,
    cause: text,
  }),
  'replay.requested': object(wantedReplay),
  'replay.accepted': object({ ...wantedReplay, previous_generation: count }),
  'replay.refused': object({ ...replay, code: text, superseded_by: nullable(uuid), job_generation: nullable(count) }),
  'action.requested': object(
    {
      ...aboutAnything,
      action_id: uuid,
      action: text,
      subject_type: text,
      subject_id: text,
      sources: nullable(listOf(text)),
      reason: text,
      actor: text,
    },
    { as: text },
  ),
  'action.answered': object(
    {
      ...aboutAnything,
      action_id: uuid,
      action: text,
      outcome: text,
      code: nullableText,
      deliveries: count,
    },
    { delivery_id: nullable(uuid) },
  ),
  'audit.checkpointed': object({ ...aboutAnything, origin: text, size: count, checkpoint: text }),
} as const satisfies Record<string, Schema>;
