/**
 * Preloaded by `node --import` in place of `--enable-source-maps`: stacks name our sources, and the maps of
 * dependencies, which nobody reads and which take 12 MB of each process's heap, are not kept.
 */
import module from 'node:module';

/** The dependencies with the largest maps, each of them a part of every service. */
const LARGE = [
  'typeorm',
  'rxjs',
  'rxjs/operators',
  'class-validator',
  'class-transformer',
  '@opentelemetry/sdk-metrics',
];

type SetSupport = (enabled: boolean, options: { nodeModules: boolean }) => void;
/** From Node 22.14 on. */
const { setSourceMapsSupport } = module as { setSourceMapsSupport?: SetSupport };

if (setSourceMapsSupport) setSourceMapsSupport(true, { nodeModules: false });
else {
  // Node 20 keeps the maps of all that is loaded from a moment on, and of nothing before it.
  for (const name of LARGE) await import(name);
  process.setSourceMapsEnabled(true);
}
