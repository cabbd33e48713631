import { Module } from '@nestjs/common';
import { ChangesService } from './changes.service.js';
import { LetterGauges } from './letter-gauges.js';
import { LettersRepository } from './letters.repository.js';

/** Dead letters themselves: their rows, their machine, their history, what tells of them. */
@Module({ providers: [ChangesService, LetterGauges, LettersRepository], exports: [ChangesService, LettersRepository] })
export class LettersModule {}
