import { Inject, Injectable } from '@nestjs/common';
import { compatibility } from '@assay/review-engine';
import type { Compatibility, Policy } from '@assay/review-engine';
import { maySee } from '@assay/security';
import type { Principal } from '@assay/security';
import { POLICY } from '../validator.config.js';

@Injectable()
export class CompatibilityService {
  constructor(@Inject(POLICY) private readonly policy: Policy) {}

  /** VER-6, as the caller's source would be judged. Whose preview a version is, is told to these sources alone (GEN-8). */
  of(principal: Principal, asked: { schema_version?: string; prompt_version?: string }): Compatibility {
    const source = principal.role === 'submitter' ? principal.source : null;
    const { schema_versions, ...rest } = compatibility(this.policy, asked, source);
    return {
      schema_versions: schema_versions.map((entry) =>
        entry.status === 'preview'
          ? { ...entry, sources: entry.sources.filter((preview) => maySee(principal, preview)) }
          : entry,
      ),
      ...rest,
    };
  }
}
