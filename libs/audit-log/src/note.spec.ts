import { describe, expect, it } from '@jest/globals';
import { aKey, ORIGIN } from './an-export.fixture.js';
import { openCheckpoint, signCheckpoint } from './checkpoint.js';
import { FormatError } from './format-error.js';
import { openNote, signNote } from './note.js';
import { newNoteKeys, readSignerKey, readVerifierKey } from './note-keys.js';
import { GO_NOTE, ROOTS } from './published.fixture.js';

const known = readVerifierKey(GO_NOTE.verifier_key);
const note = (text: string) => Buffer.from(text);
const GO_TEXT = `${GO_NOTE.text}\n${GO_NOTE.signature}`;

/** The code of what a call throws. */
function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof FormatError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

describe('signed notes', () => {
  it('DLQ-11.e are those of Go byte for byte, with its key and its key id', () => {
    expect(signNote(GO_NOTE.text, [readSignerKey(GO_NOTE.signer_key)])).toBe(GO_TEXT);
    expect(openNote(note(GO_TEXT), [known])).toEqual({ text: GO_NOTE.text, signed_by: ['PeterNeumann'] });
    expect(known.id.toString('hex')).toBe('c74f20a3');
  });

  it('DLQ-11.e may have empty lines in their text', () => {
    const { signer, verifier } = aKey();
    const text = 'one\n\nthree\n';
    expect(openNote(note(signNote(text, [signer])), [verifier]).text).toBe(text);
  });

  it.each([
    ['a changed text', GO_TEXT.replace('answer', 'Answer'), 'bad_signature'],
    ['a changed signature', GO_TEXT.replace('x08go/ZJ', 'x08go/ZK'), 'bad_signature'],
    ['another id', GO_TEXT.replace('x08go', 'y08go'), 'unknown_key'],
    ['another name', GO_TEXT.replace('\u2014 Peter', '\u2014 Paul'), 'unknown_key'],
    ['no signature', `${GO_NOTE.text}\n`, 'malformed_note'],
    ['no empty line', GO_NOTE.text + GO_NOTE.signature, 'malformed_note'],
    ['a hyphen for the dash', GO_TEXT.replace('\u2014', '-'), 'malformed_note'],
    ['base64 that is not canonical', GO_TEXT.replace('nAM=', 'nAN='), 'malformed_note'],
    ['a control character', GO_TEXT.replace('think', 'th\tnk'), 'malformed_note'],
    ['no line feed at its end', GO_TEXT.slice(0, -1), 'malformed_note'],
    ['text after its signature', GO_TEXT.replace('AM=\n', 'AM= x\n'), 'malformed_note'],
  ])('DLQ-11.e with %s are refused', (_what, text, code) => {
    expect(codeOf(() => openNote(note(text), [known]))).toBe(code);
  });

  it('DLQ-11.e that are not UTF-8, too long or have too many signatures are refused', () => {
    expect(codeOf(() => openNote(Buffer.concat([Buffer.of(0xff), note(GO_TEXT)]), [known]))).toBe('malformed_note');
    expect(codeOf(() => openNote(note('x'.repeat(1_000_000) + GO_TEXT), [known]))).toBe('malformed_note');
    const many = `${GO_NOTE.text}\n${GO_NOTE.signature.repeat(101)}`;
    expect(codeOf(() => openNote(note(many), [known]))).toBe('malformed_note');
  });

  it.each(['no line feed', 'a\rb\n', 'a\u0000\n', '\ud800\n'])('DLQ-11.e are not made of the text %j', (text) => {
    expect(codeOf(() => signNote(text, [aKey().signer]))).toBe('malformed_note');
  });

  it.each([
    ['another id', GO_NOTE.verifier_key.replace('c74f20a3', 'c74f20a4')],
    ['another signature type', 'PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'],
    ['a key that is too short', 'PeterNeumann+c74f20a3+ARpc2Q=='],
    ['a space in its name', GO_NOTE.verifier_key.replace('rN', 'r N')],
    ['no parts', 'PeterNeumann'],
  ])('DLQ-11.e are verified by no key with %s', (_what, key) => {
    expect(codeOf(() => readVerifierKey(key))).toBe('malformed_key');
    expect(codeOf(() => readSignerKey(`PRIVATE+KEY+${key}`))).toBe('malformed_key');
  });

  it('DLQ-11.e are signed by a new key that its public key verifies', () => {
    const { signer_key, verifier_key } = newNoteKeys('log.example/a');
    const signed = signNote('text\n', [readSignerKey(signer_key)]);
    expect(openNote(note(signed), [readVerifierKey(verifier_key)]).text).toBe('text\n');
    expect(codeOf(() => newNoteKeys('with space'))).toBe('malformed_key');
    expect(codeOf(() => newNoteKeys('with+plus'))).toBe('malformed_key');
  });
});

describe('checkpoints', () => {
  const { signer, verifier } = aKey();
  const head = { origin: ORIGIN, size: 8, root: ROOTS[8]! };

  it('DLQ-11.e say origin, size and root, each in a line', () => {
    const [text] = signCheckpoint(head, [signer]).split('\n\n');
    expect(text).toBe(`${ORIGIN}\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=`);
    expect(openCheckpoint(note(signCheckpoint(head, [signer])), [verifier], ORIGIN)).toEqual(head);
  });

  it.each([
    ['no root', `${ORIGIN}\n8\n`],
    ['a root that is no hash', `${ORIGIN}\n8\nAAAA\n`],
    ['a size with a leading zero', `${ORIGIN}\n08\n${head.root.toString('base64')}\n`],
    ['a size that is not counted exactly', `${ORIGIN}\n9007199254740993\n${head.root.toString('base64')}\n`],
    ['no origin', `\n8\n${head.root.toString('base64')}\n`],
    ['another origin', `other.example\n8\n${head.root.toString('base64')}\n`],
  ])('DLQ-11.e with %s are refused, though they are signed', (_what, text) => {
    expect(codeOf(() => openCheckpoint(note(signNote(text, [signer])), [verifier], ORIGIN))).toBe(
      'malformed_checkpoint',
    );
  });
});

describe('a rotation of keys', () => {
  const head = { origin: ORIGIN, size: 8, root: ROOTS[8]! };
  const [before, after, stranger] = [aKey(), aKey(), aKey()];
  const opens = (text: string, ...keys: (typeof before.verifier)[]) =>
    openCheckpoint(note(text), keys, ORIGIN).size === head.size;

  it('DLQ-11.h goes through checkpoints with two signature lines, which both the old and the new key verify', () => {
    const both = signCheckpoint(head, [before.signer, after.signer]);
    expect(both.match(/^\u2014 /gm)).toHaveLength(2);
    expect([opens(both, before.verifier), opens(both, after.verifier)]).toEqual([true, true]);
    expect(openNote(note(both), [before.verifier, after.verifier]).signed_by).toEqual([ORIGIN, ORIGIN]);
  });

  it('DLQ-11.h leaves the old key without a word on what only the new one signed', () => {
    const later = signCheckpoint(head, [after.signer]);
    expect(codeOf(() => opens(later, before.verifier))).toBe('unknown_key');
    expect(opens(later, before.verifier, after.verifier)).toBe(true);
    expect(codeOf(() => opens(later, stranger.verifier))).toBe('unknown_key');
  });

  it('DLQ-11.h refuses a checkpoint of which one of two known signatures is wrong', () => {
    const other = signCheckpoint({ ...head, size: 7 }, [after.signer]).split('\n\n')[1]!;
    const mixed = signCheckpoint(head, [before.signer]) + other;
    expect(opens(mixed, before.verifier)).toBe(true);
    expect(codeOf(() => opens(mixed, before.verifier, after.verifier))).toBe('bad_signature');
  });
});
