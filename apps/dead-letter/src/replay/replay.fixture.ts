import { expect } from '@jest/globals';
import { jobEvent } from '@assay/contracts';
import type {
  OutgoingEvent,
  ReplayAccepted,
  ReplayRefused,
  ReplayRequested,
  ReviewSettled,
  StageDeadLettered,
} from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { aFailure, aSettlement, deadLetterStage, failureEvent, settledEvent } from '../dead-letter.fixture.js';
import type { DeadLetterStage } from '../dead-letter.fixture.js';
import type { Page } from '../paging.js';
import type { LetterView } from '../triage/letters-view.repository.js';
import type { ItemView, PlanView } from './plans-view.repository.js';

/** A dead letter and the failure that it is about. */
export interface Failed {
  failure: StageDeadLettered;
  letter: LetterView;
}

/** The service with one who stands in for ingest: answers to requests are sent by the test. */
export interface ReplayStage extends DeadLetterStage {
  readonly requested: Collector;
  /** With evidence unless said otherwise. */
  fail(differs?: Partial<StageDeadLettered>, options?: { evidence: boolean }): Promise<Failed>;
  letter(of: Failed): Promise<LetterView>;
  plan(of: Failed[], body?: object): Promise<PlanView>;
  act(plan: PlanView, action: 'execute' | 'pause' | 'resume' | 'cancel'): Promise<{ status: number; body: PlanView }>;
  read(plan: PlanView): Promise<PlanView>;
  items(plan: PlanView): Promise<ItemView[]>;
  /** The requests about a dead letter, once there are so many. */
  requests(of: Failed, atLeast?: number): Promise<ReplayRequested[]>;
  accept(request: ReplayRequested): Promise<void>;
  refuse(request: ReplayRequested, code: ReplayRefused['code'], job_generation?: number | null): Promise<void>;
  /** Ingest has ended the generation. */
  settleJob(request: ReplayRequested): Promise<void>;
  /** The delivery of a failure ends in a generation. */
  deliver(of: Failed, generation: number, state?: Parameters<typeof aSettlement>[1]): Promise<void>;
}

const PATH = '/v1/replay-plans';

/** The parameters are those of {@link deadLetterStage}. */
export async function replayStage(...of: Parameters<typeof deadLetterStage>): Promise<ReplayStage> {
  const stage = await deadLetterStage(...of);
  const requested = await stage.kafka.consume('replay.requested');
  const requestsOf = (dead_letter_id: string) =>
    requested.records
      .map((record) => record.json<ReplayRequested>())
      .filter((one) => one.dead_letter_id === dead_letter_id);
  return {
    ...stage,
    requested,
    fail: (differs, options) => fail(stage, differs, options),
    letter: async ({ failure }) => (await stage.letterOf(failure.subject_id))!,
    plan: async (of, body = {}) => {
      const request = { dead_letter_ids: of.map(({ letter }) => letter.id), action: 'replay', items_per_second: 100 };
      const answer = await stage.call<PlanView>('operator', PATH, { ...request, ...body });
      expect(answer).toMatchObject({ status: 201 });
      return answer.body;
    },
    act: ({ id }, action) => stage.call<PlanView>('operator', `${PATH}/${id}/${action}`, {}),
    read: async ({ id }) => (await stage.call<PlanView>('operator', `${PATH}/${id}`)).body,
    items: async ({ id }) => (await stage.call<Page<ItemView>>('operator', `${PATH}/${id}/items`)).body.items,
    requests: ({ letter }, atLeast = 1) =>
      eventually(() => {
        expect(requestsOf(letter.id).length).toBeGreaterThanOrEqual(atLeast);
        return requestsOf(letter.id);
      }),
    accept: (request) => stage.send(acceptedEvent(request)),
    refuse: (request, code, job_generation = null) => stage.send(refusedEvent(request, code, job_generation)),
    settleJob: (request) => stage.send(jobSettledEvent(request)),
    deliver: ({ failure }, generation, state = 'sent') =>
      stage.send(settledEvent(aSettlement(failure, state, { generation, revision: 9 }))),
  };
}

async function fail(
  stage: DeadLetterStage,
  differs: Partial<StageDeadLettered> = {},
  { evidence } = { evidence: true },
): Promise<Failed> {
  const failure = aFailure(differs);
  await stage.send(failureEvent(failure));
  const letter = await eventually(async () => {
    const found = await stage.letterOf(failure.subject_id);
    expect(found).not.toBeNull();
    return found!;
  });
  const note = { type: 'note', text: 'the cause is gone' };
  if (evidence) await stage.call('every_source', `/v1/dead-letters/${letter.id}/evidence`, note);
  return { failure, letter };
}

export function acceptedEvent(request: ReplayRequested): OutgoingEvent {
  const { generation: previous_generation } = request;
  const data: ReplayAccepted = { ...request, generation: previous_generation + 1, previous_generation };
  return jobEvent('replay.accepted', data, { subject: request.item_id, traceparent: null });
}

function refusedEvent(
  request: ReplayRequested,
  code: ReplayRefused['code'],
  job_generation: number | null,
): OutgoingEvent {
  const { corrected_recipient: _, reason: __, actor: ___, ...facts } = request;
  const data: ReplayRefused = { ...facts, code, superseded_by: null, job_generation };
  return jobEvent('replay.refused', data, { subject: request.item_id, traceparent: null });
}

function jobSettledEvent(request: ReplayRequested): OutgoingEvent {
  const { job_id, source, changelist_id, review_version, occurred_at, correlation_id } = request;
  const data: ReviewSettled = {
    ...{ job_id, source, changelist_id, review_version, occurred_at, correlation_id },
    ...{ generation: request.generation + 1, revision: 1, state: 'failed', counts: null, deliveries: {} },
    ...{ given_up: false, links: { job: '/v1/reviews/x', findings: '/v1/reviews/x/findings' } },
  };
  return jobEvent('review.settled', data, { traceparent: null });
}
